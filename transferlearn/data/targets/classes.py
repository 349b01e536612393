"""Finds the class of each item, or its shares of classes, in any source."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from transferlearn.data.listed import ByColumn, ByFolder, ByRow, Listed
from transferlearn.data.messages import indented, notice
from transferlearn.data.targets.base import ByBatch, Target, Targets
from transferlearn.data.targets.columns import LABEL_COLUMNS, as_numbers, find_column
from transferlearn.data.targets.doubts import doubt_numbers, warn_of_alike, warn_of_conflicts
from transferlearn.data.targets.labels import check_names, class_labels, closest, is_missing
from transferlearn.wording import counted

_LISTED = 10  # classes that a message names
_FEW = 5  # items of a class: with fewer, each fold of a cross-validation lacks some


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassTargets(Targets):
    """Holds the class of each item, or its shares of the classes.

    Attributes:
        class_names: The names of the classes; class `i` is called `class_names[i]`.
        labels: The class ids, int32 `(n,)`, or the shares, float32 `(n, classes)`; `None` where a
            stream must be read to know them. They are in the stream's own order, while batches of a
            stream that shuffles come in another.
        positions: Whether numbers that a stream gives are positions in `class_names` even where
            the names are numbers.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray | None
    positions: bool = False

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Returns class ids `(n,)` or shares `(n, classes)` of the items `rows`."""
        return self.all[rows]

    @property
    def all(self) -> np.ndarray:
        """The labels of all items; it must not be called where they are not known."""
        assert self.labels is not None
        return self.labels

    @property
    def count(self) -> int | None:
        """Counts the labels; gives `None` where they are not known."""
        return None if self.labels is None else len(self.labels)

    def take(self, rows: np.ndarray) -> Self:
        """Returns the classes of the items `rows`."""
        return type(self)(class_names=self.class_names, labels=self.all[rows])

    def parse(self, given: np.ndarray) -> np.ndarray:
        """Turns the labels that a stream gives with a batch into ids or shares."""
        return class_labels(given, self.class_names, positions=self.positions)[0]

    def summary(self) -> str:
        """Describes how many classes there are, and what the first ones are called."""
        listed = ", ".join(self.class_names[:10]) + (", ..." if len(self.class_names) > 10 else "")
        return f"{counted(len(self.class_names), 'class')} ({listed})"

    def table(self) -> list[list[str]]:
        """Counts the items of each class, or adds up their shares of it."""
        rows = [[name, f"{count:,.6g}"] for name, count in self._counts().items()]
        return [["class", "items"], *rows] if rows else []

    def strata(self) -> np.ndarray:
        """Returns the class of each item, or the class of its largest share."""
        return self.all if self.all.ndim == 1 else self.all.argmax(axis=1)

    def identity(self) -> tuple[object, ...]:
        """Returns the class names and the labels."""
        return self.class_names, self.labels

    def check(self, noun: str, left_out: str) -> None:
        """Refuses a single class, a class without an item, and fewer items than classes.

        Warns of classes with fewer than five items, and of names that are almost the same.
        """
        names = self.class_names
        if len(names) < 2:
            raise ValueError(f"One class only, {list(names)}: a classifier needs two or more.")
        self._refuse_empty(noun, left_out)
        self._refuse_few(noun)
        self._warn_of_few(noun)
        warn_of_alike(self._counts(), noun)

    def check_pair(self, other: Self, noun: str, left_out: str, *, split: bool) -> None:
        """Refuses other classes to validate on; refuses or warns of a class without items there."""
        if self.class_names != other.class_names:
            raise ValueError(_difference(self.class_names, other.class_names))
        if (empty := other.empty) and not split and not self._may_lack_classes:
            raise ValueError(
                f"Classes differ between train and validation. Validation has no {noun} of "
                f"{_classes(empty)}.{left_out} Add some, or take the class out."
            )
        if empty:
            notice(f"Validation has no {noun} of {_classes(empty)}: its numbers leave them out.")

    def compare_copies(self, names: Sequence[str], hashes: Sequence[str]) -> None:
        """Warns of items with the same content and another class."""
        rows = self.all
        if rows.ndim == 1:
            classes = [self.class_names[row] for row in rows]
        else:
            named = np.array(self.class_names)
            classes = [", ".join(named[row > 0]) for row in rows]
        warn_of_conflicts(names, hashes, classes)

    @property
    def empty(self) -> list[str]:
        """Names the classes that no item has, as far as that is known."""
        return [name for name, count in self._counts().items() if not count]

    def _counts(self) -> dict[str, float]:
        """Counts the items of each class, or adds up their shares of it; empty if unknown."""
        if self.labels is None:
            return {}
        if self.labels.ndim == 1:
            counts = np.bincount(self.labels, minlength=len(self.class_names))
        else:
            counts = self.labels.sum(axis=0)
        return dict(zip(self.class_names, counts.tolist(), strict=True))

    # Whether a class without items to validate on causes a warning only.
    _may_lack_classes: ClassVar[bool] = False

    def _refuse_few(self, noun: str) -> None:
        """Refuses fewer items than classes, and as many, unless there are only two."""
        if self.labels is not None and len(self.labels) < len(self.class_names):
            raise ValueError(
                f"Fewer {noun}s ({len(self.labels)}) than classes ({len(self.class_names)})."
            )
        if self.labels is not None and 2 < len(self.class_names) == len(self.labels):
            alone = f"Each of {len(self.labels)} {noun}s has a class of its own."
            raise ValueError(f"{alone} Labels are shared by several: fit(({noun}s, labels)).")

    def _warn_of_few(self, noun: str) -> None:
        """Warns of classes with so few items that little can be learnt or measured."""
        few = [name for name, count in self._counts().items() if count < _FEW]
        if few:
            notice(
                f"Fewer than {_FEW} {noun}s of {_classes(few)}: what is learnt of so few is a "
                f"guess, and so is its score. Add {noun}s, or join classes."
            )

    def _refuse_empty(self, noun: str, left_out: str) -> None:
        """Refuses classes to train on that no item has."""
        if empty := self.empty:
            raise ValueError(
                f"No {noun} of {_classes(empty)} to train on.{left_out} "
                f"Add {noun}s of each, or take the class out."
            )


@dataclass(frozen=True)
class Classes(Target):
    """Learns one class for each item, or its shares of the classes.

    Args:
        class_names: The order of the classes, or names for numeric labels. Numbers are positions in
            it, but where all names are whole numbers, such as `("1", "2")`, they are the numbers
            themselves. By default the classes are found in the data, in alphabetical order.

    Folders are classes; in a table the column is called `label`, `class`, `category` or
    `sentiment`, or is the only one left; arrays hold ids, names, one-hot rows or probabilities.
    """

    class_names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", check_names(self.class_names))

    @property
    def columns(self) -> tuple[str, ...]:
        """The usual names of a column of labels."""
        return LABEL_COLUMNS

    def of_folders(self, origin: ByFolder, listed: Listed) -> ClassTargets:
        """Makes each folder a class."""
        names = folder_classes(origin, listed, self.class_names)
        return ClassTargets(class_names=names, labels=folder_ids(origin, names))

    def of_columns(self, origin: ByColumn, listed: Listed) -> ClassTargets:
        """Reads the column of labels, and refuses empty cells."""
        column = find_column(origin, listed, self.columns, "label", "call it label")
        cells = origin.columns[column]
        missing = [f"{listed.items[i]!s:.300}" for i, cell in enumerate(cells) if is_missing(cell)]
        if missing:
            raise ValueError(
                f"{listed.what}: {counted(len(missing), 'row')} without a label. Write it in, or "
                f"take the row out.{indented(missing)}"
            )
        labels, names = class_labels(as_numbers(cells), self.class_names)
        if self.class_names is None:
            doubt_numbers(column, cells, listed.noun)
        return ClassTargets(class_names=names, labels=labels)

    def of_rows(self, origin: ByRow) -> ClassTargets:
        """Takes the ids, names, one-hot rows or probabilities that were passed beside items."""
        labels, names = class_labels(origin.rows, self.class_names)
        return ClassTargets(class_names=names, labels=labels)

    def of_stream(self, origin: ByBatch) -> ClassTargets:
        """Finds the classes of a stream, and reads all of it if that is needed."""
        if origin.mode in ("raw", "multi_output"):
            raise ValueError(
                f"class_mode={origin.mode!r} is for multi_label=True; for one class an image pass "
                'class_mode="categorical".'
            )
        names = own_names(origin, self.class_names)
        if origin.rows is not None:
            if any(isinstance(ids, list) for ids in origin.rows):
                raise ValueError("The images have several classes each: pass multi_label=True.")
            # With a stream's own names, its ids are positions in them even if they are numbers.
            positions = origin.names is not None
            labels, found = class_labels(origin.rows, names, positions=positions)
            return ClassTargets(class_names=found, labels=labels, positions=positions)
        return self._peeked(origin, names)

    def _peeked(self, origin: ByBatch, names: Sequence[str] | None) -> ClassTargets:
        """Finds the classes in the first batch where that is enough, else in the whole stream."""
        positions = origin.names is not None
        if names or (origin.first.ndim == 2 and origin.first.shape[1] > 1):
            labels, found = class_labels(origin.first, names, positions=positions)
            if labels.ndim == 1:
                return ClassTargets(class_names=found, labels=None, positions=positions)
        # All ids are read to know the classes; shares, so that `labels` shows that they are shares.
        labels, found = class_labels(np.concatenate(list(origin.read())), names)
        return ClassTargets(class_names=found, labels=labels, positions=positions)


def own_names(origin: ByBatch, names: Sequence[str] | None) -> Sequence[str] | None:
    """The class names that a stream brings, or else `names`; refuses them if they differ."""
    if origin.names is None:
        return names
    if names and tuple(names) != origin.names:
        raise ValueError(
            f"{origin.what} has its own class names {list(origin.names)}, in this order. Leave "
            f"class_names out or make them agree. Received: class_names={list(names)}"
        )
    return origin.names


def folder_classes(
    origin: ByFolder, listed: Listed, names: Sequence[str] | None
) -> tuple[str, ...]:
    """The classes that the folders stand for, in the order of `names` if those are given."""
    if not origin.names:
        raise ValueError(
            f"{origin.folder} has no class folders: expected {origin.folder}/<class>/"
            f"{origin.expected}, one folder for each class. A list of {listed.noun}s goes in as "
            f"({listed.noun}s, labels)."
        )
    found = tuple(names or origin.names)
    if unknown := sorted(set(origin.names) - set(found)):
        raise ValueError(
            f"{origin.folder} has {counted(len(unknown), 'folder')} of no known class: "
            f"{unknown[:20]}. {closest(unknown[0], found)}"
        )
    return found


def folder_ids(origin: ByFolder, names: tuple[str, ...]) -> np.ndarray:
    """Returns the class id of each file, int32 `(n,)`."""
    ids = {name: i for i, name in enumerate(names)}
    return np.array([ids[folder] for folder in origin.of_item], np.int32)


def _classes(names: list[str]) -> str:
    """Names classes for a message, such as "classes 'cat', 'dog' and 3 more"."""
    listed = ", ".join(repr(name) for name in names[:_LISTED])
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ("class " if len(names) == 1 else "classes ") + listed + more


def _difference(train: tuple[str, ...], validation: tuple[str, ...]) -> str:
    """Describes how the classes of train and validation differ, and what to do."""
    only_train = [name for name in train if name not in validation]
    only_validation = [name for name in validation if name not in train]
    if not only_train and not only_validation:
        return (
            "Train and validation have their classes in another order. Pass class_names to both. "
            f"Received: {list(train[:20])} and {list(validation[:20])}"
        )
    sides = ((only_train, "train"), (only_validation, "validation"))
    where = " ".join(f"Only in {side}: {_classes(names)}." for names, side in sides if names)
    if any(name.isdigit() for name in (*train, *validation)):
        return (
            f"Classes differ between train and validation. {where} Give both the same classes; "
            "class_names says what numeric labels are called."
        )
    return (
        f"Classes differ between train and validation. {where} Add them to the other, take them "
        "out, or leave validation_data out: then a part of each class is held out."
    )
