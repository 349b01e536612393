"""Defines the base class of solvers of linear heads."""

import abc
from typing import NamedTuple

import numpy as np

from transferlearn.tasks.intervals import Interval
from transferlearn.types import Operation


class SolvedLayer(NamedTuple):
    """Holds the weights of a Dense layer that was solved exactly.

    Attributes:
        kernel: The layer's kernel, float32 `(features, units)`.
        bias: The layer's bias, float32 `(units,)`.
        strength: The strength of the L2 penalty, one for each unit or one for all; cross-validation
            chose it.
        score: The cross-validated value of the figure that `score_name` names.
        loss: The cross-validated value of the training loss, without the penalty.
        held_out: How many items `score` was measured on; where unequal classes count alike in it,
            how many items of equal classes would say as much.
        left_out: The numbers of some items, int64 `(n,)`, and for each the output of a layer that
            was solved without it, float32 `(n, units)`. `None`: not known.
        score_name: The name of the figure that was cross-validated, such as `"accuracy"`.
        surer_if_right: How often the layer is surer of an item that it is right about than of one
            that it is wrong about, both left out, in [0, 1]. `None`: not known.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: np.ndarray
    score: float
    loss: float
    held_out: int
    left_out: tuple[np.ndarray, np.ndarray] | None
    score_name: str
    surer_if_right: float | None = None


class Solver(abc.ABC):
    """Solves a Dense layer on features, in place of gradient steps."""

    @abc.abstractmethod
    def solve(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None,
        seed: int,
        groups: np.ndarray | None = None,
    ) -> SolvedLayer:
        """Solves the layer, with the penalty that cross-validation finds best.

        Args:
            features: The layer's input, float32 `(items, features)`.
            targets: The targets, as the objective's `encode` makes them.
            weights: The weight of each item, float `(items,)`; `None`: all weigh the same.
            seed: The seed of the random folds of the cross-validation.
            groups: The number of each item's group, int64 `(items,)`, which the cross-validation
                keeps whole; `None`: each item is alone.
        """

    @abc.abstractmethod
    def solve_again(
        self,
        solved: SolvedLayer,
        features: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solves the layer on other items with the same penalty, and gives kernel and bias."""

    @abc.abstractmethod
    def errors(self, solved: SolvedLayer, targets: np.ndarray) -> np.ndarray:
        """Returns how wrong the layers were about the items of `left_out`, float64 `(n,)`.

        The smaller the mean is, the higher is the score.

        Args:
            solved: What `solve` gave; `left_out` is known.
            targets: The targets that were passed to it.
        """

    @abc.abstractmethod
    def looks_through(self, operation: Operation) -> bool:
        """Returns whether the layer can be solved although this operation comes after it."""

    @abc.abstractmethod
    def interval(self, score: float, items: int) -> Interval:
        """The 95% interval of a cross-validated score that was measured on `items` items."""
