"""Defines what a network is trained towards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from transferlearn.data import Encoder
from transferlearn.tasks.solving.solver import Solver
from transferlearn.types import Loss, Metrics


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Holds the loss, the metrics and the form of the targets that a network is trained with.

    Attributes:
        loss: The loss, as `compile` takes it: a single one, or a mapping of losses by output.
        metrics: A function that makes fresh metrics, as `compile` takes them.
        encode: Turns raw targets into what the loss reads; `None`: it reads them as they are.
        solver: Solves the head's Dense layer; `None`: it cannot be solved.
        unsolvable: The reason why it cannot, such as `"its loss is no plain cross-entropy"`.
        of_tokens: Whether each token has an answer, below 0 where it has none.
    """

    loss: Loss | Mapping[str, Loss]
    metrics: Callable[[], Metrics]
    encode: Encoder | None
    solver: Solver | None = None
    unsolvable: str = ""
    of_tokens: bool = False
