"""What goes in: images, texts, or another kind of data, with the settings to read it."""

import abc
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.listed import Listed
from transferlearn.data.targets.base import Target, Targets


class Spec(NamedTuple):
    """An input of a network: the shape of one item, `None` for an axis of any length; its dtype."""

    shape: tuple[int | None, ...]
    dtype: str


class One(NamedTuple):
    """A single item, read: a batch of one, as the network takes it, and the path of its file."""

    batch: Any
    path: str | None


class Kind(abc.ABC):
    """Finds items in a source, checks and opens them, as its settings say.

    Subclasses are frozen dataclasses of settings. Two equal kinds read a source alike.

    Attributes:
        name: What saves call the kind.
        noun: What messages call an item.
        endings: How the names of files end that hold an item.
        columns: What a table's column of items is called.
        in_cells: Whether a table's cells hold the items themselves, or paths of files.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[str, ...]]
    in_cells: ClassVar[bool]

    @abc.abstractmethod
    def inputs(self, shape: tuple[int, ...] | None = None) -> dict[str, Spec]:
        """Gives what a network for these items takes, by name.

        Args:
            shape: Of the items of a dataset; `None`: what the kind's own settings say.
        """

    @abc.abstractmethod
    def as_paths(self, items: Any) -> list[str] | None:
        """Gives the paths in `items`, or `None` if it holds the items themselves."""

    @abc.abstractmethod
    def open(
        self, listed: Listed, targets: Targets, *, on_error: str, share: float = 1.0
    ) -> ItemDataset:
        """Checks what a source lists, and keeps the good items.

        Args:
            listed: The items.
            targets: What is to be learnt of them, one row an item.
            on_error: What becomes of items that cannot be used: `"skip"` or `"raise"`.
            share: Which part of all items these are; they take this share of the memory for
                decoded ones.

        Raises:
            ValueError: No item can be used, or one cannot and `on_error` is `"raise"`.
        """

    @abc.abstractmethod
    def is_stream(self, source: Any) -> bool:
        """Says whether a source is a `tf.data.Dataset` or a generator."""

    @abc.abstractmethod
    def stream(self, source: Any, target: Target, *, on_error: str) -> Dataset:
        """Makes a dataset of a stream of items with targets."""

    @abc.abstractmethod
    def is_one(self, source: Any) -> bool:
        """Says whether `unlabelled` takes a source for a single item."""

    @abc.abstractmethod
    def unlabelled(self, source: Any, *, on_error: str = "skip") -> Dataset:
        """Makes a dataset of items to predict on.

        Raises:
            ValueError: No item can be used, or one cannot and `on_error` is `"raise"`.
            OSError: There is no such file.
        """

    @abc.abstractmethod
    def one(self, item: Any) -> One | None:
        """Reads a single item the short way: without hashes, threads or checks of other items.

        Returns:
            `None` where there is more to be said of the item than a batch can tell, such as what is
            wrong with it: `unlabelled` says it.
        """

    def like(self, dataset: Dataset) -> Self:
        """Gives the kind that reads other data as this dataset was read."""
        return self

    def of_one_shape(self, datasets: Sequence[Dataset]) -> list[Dataset]:
        """Gives datasets that are trained and validated on together one shape of item."""
        return list(datasets)

    @abc.abstractmethod
    def settings(self) -> dict[str, Any]:
        """Gives what a save has to say to make this kind again, as JSON takes it."""

    @classmethod
    @abc.abstractmethod
    def load(cls, settings: dict[str, Any], folder: Path) -> Self:
        """Makes the kind that was saved with these settings in this folder."""

    def write(self, folder: Path) -> None:
        """Writes what belongs to a save besides the settings; without an override, nothing."""
