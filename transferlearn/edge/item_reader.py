"""Defines how items become the arrays that a network takes, without Keras."""

import abc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from transferlearn.edge.description import TensorSpec
from transferlearn.edge.filling import joined_rows
from transferlearn.edge.folders import files_with, walk
from transferlearn.edge.named import Named
from transferlearn.edge.words.rows import WordRow
from transferlearn.edge.words.sentences import Sentence
from transferlearn.monitoring.traits import Traits, of_numbers

_MOST_AXES = 32  # besides that of the batch
_NO_TILES = "tile cuts photos into tiles, and these are none. Leave tile out."
_NO_WINDOWS = "windows cuts recordings into windows, and these are none. Leave windows out."


class Seen(NamedTuple):
    """Describes an item that was predicted on.

    Attributes:
        path: The path of its file, if there is one.
        size: The `(height, width)` in pixels of an image before resizing; `None`: not known.
        sentence: The text, with the places of its words, where it was read word by word.
    """

    path: str | None = None
    size: tuple[int, int] | None = None
    sentence: Sentence | None = None


class Rows(NamedTuple):
    """Holds what was read of some items.

    Attributes:
        arrays: The network's inputs by name, `(rows, ...)`.
        item_of: The number of the item that each row is of, int64 `(rows,)`, in order.
        seen: What is known of each item, such as the path of its file.
        words: The words of each row, where items were read word by word.
    """

    arrays: dict[str, np.ndarray]
    item_of: np.ndarray
    seen: list[Seen]
    words: tuple[WordRow, ...] = ()


class Windowed(NamedTuple):
    """Holds the rows of some windows of a recording.

    Attributes:
        rows: The rows, whose items are the windows.
        times: Where each window begins and ends, in seconds of the recording.
    """

    rows: Rows
    times: list[tuple[float, float]]


def joined(parts: Sequence[Rows]) -> Rows:
    """Joins the parts that an `ItemReader` read of the same items.

    In `item_of`, all count the items from the first; the last part knows what was seen.
    """
    if len(parts) == 1:
        return parts[0]
    return Rows(
        {name: joined_rows([part.arrays[name] for part in parts]) for name in parts[0].arrays},
        np.concatenate([part.item_of for part in parts]),
        [seen for part in parts for seen in part.seen],
        tuple(word for part in parts for word in part.words),
    )


def means_of_rows(outputs: Mapping[str, np.ndarray], rows: Rows) -> dict[str, np.ndarray]:
    """Returns the mean of the outputs for the rows of each item, by name."""
    if len(rows.item_of) == len(rows.seen):
        return dict(outputs)
    starts = np.flatnonzero(np.diff(rows.item_of, prepend=-1))
    counts = np.diff(starts, append=len(rows.item_of))
    return {
        name: (np.add.reduceat(array, starts, dtype=float).T / counts).T.astype(array.dtype)
        for name, array in outputs.items()
    }


