"""The figure by which weights, trials and networks of a task are compared, and its noise."""

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from transferlearn.tasks.figures import r2_error

_STANDARD_ERRORS = 2.0  # 95% of what is noise stays below


@dataclass(frozen=True)
class Score(abc.ABC):
    """Names a figure, and says how far it goes by chance.

    More is better, and 1 is perfect: for an error rate, take what is left of 1.

    Args:
        name: What metrics call it, such as `"accuracy"`.

    Attributes:
        guess: What one does who knows nothing of an item, in words.
    """

    name: str

    guess: ClassVar[str]

    @property
    def key(self) -> str:
        """Gives the key in the history for what is held out."""
        return f"val_{self.name}"

    def rank(self, metrics: Mapping[str, Any]) -> float:
        """Gives the score among metrics; the least where it is missing."""
        return float(metrics.get(self.key, -math.inf))

    @abc.abstractmethod
    def is_called(self, name: str) -> bool:
        """Says whether a metric of this name, which a user chose, is such a figure."""

    @abc.abstractmethod
    def standard_error(self, value: float, items: float) -> float:
        """Says how far such a figure of so many items goes by chance: one standard deviation."""

    def noise(self, value: float, items: float) -> float:
        """Says how far it goes at most, in 95% of all cases: two standard errors."""
        return _STANDARD_ERRORS * self.standard_error(value, items)

    @abc.abstractmethod
    def shown(self, value: float) -> str:
        """Writes a value, or a difference of two, in the usual way."""

    @abc.abstractmethod
    def said(self, value: float) -> str:
        """Says in words how good a value is."""


@dataclass(frozen=True)
class Share(Score):
    """A share of items that are right."""

    guess: ClassVar[str] = "always giving the commonest answer"

    def is_called(self, name: str) -> bool:
        """Recognises Keras's accuracies, but for those of the best few answers."""
        return name.endswith(("accuracy", "acc")) and "top" not in name

    def standard_error(self, value: float, items: float) -> float:
        """Gives that of a share of `items` independent answers."""
        return math.sqrt(value * (1 - value) / items)

    def noise(self, value: float, items: float) -> float:
        """Gives two standard errors, also of a share of 0 or 1 (Agresti and Coull)."""
        added = _STANDARD_ERRORS**2
        middle = (value * items + added / 2) / (items + added)
        return _STANDARD_ERRORS * math.sqrt(middle * (1 - middle) / (items + added))

    def shown(self, value: float) -> str:
        """Writes it in percent."""
        return f"{value:.1%}"

    def said(self, value: float) -> str:
        """Says how many are right."""
        return f"{value:.1%} are right"


@dataclass(frozen=True)
class Determination(Score):
    """R2, the share of the variance of numbers that is explained; the mean of several columns'."""

    guess: ClassVar[str] = "always giving the mean"

    def is_called(self, name: str) -> bool:
        """Recognises Keras's R2."""
        return name in (self.name, "r2", "r2_score")

    def standard_error(self, value: float, items: float) -> float:
        """Gives that for normal errors."""
        return r2_error(value, items)

    def shown(self, value: float) -> str:
        """Writes it with three places."""
        return f"{value:.3f}"

    def said(self, value: float) -> str:
        """Says how much is explained."""
        return f"R2 is {value:.3f}"
