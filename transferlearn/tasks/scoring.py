"""Defines how the answers of a task are scored: by targets, beside a guess, and in pairs."""

import abc
import math
from typing import Any, ClassVar, Generic

import numpy as np
from typing_extensions import TypeVar

from transferlearn.data import Encoder, Targets
from transferlearn.monitoring import OutputSignals, Unwatched
from transferlearn.tasks.figures import Evaluation, Tally
from transferlearn.tasks.pairs import PairedTest
from transferlearn.types import Prediction

Learnt = TypeVar("Learnt", bound=Targets, default=Any)
"""The targets of a task, such as `ClassTargets`."""

Scored = TypeVar("Scored", bound=Evaluation, default=Any)
"""What holds the figures of a task, such as `ClassEvaluation`."""


class Scoring(abc.ABC, Generic[Learnt, Scored, Prediction]):
    """Scores values, one row an item, against raw targets, and compares the figures of two models.

    Subclasses are frozen dataclasses of what scoring needs to know, such as the names of classes.

    Attributes:
        by_batch: Whether values are as large as items, such as masks: then only those of a batch
            are held at a time, and `tally` says what is kept of them.
    """

    by_batch: ClassVar[bool] = False

    @property
    def raw(self) -> Encoder | None:
        """The encoder that turns targets of any form into those that `measure` takes.

        It makes no further inputs. `None`: `measure` takes targets as streams give them.
        """
        return None

    @abc.abstractmethod
    def measure(self, values: np.ndarray, targets: np.ndarray) -> Scored:
        """Scores values against raw targets, or against those that `raw` makes."""

    @property
    def signals(self) -> OutputSignals:
        """Returns what a monitor watches of the reader's `numbers`; by default nothing."""
        return Unwatched()

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns how wrong each answer is, float `(rows,)`; 0 is right, NaN is not known."""
        return self.signals.errors(values, targets)

    @property
    def guessing_loss(self) -> float:
        """The loss of a model that knows nothing; infinity where that is not known."""
        return math.inf

    def baseline(self, targets: Learnt) -> float | None:
        """Returns the score of guessing, by the commonest class or the mean; `None`: not known."""
        return None

    def guess(self, targets: Learnt) -> np.ndarray | None:
        """Returns one item's values by a model that saw these targets alone; `None`: not known."""
        return None

    def guessed(self, guess: np.ndarray, seen: Scored) -> Scored:
        """Scores a guess of all items that were evaluated, see `guess`."""
        assert seen.targets is not None
        return self.measure(np.repeat(guess[None], len(seen.targets), axis=0), seen.targets)

    def compare(self, first: Scored, second: Scored) -> PairedTest | None:
        """Tests by how much the second score of the same items is better; `None`: no such test."""
        return None

    def tally(
        self, values: np.ndarray, targets: np.ndarray, unchanged: np.ndarray | None = None
    ) -> Tally:
        """Counts what a batch's values and raw targets add to the figures, if `by_batch`.

        Args:
            values: The values of the batch.
            targets: Its raw targets.
            unchanged: What `unchanged` gives for its items.
        """
        raise TypeError(f"by_batch is True, so {type(self).__name__} needs a tally of its own.")

    def tally_of(
        self, prediction: Prediction, target: np.ndarray, unchanged: np.ndarray | None = None
    ) -> Tally:
        """Counts what a prediction in its photo's own size adds, where predictions are maps."""
        raise TypeError(f"{type(self).__name__} needs a tally of predictions for tile.")

    def unchanged(self, items: np.ndarray) -> np.ndarray | None:
        """Returns the values of a model that gives raw items back; `None`: items are no answers."""
        return None

    def classical(
        self, unchanged: np.ndarray, targets: np.ndarray, *, before: int, of: int | None
    ) -> Tally | None:
        """Counts what a method without learning adds, for a batch after `before` of `of` items."""
        return None
