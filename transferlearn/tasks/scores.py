"""The figure by which weights, trials and networks of a task are compared, and its noise."""

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

_STANDARD_ERRORS = 2.0  # 95% of what is noise stays below


@dataclass(frozen=True)
class Score(abc.ABC):
    """Names a figure, and says how good a value of it is and how far it goes by chance.

    How good is 1 for what is perfect, and `goodness(baseline, baseline)` for guessing.

    Args:
        name: As metrics call it, such as `"accuracy"`.
    """

    name: str

    higher_is_better: ClassVar[bool]

    @property
    def key(self) -> str:
        """Gives the key in the history for what is held out."""
        return f"val_{self.name}"

    def rank(self, metrics: Mapping[str, Any]) -> float:
        """Gives the score among metrics so that more is better; the least where it is missing."""
        if self.key not in metrics:
            return -math.inf
        return float(metrics[self.key]) * (1 if self.higher_is_better else -1)

    @abc.abstractmethod
    def is_called(self, name: str) -> bool:
        """Says whether a metric of this name, which a user chose, is such a figure."""

    @abc.abstractmethod
    def standard_error(self, value: float, items: float) -> float:
        """Says how far such a figure of so many items goes by chance: one standard deviation."""

    @abc.abstractmethod
    def goodness(self, value: float, baseline: float) -> float:
        """Says how good a value is.

        Args:
            value: Of the figure.
            baseline: The figure of always giving the commonest answer.
        """

    @abc.abstractmethod
    def noise(self, goodness: float, items: float) -> float:
        """Says how far the goodness of so many items goes by chance: two standard errors."""

    @abc.abstractmethod
    def said(self, goodness: float) -> str:
        """Says in words how good that is."""


@dataclass(frozen=True)
class Share(Score):
    """A share of items that are right: more is better."""

    higher_is_better: ClassVar[bool] = True

    def is_called(self, name: str) -> bool:
        """Recognises Keras's accuracies, but for those of the best few answers."""
        return name.endswith(("accuracy", "acc")) and "top" not in name

    def standard_error(self, value: float, items: float) -> float:
        """Gives that of a share of `items` independent answers."""
        return math.sqrt(value * (1 - value) / items)

    def goodness(self, value: float, baseline: float) -> float:
        """Gives the share itself."""
        return value

    def noise(self, goodness: float, items: float) -> float:
        """Gives that of a share, also one of 0 or 1 (Agresti and Coull)."""
        added = _STANDARD_ERRORS**2
        middle = (goodness * items + added / 2) / (items + added)
        return _STANDARD_ERRORS * math.sqrt(middle * (1 - middle) / (items + added))

    def said(self, goodness: float) -> str:
        """Says how many are right."""
        return f"{goodness:.1%} are right"


@dataclass(frozen=True)
class MeanError(Score):
    """A mean of absolute errors: less is better."""

    higher_is_better: ClassVar[bool] = False

    def is_called(self, name: str) -> bool:
        """Recognises Keras's mean absolute error."""
        return name in (self.name, "mae", "mean_absolute_error")

    def standard_error(self, value: float, items: float) -> float:
        """Gives that of a mean of `items` absolute errors, as if errors were normal."""
        return math.sqrt((math.pi / 2 - 1) / items) * value

    def goodness(self, value: float, baseline: float) -> float:
        """Gives the share of the error of guessing that is gone."""
        return 1 - value / baseline if baseline else math.nan

    def noise(self, goodness: float, items: float) -> float:
        """Gives that of the share of the error that is left."""
        return _STANDARD_ERRORS * self.standard_error(1 - goodness, items)

    def said(self, goodness: float) -> str:
        """Says how much of the error of guessing is left."""
        return f"{1 - goodness:.1%} of the error of guessing is left"
