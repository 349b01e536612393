"""What is learnt: how targets become a loss, a score, predictions and figures."""

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import keras
import numpy as np

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Encoder, Spec, Target, Targets
from transferlearn.heads import Output
from transferlearn.tasks.figures import Evaluation, Interval
from transferlearn.tasks.scores import Score

Prediction = TypeVar("Prediction", covariant=True)
PREDICTIONS = "predictions"  # the name of the output of a network that has one


class SolvedLayer(NamedTuple):
    """A Dense layer that was solved exactly.

    Attributes:
        kernel: Float32 `(features, units)`.
        bias: Float32 `(units,)`.
        strength: Of the L2 penalty, one for each unit or one for all; chosen by cross-validation.
        score: Cross-validated, of the figure that `Solver.score` names.
        held_out: Items that `score` was measured on.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: np.ndarray
    score: float
    held_out: int


class Solver(abc.ABC):
    """Solves a Dense layer on features, in place of gradient steps.

    Attributes:
        score: The figure that is cross-validated, such as `"accuracy"`.
    """

    score: ClassVar[str]

    @abc.abstractmethod
    def solve(
        self, features: np.ndarray, targets: np.ndarray, weights: np.ndarray | None, seed: int
    ) -> SolvedLayer:
        """Solves the layer, with the penalty that cross-validation finds best.

        Args:
            features: Float32 `(items, features)`.
            targets: As the objective's `encode` makes them.
            weights: Float `(items,)`, or `None`.
            seed: Of the folds.
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
    def looks_through(self, operation: Any) -> bool:
        """Says whether an operation behind the layer leaves the solution what it is."""

    @abc.abstractmethod
    def interval(self, score: float, items: int) -> Interval:
        """Gives the interval of 95% of a cross-validated score of so many items."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a network is trained towards.

    Attributes:
        loss: What `compile` takes: one loss, or a mapping of losses by output.
        metrics: Makes fresh metrics, as `compile` takes them.
        encode: Makes of raw targets what the loss reads; `None`: it reads them as they are.
        solver: Solves the head's Dense layer; `None`: it cannot be solved.
        unsolvable: Why it cannot, such as `"its loss is no plain cross-entropy"`.
    """

    loss: Any
    metrics: Callable[[], Any]
    encode: Encoder | None
    solver: Solver | None = None
    unsolvable: str = ""


class Seen(NamedTuple):
    """What is known of an item that was predicted on: the path of its file, where it has one."""

    path: str | None = None


class Encoding(abc.ABC, Generic[Prediction]):
    """What was learnt of the targets before training, and all that depends on it.

    Subclasses are frozen dataclasses of what is learnt (names of classes, mean and spread), which
    a save holds as JSON.

    Attributes:
        name: Of the task, as saves call it.
        score: Ranks weights, trials and networks.
    """

    name: ClassVar[str]
    score: ClassVar[Score]

    @property
    def guessing_loss(self) -> float:
        """Gives the loss of knowing nothing; infinite where that is not known."""
        return math.inf

    @property
    @abc.abstractmethod
    def target(self) -> Target:
        """Gives the target that reads other data as the training data was read."""

    @property
    @abc.abstractmethod
    def outputs(self) -> Mapping[str, Output]:
        """Gives what a network has to put out, by name."""

    @property
    def inputs(self) -> Mapping[str, Spec]:
        """Gives what a network takes besides the items, by name, such as a decoder's token ids."""
        return {}

    @property
    def raw(self) -> Encoder | None:
        """Gives the encoder whose targets `measure` takes, for streams of any form."""
        return None

    def finish(self, outputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Puts the last layers, which are not the head's own, behind the head's outputs."""
        return outputs

    @abc.abstractmethod
    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Any) -> Self:
        """Takes note of what a network's outputs are.

        Args:
            outputs: Of the network, by name.
            loss: The builder's; `None`: the one that fits.

        Raises:
            ValueError: The outputs cannot tell what is to be learnt.
        """

    @abc.abstractmethod
    def objective(
        self, *, loss: Any, metrics: Any, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Chooses what the network is trained towards.

        Args:
            loss: The builder's; `None`: the one that fits the outputs.
            metrics: The builder's, templates; `None`: those that fit.
            targets: To train on; `None` where they are not known yet.
            mixed: Whether items, and their targets with them, are mixed in training.

        Raises:
            ValueError: Metrics that do not go with the loss.
        """

    def linear_solver(self) -> Solver | None:
        """Gives the solver of a linear layer that learns this, whatever a network's head is.

        It takes targets as `raw` makes them. `None`: there is no such solver.
        """
        return None

    def baseline(self, targets: Targets) -> float | None:
        """Gives the score of always giving the commonest answer; `None` where it is not known."""
        return None

    @abc.abstractmethod
    def values(self, outputs: Any) -> np.ndarray:
        """Makes of a network's outputs what they mean, such as probabilities; one row a row."""

    @abc.abstractmethod
    def decode(self, values: np.ndarray, seen: Sequence[Seen]) -> list[Prediction]:
        """Makes predictions of values, one an item."""

    @abc.abstractmethod
    def measure(self, values: np.ndarray, targets: np.ndarray) -> Evaluation:
        """Scores values against raw targets, or those that `raw` makes."""

    @abc.abstractmethod
    def summary(self) -> str:
        """Says in a few words what was learnt, such as `"2 classes: cat, dog"`."""

    @abc.abstractmethod
    def settings(self) -> dict[str, Any]:
        """Gives what a save has to say to make this encoding again, as JSON takes it."""

    @classmethod
    @abc.abstractmethod
    def load(cls, settings: dict[str, Any]) -> Self:
        """Makes the encoding that was saved with these settings."""


class Task(abc.ABC, Generic[Prediction]):
    """What is learnt, before any data is seen. Subclasses are frozen dataclasses of settings.

    Attributes:
        target: What is to be found in the data, where `fit` says nothing more of it.
    """

    target: Target

    @abc.abstractmethod
    def learn(self, targets: Targets) -> Encoding[Prediction]:
        """Learns from the training targets what an encoding has to know.

        Raises:
            ValueError: They are not what this task learns.
        """


def in_numpy(outputs: Any) -> Any:
    """Gives what a network put out as NumPy arrays."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
