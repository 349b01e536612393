"""Scores probabilities of classes, and compares the answers of two classifiers."""

import math
from dataclasses import dataclass

import numpy as np

from transferlearn.data.targets import ClassTargets, OneHot
from transferlearn.edge import ClassPrediction
from transferlearn.monitoring import AnyClasses, OneClass, OutputSignals
from transferlearn.tasks.classification.evaluation import ClassEvaluation
from transferlearn.tasks.classification.figures import classification_figures, majority
from transferlearn.tasks.intervals import group_sums
from transferlearn.tasks.pairs import PairedTest, mcnemar, paired_bootstrap
from transferlearn.tasks.scoring import Scoring


@dataclass(frozen=True)
class ClassScoring(Scoring[ClassTargets, ClassEvaluation, ClassPrediction]):
    """Scores probabilities of classes.

    Attributes:
        class_names: The names of the classes, in the order of the probabilities.
        several: Whether an item can have several classes.
    """

    class_names: tuple[str, ...]
    several: bool

    @property
    def raw(self) -> OneHot:
        """The encoder of ids, shares and tags as rows with a number for each class."""
        return OneHot(len(self.class_names))

    @property
    def signals(self) -> OutputSignals:
        """Returns what a monitor watches: probabilities of classes, one or several an item."""
        return (AnyClasses if self.several else OneClass)(self.class_names)

    @property
    def guessing_loss(self) -> float:
        """The cross-entropy of a model that finds all answers equally likely, in nats."""
        return math.log(2 if self.several else len(self.class_names))

    def measure(self, values: np.ndarray, targets: np.ndarray) -> ClassEvaluation:
        """Returns the accuracy, the loss, the recall of each class and more."""
        return classification_figures(values, targets, self.class_names, multi_label=self.several)

    def baseline(self, targets: ClassTargets) -> float | None:
        """Returns the accuracy of always giving the commonest answer; `None` for unread streams."""
        if targets.labels is None:
            return None
        return majority(targets.labels, multi_label=self.several)

    def guess(self, targets: ClassTargets) -> np.ndarray | None:
        """Returns the share of each class, of which the largest is the commonest one."""
        labels, count = targets.labels, len(self.class_names)
        if labels is None:
            return None
        if labels.ndim == 2:
            return np.asarray(labels.mean(0))
        return np.bincount(labels, minlength=count) / len(labels)

    def compare(self, first: ClassEvaluation, second: ClassEvaluation) -> PairedTest | None:
        """Compares the accuracies: by McNemar's test, that of tags by a paired bootstrap."""
        right = [one.predicted == one.labels for one in (first, second)]
        if not first.several:
            return mcnemar(*right)
        # The answers for the tags of one item are not independent, so whole items are drawn.
        shares = [*(rows.mean(axis=1) for rows in right), np.ones(len(first.labels))]
        sums = group_sums(np.stack(shares, axis=1))
        return paired_bootstrap(sums, lambda drawn: (drawn[..., 1] - drawn[..., 0]) / drawn[..., 2])
