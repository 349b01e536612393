"""Describes targets: what a model is to learn of items, and how it is found in a source."""

import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from transferlearn.data.listed import ByAnnotation, ByColumn, ByFolder, ByRow, Listed
from transferlearn.data.targets.encoded import Encoded as Encoded
from transferlearn.data.targets.encoded import Encoder as Encoder
from transferlearn.data.targets.encoded import Weigh as Weigh
from transferlearn.types import TfData


@dataclass(frozen=True, kw_only=True, eq=False)
class ByBatch:
    """Holds what a stream says of its targets, without being read: the first ones, or all.

    Attributes:
        what: The name of the stream in messages.
        first: The targets of the first batch, or of some items.
        read: Reads the whole stream, and gives the targets of each batch.
        rows: The targets of all items; `None` where the stream must be read to know them.
        shape: The shape of the first item as the stream gives it; empty where it is not known.
        names: The class names that the stream itself has, in the order of its ids, or `None`.
        mode: How an `ImageDataGenerator` iterator gives its targets, such as `"categorical"`.
    """

    what: str
    first: np.ndarray
    read: Callable[[], Iterable[np.ndarray]]
    rows: Any = None
    shape: tuple[int, ...] = ()
    names: tuple[str, ...] | None = None
    mode: str | None = None


class Targets(abc.ABC):
    """Returns the raw targets of a dataset's items by row; they need not be in memory."""

    @abc.abstractmethod
    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Reads the raw targets of the items `rows`, int64 `(n,)`, one row an item."""

    @property
    @abc.abstractmethod
    def count(self) -> int | None:
        """Counts the rows; gives `None` for a stream that gives its targets batch by batch."""

    @property
    def absent(self) -> Mapping[int, str]:
        """Returns why items have no target, by the item's number; such items are left out."""
        return {}

    def present(self, given: np.ndarray) -> np.ndarray:
        """Returns which items of a stream's batch have a target, bool `(batch,)`; others go.

        Args:
            given: The targets that the stream gives with the batch, `(batch, ...)`.
        """
        return np.ones(len(given), bool)

    @abc.abstractmethod
    def take(self, rows: np.ndarray) -> Self:
        """Returns the targets of the items `rows`, in that order."""

    def of_shape(self, shape: tuple[int, ...], *, letterboxed: bool | None = None) -> Self:
        """Returns the targets for items of this shape, such as masks in the size of the images.

        By default, the targets do not depend on the shape of the items.

        Args:
            shape: The shape of the items.
            letterboxed: Whether photos keep their own shape in it, between two bars; `None`: as
                before.

        Raises:
            ValueError: These targets cannot be learnt of letterboxed photos.
        """
        return self

    @abc.abstractmethod
    def parse(self, given: np.ndarray) -> np.ndarray:
        """Checks the targets that a stream gives with a batch, and turns them into raw targets.

        Args:
            given: The targets that the stream gives with the batch, `(batch, ...)`.

        Raises:
            ValueError: The targets are not of the form that the stream had before.
        """

    def check_beside(self, items: np.ndarray, given: np.ndarray) -> None:
        """Refuses targets that do not fit the items of a stream's batch; by default, none.

        Args:
            items: The items of the batch as the stream gives them, `(batch, ...)`.
            given: The targets that it gives with them, `(batch, ...)`.

        Raises:
            ValueError: They do not fit.
        """

    @abc.abstractmethod
    def summary(self) -> str:
        """Describes in a few words what there is to learn, such as `"2 classes (cat, dog)"`."""

    def table(self) -> list[list[str]]:
        """A table of what there is to learn, its head first, such as the size of each class.

        Empty where that is not known, as for a stream.
        """
        return []

    def strata(self) -> np.ndarray | None:
        """Returns the stratum of each item, by number; of each one, the same share is held out.

        Returns:
            An array `(n,)` of whole numbers, or `None` where all items are alike.
        """
        return None

    def check(self, noun: str, left_out: str) -> None:
        """Refuses targets that nothing can be learnt from; by default, it does nothing.

        Args:
            noun: The word for one item in messages.
            left_out: A text for messages that lists the items that were left out; may be empty.

        Raises:
            ValueError: Nothing can be learnt; the message says what is missing, and the fix.
        """

    def check_pair(self, other: Self, noun: str, left_out: str, *, split: bool) -> None:
        """Refuses targets to validate on that do not fit these; by default, it does nothing.

        Args:
            other: The targets to validate on.
            noun: The word for one item in messages.
            left_out: A text for messages that lists the items to validate on that were left out;
                may be empty.
            split: Whether both are parts of one source.

        Raises:
            ValueError: The two do not fit; the message says what differs, and the fix.
        """

    def compare_copies(self, names: Sequence[str], hashes: Sequence[str]) -> None:
        """Warns where items with the same content have targets that differ; by default, never.

        Args:
            names: The name of each item for messages.
            hashes: The hash of each item's content.
        """

    def identity(self) -> tuple[object, ...]:
        """Returns values and arrays to hash, which differ if targets differ; by default, none."""
        return ()


