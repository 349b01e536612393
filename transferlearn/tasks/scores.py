"""Defines the scores by which weights, trials and networks are compared, and their noise."""

import abc
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from transferlearn.tasks.intervals import Interval, r2_error, r2_interval, wilson

_STANDARD_ERRORS = 2.0  # in 95% of all cases, chance moves a figure by less than so many


@dataclass(frozen=True)
class Score(abc.ABC):
    """Names the figure by which models are compared, and says how far it moves by chance.

    A larger score is better, and 1 is perfect: for an error rate, take 1 minus the error rate.

    Args:
        name: The name of the metric, such as `"accuracy"`.

    Attributes:
        least: The least value that there can be.
        guess: What a model does that knows nothing of an item, in words.
        of_items: Whether the number of items tells how far chance moves it.
        by_loss: Whether held-out loss tells two networks apart on fewer items than this score does.
        interval_method: How `interval` is computed, in words.
    """

    name: str

    least: ClassVar[float] = -math.inf
    guess: ClassVar[str]
    of_items: ClassVar[bool] = True
    by_loss: ClassVar[bool] = False
    interval_method: ClassVar[str] = "two standard errors"

    @property
    def key(self) -> str:
        """The key under which the history has the score of held-out data."""
        return f"val_{self.name}"

    def rank(self, metrics: Mapping[str, float]) -> float:
        """Returns the held-out score out of metrics by name; minus infinity where it is missing."""
        return float(metrics.get(self.key, -math.inf))

    def is_called(self, name: str) -> bool:
        """Returns whether a metric of this name, which a user chose, is a score of this kind."""
        return name == self.name

    def standard_error(self, value: float, items: float) -> float:
        """Returns the standard deviation by chance of a score that was measured on `items` items.

        By default it is the most that it can be where items are independent, each from 0 to 1.
        """
        share = min(max(value, 0.0), 1.0)
        return math.sqrt(share * (1 - share) / items)

    def noise(self, value: float, items: float) -> float:
        """Returns the most that chance moves a score in 95% of all cases: two standard errors."""
        return _STANDARD_ERRORS * self.standard_error(value, items)

    def interval(self, value: float, items: int) -> Interval:
        """Returns the 95% interval of a score that was measured on `items` independent items."""
        noise = self.noise(value, items)
        return max(value - noise, self.least), min(value + noise, 1.0)

    def shown(self, value: float) -> str:
        """Writes a score, or a difference of two scores; by default with three decimal places."""
        return f"{value:.3f}"

    def also(self, value: float, baseline: float | None) -> str:
        """Returns the same score by its better known name, such as a perplexity; by default none.

        Args:
            value: The score.
            baseline: That of `guess`; `None`: it is not known.
        """
        return ""

    @abc.abstractmethod
    def said(self, value: float) -> str:
        """Describes how good a score is."""


@dataclass(frozen=True)
class Share(Score):
    """Names the share of answers that are right, such as the accuracy."""

    guess: ClassVar[str] = "always giving the commonest answer"
    interval_method: ClassVar[str] = "Wilson"

    def is_called(self, name: str) -> bool:
        """Returns whether this is the name of an accuracy, but not of a top-k accuracy."""
        # A top-k accuracy is larger for the same answers, so it cannot be compared with others.
        return name.endswith(("accuracy", "acc")) and "top" not in name

    def noise(self, value: float, items: float) -> float:
        """Returns two standard errors of a share, by Agresti and Coull."""
        # For a share of 0 or 1 the plain standard error is 0, which says nothing.
        added = _STANDARD_ERRORS**2
        middle = (value * items + added / 2) / (items + added)
        return _STANDARD_ERRORS * math.sqrt(middle * (1 - middle) / (items + added))

    def interval(self, value: float, items: int) -> Interval:
        """Returns Wilson's interval."""
        return wilson(value, items)

    def shown(self, value: float) -> str:
        """Writes the share in percent."""
        return f"{value:.1%}"

    def said(self, value: float) -> str:
        """Describes what share of the answers is right."""
        return f"{value:.1%} are right"


@dataclass(frozen=True)
class Determination(Score):
    """Names R2, the share of the variance of numbers that is explained.

    Where there are several numbers, it is the mean of their R2.
    """

    guess: ClassVar[str] = "always giving the mean"
    interval_method: ClassVar[str] = "Olkin and Finn"

    def is_called(self, name: str) -> bool:
        """Returns whether this is the name of this R2, or of Keras's."""
        return name in (self.name, "r2", "r2_score")

    def standard_error(self, value: float, items: float) -> float:
        """Returns the standard error of the R2 for normal errors."""
        return r2_error(value, items)

    def interval(self, value: float, items: int) -> Interval:
        """Returns the interval for normal errors, whose logarithm is taken for normal."""
        return r2_interval(value, items)

    def said(self, value: float) -> str:
        """Describes how large the R2 is."""
        return f"R2 is {value:.3f}"


@dataclass(frozen=True)
class Overlap(Score):
    """Names the mean over classes of intersection over union of masks."""

    least: ClassVar[float] = 0.0
    guess: ClassVar[str] = "always giving the commonest class"
    by_loss: ClassVar[bool] = True  # loss is of all pixels; IoU also of rare classes

    def said(self, value: float) -> str:
        """Describes how large the mean IoU is."""
        return f"mean IoU is {value:.3f}"


@dataclass(frozen=True)
class FScore(Score):
    """Names the F1 of what is found, such as entities."""

    least: ClassVar[float] = 0.0
    guess: ClassVar[str] = "finding nothing"
    by_loss: ClassVar[bool] = True  # loss is of all words; F1 of the few that are entities

    def said(self, value: float) -> str:
        """Describes how large the F1 is."""
        return f"F1 is {value:.3f}"


@dataclass(frozen=True)
class Likelihood(Score):
    """Names the geometric mean of the probabilities of the right tokens: 1 / perplexity."""

    least: ClassVar[float] = 0.0
    of_items: ClassVar[bool] = False
    guess: ClassVar[str] = "the pretrained network"
    by_loss: ClassVar[bool] = True  # its logarithm is the loss

    def said(self, value: float) -> str:
        """Describes how large the mean probability is."""
        return f"token probability is {value:.3f}"

    def also(self, value: float, baseline: float | None) -> str:
        """Returns the perplexity, beside that of the pretrained network."""
        own, *before = (
            f"{1 / x if x else math.inf:.4g}" for x in (value, baseline) if x is not None
        )
        return f"perplexity {own}" + "".join(f", of the pretrained network {x}" for x in before)


@dataclass(frozen=True)
class Similarity(Score):
    """Names the mean over pictures of the structural similarity, SSIM."""

    least: ClassVar[float] = -1.0
    guess: ClassVar[str] = "giving back what goes in"

    def said(self, value: float) -> str:
        """Describes how large the SSIM is."""
        return f"SSIM is {value:.3f}"


@dataclass(frozen=True)
class MeanAveragePrecision(Score):
    """Names the mean average precision of detections, over classes and over IoUs of .5 to .95."""

    least: ClassVar[float] = 0.0
    guess: ClassVar[str] = "finding nothing"

    def said(self, value: float) -> str:
        """Describes how large the mean average precision is."""
        return f"mean average precision is {value:.3f}"