class ItemReader(Named):
    """Reads items as the rows of numbers that a network takes; the same in training and here.

    Attributes:
        whole: The dtype of whole numbers that holds files as they are, such as `"uint8"`, or
            `None`; networks in int8 take it.
        reads_files: Whether it reads files as training does.
        endings: The endings of the files that are taken of a folder, such as `".jpg"`.
        takes: What it takes, in the words of who sends items, where that is no texts.
    """

    whole: ClassVar[str | None] = None
    reads_files: ClassVar[bool] = True
    endings: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[str | None] = None

    @abc.abstractmethod
    def is_one(self, items: object) -> bool:
        """Returns whether this is a single item, and no list of them."""

    def listed(self, items: Any) -> list[object]:
        """Lists items; a folder stands for the files in it and below, in a fixed order.

        Raises:
            ValueError: There is no such file in a folder.
        """
        found: list[object] = []
        for item in [items] if self.is_one(items) or self.is_folder(items) else items:
            found += self._files_in(Path(item)) if self.is_folder(item) else [item]
        return found

    def check_inputs(self, inputs: Mapping[str, TensorSpec]) -> None:
        """Raises `ValueError` where a model takes other arrays than `read` makes."""

    def is_folder(self, item: object) -> bool:
        """Returns whether something is the path of a folder of items."""
        return bool(self.endings) and isinstance(item, Path) and item.is_dir()

    @abc.abstractmethod
    def read(self, items: Sequence[object]) -> Rows:
        """Reads some items.

        Raises:
            ValueError: An item cannot be read, for the reason that the message gives.
            OSError: There is no such file.
        """

    def read_in_parts(self, items: Sequence[object]) -> Iterator[Rows]:
        """Yields what `read` returns, some rows at a time; by default all at once.

        `joined` says how parts fit together.
        """
        yield self.read(items)

    def photo(self, item: object) -> tuple[np.ndarray, Seen]:
        """Reads one photo in its own size, to be cut into tiles: `(height, width, 3)`.

        Raises:
            ValueError: It cannot be read, or items of this kind have no tiles.
        """
        raise ValueError(_NO_TILES)

    def tiles(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Makes of some parts of what `photo` gave the rows that the network takes."""
        raise ValueError(_NO_TILES)

    def in_windows(self, item: object, seconds: float, hop: float) -> Iterator[Windowed]:
        """Reads one recording window by window, some at a time; see `predict_in_windows`.

        Raises:
            ValueError: It cannot be read, or items of this kind have no windows.
        """
        raise ValueError(_NO_WINDOWS)

    def check_size(self, content: bytes, most: int) -> None:
        """Refuses a file that would become far larger when it is read; by default, none does.

        Args:
            content: The content of the file.
            most: The pixels that a photo may have, or four times the samples of a recording.

        Raises:
            ValueError: It has more.
        """

    def traits(self, arrays: Mapping[str, np.ndarray]) -> Traits:
        """Measures plain properties of rows for a monitor, such as brightness; by default none."""
        return {}

    def _files_in(self, folder: Path) -> list[Path]:
        """Returns the files in a folder and below."""
        ignored: Counter[str] = Counter()
        found = files_with(walk(folder, ignored), self.endings, ignored)
        if not found:
            raise ValueError(f"{folder} holds no file that ends in {', '.join(self.endings)}.")
        return [Path(path) for path in found]


@dataclass(frozen=True)
class ArrayReader(ItemReader):
    """Takes items that are already the array which the network's one input takes.

    Args:
        input: The name of that input.
        dimensions: How many axes an item has.
    """

    name: ClassVar[str] = "arrays"
    takes: ClassVar[str | None] = "arrays of numbers"
    reads_files: ClassVar[bool] = False

    input: str
    dimensions: int

    def __post_init__(self) -> None:
        if not 0 <= self.dimensions <= _MOST_AXES:
            raise ValueError(f"an item has up to {_MOST_AXES} axes. Received: {self.dimensions}")

    def check_inputs(self, inputs: Mapping[str, TensorSpec]) -> None:
        """Compares the name of the input and its axes."""
        check_input(inputs, self.input, (None,) * (1 + self.dimensions))

    def is_one(self, items: Any) -> bool:
        """Returns whether this array has the axes of an item."""
        return bool(np.ndim(items) == self.dimensions)

    def traits(self, arrays: Mapping[str, np.ndarray]) -> Traits:
        """Measures the mean and the spread of each item's numbers."""
        return of_numbers(arrays[self.input])

    def read(self, items: Sequence[object]) -> Rows:
        """Puts arrays of one shape into one."""
        arrays = np.stack([np.asarray(item) for item in items])
        return Rows({self.input: arrays}, np.arange(len(arrays)), [Seen()] * len(arrays))


def check_input(inputs: Mapping[str, TensorSpec], name: str, shape: tuple[int | None, ...]) -> None:
    """Raises `ValueError` unless a model has an input of this name that takes this shape."""
    if name not in inputs:
        raise ValueError(f"items become the input {name!r}, and the model takes {sorted(inputs)}.")
    taken = inputs[name].shape
    if len(taken) != len(shape) or any(
        None not in pair and pair[0] != pair[1] for pair in zip(taken, shape, strict=True)
    ):
        raise ValueError(f"items become {name} of the shape {shape}, and the model takes {taken}.")
