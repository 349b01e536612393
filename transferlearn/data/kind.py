"""Defines the base class of kinds of data, such as images or texts."""

import abc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import keras
import numpy as np

from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.listed import Listed
from transferlearn.data.targets.base import Target, Targets
from transferlearn.edge import ArrayReader, ItemReader
from transferlearn.json_fields import Json
from transferlearn.monitoring.traits import Traits
from transferlearn.types import TfData


class Spec(NamedTuple):
    """Describes an input of a network.

    Attributes:
        shape: The shape of one item; `None`: any length.
        dtype: The type of its numbers.
        default: The value where nothing else is known, a number or as many as the last axis has.
    """

    shape: tuple[int | None, ...]
    dtype: str
    default: float | tuple[float, ...] = 0

    def filled(self) -> np.ndarray:
        """Returns the default of one item, `shape`; an axis of any length has the length 1."""
        return np.full([side or 1 for side in self.shape], self.default, self.dtype)


class One(NamedTuple):
    """Holds a single item as a batch of one.

    Attributes:
        batch: The batch, as the network takes it.
        path: The path of the item's file, or `None`.
        size: The `(height, width)` of an image before resizing, or `None`.
    """

    batch: Any
    path: str | None
    size: tuple[int, int] | None = None


class Kind(abc.ABC):
    """Checks, opens and describes items of one kind, such as images, by its settings.

    Subclasses are frozen dataclasses of settings. Two equal kinds read a source alike.

    Attributes:
        name: The name of the kind in saves.
        noun: The word for one item in messages, such as `"image"`.
        endings: The endings of files that hold an item, such as `".jpg"`.
        columns: The names that a table's column of items may have, the likeliest first.
        columns_of_items: The names of further columns of a table that belong to items.
        in_cells: Whether a table's cells hold the items themselves; else they hold paths of files.
        predicts_as_read: Whether `predict` is given such items as training reads; else training
            makes its items of them.
        fed: A sentence on what the network takes, for those who call it without this package.
    """

    name: ClassVar[str]
    noun: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[str, ...]]
    in_cells: ClassVar[bool]
    columns_of_items: ClassVar[tuple[str, ...]] = ()
    predicts_as_read: ClassVar[bool] = True
    fed: ClassVar[str] = ""

    @abc.abstractmethod
    def inputs(self, shape: tuple[int, ...] | None = None) -> dict[str, Spec]:
        """Returns the shape and dtype of each input that a network needs for items, by name.

        Args:
            shape: The shape of a dataset's items; `None`: the shape that the kind's settings say.
        """

    @abc.abstractmethod
    def as_paths(self, items: object) -> list[str] | None:
        """Returns the paths in `items`, or `None` if it holds the items themselves."""

    def with_columns(
        self, items: Sequence[object], cells: Mapping[str, Sequence[object]]
    ) -> list[object]:
        """Returns a table's items as its `columns_of_items` say, such as parts of recordings."""
        return list(items)

    @abc.abstractmethod
    def open(self, listed: Listed, targets: Targets, *, on_error: str) -> ItemDataset:
        """Checks the items that a source lists, and makes a dataset of those that can be used.

        Args:
            listed: The items that the source lists.
            targets: What is to be learnt of them, one row an item.
            on_error: What is done about items that cannot be used: `"skip"` leaves them out,
                `"raise"` raises a `ValueError`.

        Returns:
            A dataset that has the targets, `sample_weight` and `groups` of the good items, too.

        Raises:
            ValueError: No item can be used, or one cannot and `on_error` is `"raise"`.
        """

    @abc.abstractmethod
    def is_stream(self, source: object) -> bool:
        """Returns whether a source is a stream, such as a `tf.data.Dataset` or a `PyDataset`."""

    @abc.abstractmethod
    def stream(
        self, source: TfData | keras.utils.PyDataset, target: Target, *, on_error: str
    ) -> Dataset:
        """Makes a dataset of a stream of items with targets."""

    @abc.abstractmethod
    def is_one(self, source: object) -> bool:
        """Returns whether `unlabelled` reads a source as a single item."""

    @abc.abstractmethod
    def unlabelled(self, source: object, *, on_error: str = "skip") -> Dataset:
        """Makes a dataset of items to predict on.

        Raises:
            ValueError: No item can be used, or one cannot and `on_error` is `"raise"`.
            OSError: There is no such file.
        """

    @abc.abstractmethod
    def one(self, item: object) -> One | None:
        """Reads a single item the short way, or gives `None` where only `unlabelled` can do it.

        Returns:
            The item; or `None` where it is broken or needs several rows: then call `unlabelled`.
        """

    def traits(self, batch: np.ndarray) -> Traits:
        """Measures plain properties of a batch of items, such as brightness; by default none.

        Args:
            batch: The items as the network takes them.
        """
        return {}

    def like(self, dataset: Dataset) -> Self:
        """Returns a kind that reads other data as `dataset` was read; by default, itself."""
        return self

    def of_one_shape(self, datasets: Sequence[Dataset]) -> list[Dataset]:
        """Returns the datasets with items of one shape; by default they have one already."""
        return list(datasets)

    def size_in_words(self, shape: tuple[int, ...]) -> str:
        """Returns the size of an item of this shape, with its unit where it has one."""
        return "x".join(map(str, shape))

    @abc.abstractmethod
    def settings(self) -> Json:
        """Returns the settings that make this kind again, as values that JSON can hold."""

    @classmethod
    @abc.abstractmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Makes the kind that was saved with these settings in this folder."""

    def item_reader(self) -> ItemReader:
        """Returns what reads items for an exported network, without Keras; by default, arrays."""
        ((name, spec), *_) = self.inputs().items()
        return ArrayReader(name, len(spec.shape))

    def reader_in_keras(self) -> ItemReader:
        """Returns what reads items where Keras runs, as in servers; by default the same."""
        return self.item_reader()

    def check_network(self, model: keras.Model) -> None:
        """Raises `ValueError` where a network was made for other items; by default, for none."""

    def export_note(self) -> str | None:
        """Names what an exported network cannot read; `None`, the default: it reads every item."""
        return None

    def write(self, folder: Path) -> None:
        """Writes the files that a save needs besides the settings; by default, it writes none."""