class Target(abc.ABC):
    """Describes what is to be learnt of each item, and finds it in a source.

    Subclasses are frozen dataclasses of settings: names of classes, names of columns.

    Attributes:
        items_folder: The name of the folder that holds the items in a folder of data, with the
            targets beside it; `None`: items are in folders that are called by their targets.
        targets_folder: The name of the folder beside it that holds the targets, if there is one.
        alone: Whether items are their own targets, so that a list or an array of them is a source.
        advice: What else to do where data is not of this form: a sentence for messages, or empty.
        reads_annotations: Whether the targets can be found in the annotations of a COCO file.
        several_rows: Whether an item may have several rows of a table, one for each thing in it.
        expected: What a source is expected to be, in words for messages; empty: as the folders say.
        takes_two_files: Whether two paths are a source: parallel files of items and targets.
    """

    items_folder: ClassVar[str | None] = None
    targets_folder: ClassVar[str | None] = None
    alone: ClassVar[bool] = False
    advice: ClassVar[str] = ""
    reads_annotations: ClassVar[bool] = False
    several_rows: ClassVar[bool] = False
    expected: ClassVar[str] = ""
    takes_two_files: ClassVar[bool] = False

    @property
    def ranks(self) -> tuple[int, ...]:
        """Returns how many axes the target of one item may have in a stream."""
        return (0, 1)

    @property
    @abc.abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The names that a table's column of targets may have, the likeliest first."""

    def listed(self, path: Path, endings: Sequence[str], noun: str) -> Listed | None:
        """Lists the items of a file or folder that only this target can read; by default, none.

        Args:
            path: The file or folder.
            endings: The endings of files that hold an item.
            noun: The word for one item in messages.

        Returns:
            The items with what is said of them; `None` for a source that is read as others are.

        Raises:
            ValueError: The source is of such a form, and cannot be read.
        """
        return None

    def parts(self, source: Path) -> tuple[Path, Path | None] | None:
        """Finds the parts to train and to validate on that a source itself names; by default, none.

        Returns:
            The source of each part, `None` for a part that there is not; or `None` where the source
            names no parts.
        """
        return None

    def like(self, targets: Targets) -> Self:
        """Returns a target that reads other data as `targets` were read; by default, itself."""
        return self

    def as_rows(self, given: object) -> Any:
        """Returns what was passed as `y` with one row for each item; by default, as it is.

        Raises:
            ValueError: It holds no such targets.
            TypeError: It is of another type.
        """
        return given

    def packed(self, source: TfData) -> TfData:
        """Returns a `tf.data.Dataset` whose targets are one tensor an item; by default, as it is.

        Raises:
            ValueError: It holds no such targets.
        """
        return source

    def gather(self, listed: Listed) -> Targets:
        """Finds the targets of what a source lists.

        Raises:
            ValueError: The source does not hold targets, or holds something else.
        """
        origin = listed.origin
        if isinstance(origin, ByFolder):
            return self.of_folders(origin, listed)
        if isinstance(origin, ByAnnotation):
            return self.of_annotations(origin, listed)
        if isinstance(origin, ByColumn):
            return self.of_columns(origin, listed)
        return self.of_rows(origin)

    @abc.abstractmethod
    def of_folders(self, origin: ByFolder, listed: Listed) -> Targets:
        """Finds the targets in the names of the folders that files are in."""

    @abc.abstractmethod
    def of_columns(self, origin: ByColumn, listed: Listed) -> Targets:
        """Finds the targets in the columns of a table."""

    def of_annotations(self, origin: ByAnnotation, listed: Listed) -> Targets:
        """Finds the targets in the annotations of a COCO file; only some targets can."""
        raise ValueError(f"{type(self).__name__} cannot be found in a COCO file: {listed.what}")

    @abc.abstractmethod
    def of_rows(self, origin: ByRow) -> Targets:
        """Takes the targets that were passed beside the items, one row for each."""

    @abc.abstractmethod
    def of_stream(self, origin: ByBatch) -> Targets:
        """Finds out which targets the batches of a stream hold."""
