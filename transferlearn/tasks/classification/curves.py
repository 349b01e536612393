"""Computes what classifiers are judged by at every threshold, and how far they can be believed."""

from typing import NamedTuple

import numpy as np

_BINS = 15


class ThresholdCounts(NamedTuple):
    """Counts the items that have at least a certain probability of a class.

    Attributes:
        thresholds: The probabilities that occur, the largest first.
        true: How many items of the class have at least this probability.
        false: How many other items have.
    """

    thresholds: np.ndarray
    true: np.ndarray
    false: np.ndarray

    @classmethod
    def of(cls, probability: np.ndarray, is_of_class: np.ndarray) -> "ThresholdCounts":
        """Counts for each threshold; items of the same probability are counted together.

        Args:
            probability: The probability of the class, `(items,)`.
            is_of_class: Whether each item is of the class, bool `(items,)`.
        """
        order = np.argsort(-probability, kind="stable")
        falling = probability[order]
        last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
        true = np.cumsum(is_of_class[order])[last]
        return cls(falling[last], true, last + 1 - true)

    @property
    def roc_auc(self) -> float:
        """The area under the ROC curve; NaN where all items are alike.

        It is the probability that an item of the class has a larger probability than another item,
        see Hanley and McNeil, [1982](https://doi.org/10.1148/radiology.143.1.7063747).
        """
        true, false = (np.concatenate([[0], counts]) for counts in (self.true, self.false))
        if not true[-1] or not false[-1]:
            return float("nan")
        area = (np.diff(false) * (true[1:] + true[:-1])).sum() / 2
        return float(area / (float(true[-1]) * float(false[-1])))

    @property
    def average_precision(self) -> float:
        """The mean precision over all recalls, without interpolation; NaN: no such items."""
        if not self.true[-1]:
            return float("nan")
        steps = np.diff(self.true, prepend=0) / self.true[-1]
        return float((steps * self.true / (self.true + self.false)).sum())


class Reliability(NamedTuple):
    """Holds how often answers are right, by how sure the model is: 15 bins of equal width.

    Attributes:
        edges: The edges of the bins, `(16,)`; an answer on an edge belongs to the bin below.
        counts: The number of answers in each bin, int64 `(15,)`.
        confidence: The mean probability of the answers in each bin; NaN in an empty bin.
        accuracy: The share of them that is right; NaN in an empty bin.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @classmethod
    def of(cls, confidence: np.ndarray, right: np.ndarray) -> "Reliability":
        """Puts answers into bins.

        Args:
            confidence: The probability of each answer, `(answers,)`, in [0, 1].
            right: Whether each answer is right, `(answers,)`.
        """
        edges = np.linspace(0, 1, _BINS + 1)
        bins = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, _BINS - 1)
        counts = np.bincount(bins, minlength=_BINS)
        sums = (np.bincount(bins, part, minlength=_BINS) for part in (confidence, right))
        means = (
            np.divide(part, counts, out=np.full(_BINS, np.nan), where=counts > 0) for part in sums
        )
        return cls(edges, counts, *means)

    @classmethod
    def of_items(cls, probabilities: np.ndarray, labels: np.ndarray) -> "Reliability":
        """Puts a classifier's answers into bins.

        Args:
            probabilities: The probability of each class, `(items, classes)`.
            labels: The true class ids `(items,)`: an item's answer is its likeliest class. Or 0 and
                1 `(items, classes)`: each class of each item is an answer, sure with the
                probability of yes, and right where yes is.
        """
        if labels.ndim == 2:
            return cls.of(probabilities.ravel(), labels.ravel())
        return cls.of(probabilities.max(axis=1), probabilities.argmax(axis=1) == labels)

    @property
    def error(self) -> float:
        """The expected calibration error: the mean gap of confidence and accuracy.

        Reference: Guo et al., [On calibration](https://arxiv.org/abs/1706.04599).
        """
        gaps = np.nan_to_num(np.abs(self.confidence - self.accuracy))
        return float(self.counts @ gaps / self.counts.sum())
