"""Holds the figures of a classifier, with the probabilities that they were computed from."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np

from transferlearn.json_fields import Json
from transferlearn.tasks.classification.curves import Reliability, ThresholdCounts
from transferlearn.tasks.figures import Evaluation


@dataclass(frozen=True, eq=False, repr=False)
class ClassEvaluation(Evaluation):
    """Holds the figures of a classifier; `parts` has those of each class.

    Attributes:
        class_names: The names of the classes, in the order of the columns.
        probabilities: The probability of each class, float `(items, classes)`, in [0, 1].
        labels: The true class ids, int64 `(items,)`; where an item can have several classes, 0 and
            1, int64 `(items, classes)`.
        several: Whether an item can have several classes.
    """

    _: KW_ONLY
    class_names: tuple[str, ...]
    probabilities: np.ndarray
    labels: np.ndarray
    several: bool = False

    @property
    def predicted(self) -> np.ndarray:
        """The answers in the form of `labels`: the likeliest class, or all from 0.5 on."""
        if self.several:
            return (self.probabilities >= 0.5).astype("int64")
        return self.probabilities.argmax(axis=1).astype("int64")

    @property
    def confusion(self) -> np.ndarray:
        """Counts the items by true class (rows) and predicted class (columns).

        Returns:
            The counts, int64 `(classes, classes)`. Where an item can have several classes, each
            class has its own table of no and yes: `(classes, 2, 2)`.
        """
        classes = len(self.class_names)
        if self.several:
            cells = 4 * np.arange(classes) + 2 * self.labels + self.predicted
            return np.bincount(cells.ravel(), minlength=4 * classes).reshape(classes, 2, 2)
        cells = self.labels * classes + self.predicted
        return np.bincount(cells, minlength=classes**2).reshape(classes, classes)

    @property
    def reliability(self) -> Reliability:
        """Returns how often answers are right, by how sure the model is, in 15 bins."""
        return Reliability.of_items(self.probabilities, self.labels)

    def counts_by_threshold(self, class_name: str) -> ThresholdCounts:
        """Counts right and wrong items of a class at each threshold, for ROC and other curves."""
        place = self.class_names.index(class_name)
        is_of_class = self.labels[:, place] > 0 if self.several else self.labels == place
        return ThresholdCounts.of(self.probabilities[:, place], is_of_class)

    def shown_parts(self, count: int) -> Sequence[str]:
        """Returns all classes, or those with the lowest F1 where there are more than `count`."""
        parts = self.parts
        if len(parts) <= count:
            return list(parts)
        return sorted(parts, key=lambda name: np.nan_to_num(parts[name]["f1"], nan=2.0))[:count]

    def to_dict(self) -> Json:
        """Returns figures, intervals, class names and the confusion without its zeros."""
        fields = super().to_dict() | {"class_names": list(self.class_names)}
        if self.several:
            return fields
        names = self.class_names
        confusion: dict[str, dict[str, int]] = {}
        for true, predicted in zip(*np.nonzero(counts := self.confusion), strict=True):
            row = confusion.setdefault(names[true], {})
            row[names[predicted]] = int(counts[true, predicted])
        return fields | {"confusion": confusion}
