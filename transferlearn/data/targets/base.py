"""What a source says of its items, to be learnt: targets, whatever they are."""

import abc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from transferlearn.data.listed import ByColumn, ByFolder, ByRow, Listed


class Encoded(NamedTuple):
    """What a batch holds beside its items.

    Attributes:
        targets: What the loss compares with: an array, or a mapping of them by output.
        weights: Of the items, float32 `(batch,)`, or as finely as the loss takes them; `None`: all
            weigh the same.
        inputs: What the network is given besides the items, such as a decoder's token ids.
    """

    targets: Any
    weights: np.ndarray | None = None
    inputs: tuple[np.ndarray, ...] = ()


class Encoder(abc.ABC):
    """Makes of a batch's raw targets what a loss reads; equal encoders make equal batches."""

    @abc.abstractmethod
    def __call__(self, rows: np.ndarray) -> Encoded:
        """Encodes raw targets, as `Targets` hold them, one row an item."""


Weigh = Callable[[np.ndarray], np.ndarray]
"""Gives each item a weight by its raw targets: rows in, float32 `(batch,)` out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ByBatch:
    """What a stream says of its items, batch by batch.

    Attributes:
        what: The stream, as messages call it.
        first: The targets of the first batch, or of some items.
        read: Reads the targets of all batches.
        rows: The targets of all items, where the stream has them at hand.
        names: What the stream itself calls its classes, in the order of its ids.
        mode: How an `ImageDataGenerator` iterator gives its targets, such as `"categorical"`.
    """

    what: str
    first: np.ndarray
    read: Callable[[], Iterable[np.ndarray]]
    rows: Any = None
    names: tuple[str, ...] | None = None
    mode: str | None = None


class Targets(abc.ABC):
    """The targets of a dataset's items, raw and by row; they need not be in memory."""

    @abc.abstractmethod
    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Reads the raw targets of the items `rows`, int64 `(n,)`, one row an item."""

    @property
    @abc.abstractmethod
    def count(self) -> int | None:
        """Counts the rows that can be read; `None` of a stream that tells them batch by batch."""

    @property
    def absent(self) -> Mapping[int, str]:
        """Says which items have none, by number, and why; they are left out."""
        return {}

    def present(self, given: np.ndarray) -> np.ndarray:
        """Says which items of a stream's batch have a target, bool `(batch,)`; others are left out.

        Args:
            given: What the stream gives with the batch, `(batch, ...)`.
        """
        return np.ones(len(given), bool)

    @abc.abstractmethod
    def take(self, rows: np.ndarray) -> Self:
        """Gives the targets of the items `rows`, in that order."""

    @abc.abstractmethod
    def parse(self, given: np.ndarray) -> np.ndarray:
        """Checks what a stream gives with a batch, and makes raw targets of it.

        Raises:
            ValueError: They are not like the others.
        """

    @abc.abstractmethod
    def summary(self) -> str:
        """Says in a few words what there is to learn, such as `"2 classes (cat, dog)"`."""

    def strata(self) -> np.ndarray | None:
        """Gives a number to each item, so that what is held out holds as much of each.

        Returns:
            An array `(n,)` of whole numbers, or `None` where items are drawn from all alike.
        """
        return None

    def check(self, noun: str, left_out: str) -> None:
        """Refuses targets that nothing can be learnt from; without an override, none.

        Args:
            noun: What an item is called.
            left_out: Which items were left out, for messages, or nothing.

        Raises:
            ValueError: What is missing, and the fix.
        """

    def check_pair(self, other: Self, noun: str, left_out: str, *, split: bool) -> None:
        """Refuses targets to validate on that do not go with these; without an override, none.

        Args:
            other: The targets to validate on.
            noun: What an item is called.
            left_out: Which items to validate on were left out, for messages, or nothing.
            split: Whether both are parts of one source.

        Raises:
            ValueError: What differs, and the fix.
        """

    def told(self) -> tuple[Any, ...]:
        """Gives plain values and arrays that differ wherever the targets do."""
        return ()


class Target(abc.ABC):
    """Says what is to be learnt of each item, and finds it in a source.

    Subclasses are frozen dataclasses of settings: names of classes, names of columns.
    """

    @property
    @abc.abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Gives the names that a table's column of it may have, the likeliest first."""

    def gather(self, listed: Listed) -> Targets:
        """Finds the targets of what a source lists.

        Raises:
            ValueError: The source does not tell them, or tells something else.
        """
        told = listed.told
        if isinstance(told, ByFolder):
            return self.of_folders(told, listed)
        return self.of_columns(told, listed) if isinstance(told, ByColumn) else self.of_rows(told)

    @abc.abstractmethod
    def of_folders(self, told: ByFolder, listed: Listed) -> Targets:
        """Finds them in the names of the folders that files are in."""

    @abc.abstractmethod
    def of_columns(self, told: ByColumn, listed: Listed) -> Targets:
        """Finds them in the columns of a table."""

    @abc.abstractmethod
    def of_rows(self, told: ByRow) -> Targets:
        """Takes them as they were passed, one for each item."""

    @abc.abstractmethod
    def of_stream(self, told: ByBatch) -> Targets:
        """Finds out what the batches of a stream hold."""
