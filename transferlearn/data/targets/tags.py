"""Finds any number of classes for each item: a yes or no for each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transferlearn.data.listed import ByColumn, ByFolder, ByRow, Listed
from transferlearn.data.targets.base import ByBatch, Target
from transferlearn.data.targets.classes import (
    ClassTargets,
    folder_classes,
    folder_ids,
    own_names,
)
from transferlearn.data.targets.columns import LABEL_COLUMNS, find_column
from transferlearn.data.targets.labels import check_names, is_missing, one_hot, tag_rows


@dataclass(frozen=True, kw_only=True, eq=False)
class TagTargets(ClassTargets):
    """Holds the classes of each item; `labels` are float32 `(n, classes)` of 0 and 1."""

    _may_lack_classes: ClassVar[bool] = True

    def parse(self, given: np.ndarray) -> np.ndarray:
        """Turns the labels that a stream gives with a batch into rows of 0 and 1."""
        return tag_rows(given, self.class_names)[0]

    def strata(self) -> np.ndarray:
        """Returns, for each item, the one of its classes that the fewest items have."""
        rows = self.all
        # An item of no class counts as one of class 0.
        return np.where(rows > 0, rows.sum(axis=0), np.inf).argmin(axis=1)

    def check(self, noun: str, left_out: str) -> None:
        """Refuses a class that no item has, and fewer items than classes."""
        self._refuse_empty(noun, left_out)
        self._refuse_few(noun)


@dataclass(frozen=True)
class Tags(Target):
    """Learns which of several classes each item has, any number of them.

    Args:
        class_names: The names of the classes in order; by default those found in the data.

    In a table the column is called as for `Classes`, and its cells hold names with `|` between
    them; arrays hold rows of 0 and 1, or for each item a list of names.
    """

    class_names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", check_names(self.class_names))

    @property
    def columns(self) -> tuple[str, ...]:
        """The usual names of a column of labels."""
        return LABEL_COLUMNS

    def of_folders(self, origin: ByFolder, listed: Listed) -> TagTargets:
        """Returns each file one class, that of its folder."""
        names = folder_classes(origin, listed, self.class_names)
        return TagTargets(class_names=names, labels=one_hot(folder_ids(origin, names), len(names)))

    def of_columns(self, origin: ByColumn, listed: Listed) -> TagTargets:
        """Reads the column of labels; an empty cell means that the item has no class."""
        cells = origin.columns[find_column(origin, listed, self.columns, "label", "call it label")]
        labels, names = tag_rows([_names(cell) for cell in cells], self.class_names)
        return TagTargets(class_names=names, labels=labels)

    def of_rows(self, origin: ByRow) -> TagTargets:
        """Takes the rows of 0 and 1, or lists of names, that were passed beside the items."""
        labels, names = tag_rows(origin.rows, self.class_names)
        return TagTargets(class_names=names, labels=labels)

    def of_stream(self, origin: ByBatch) -> TagTargets:
        """Finds the classes in the first items, or in the labels that the stream has at hand."""
        names = own_names(origin, self.class_names)
        if origin.rows is None:
            _, found = tag_rows(origin.first, names)
            return TagTargets(class_names=found, labels=None)
        if origin.names is None:
            labels, found = tag_rows(origin.rows, names)
            return TagTargets(class_names=found, labels=labels)
        if origin.mode != "categorical":
            raise ValueError(
                f'multi_label=True needs class_mode="categorical". Received: {origin.mode!r}'
            )
        labels = np.zeros((len(origin.rows), len(origin.names)), np.float32)
        # The iterator holds, for each image, the ids of its classes.
        for row, ids in zip(labels, origin.rows, strict=True):
            row[ids] = 1
        return TagTargets(class_names=origin.names, labels=labels)


def _names(cell: object) -> list[str]:
    """Returns the class names in a cell: those of a list, or those between `|` in a text."""
    if isinstance(cell, (list, tuple, set, np.ndarray)):
        return [str(name) for name in cell]
    text = "" if is_missing(cell) else str(cell)
    return [part.strip() for part in text.split("|") if part.strip()]
