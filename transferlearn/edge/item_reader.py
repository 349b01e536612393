"""Defines how items become the arrays that a network takes, without Keras."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from transferlearn.edge.named import Named
from transferlearn.monitoring.traits import Traits, of_numbers


class Rows(NamedTuple):
    """Holds what was read of some items.

    Attributes:
        arrays: The network's inputs by name, `(rows, ...)`.
        item_of: The number of the item that each row is of, int64 `(rows,)`, in order.
        paths: The path of each item's file, or `None`.
    """

    arrays: dict[str, np.ndarray]
    item_of: np.ndarray
    paths: list[str | None]


class ItemReader(Named):
    """Reads items as the rows of numbers that a network takes; the same in training and here.

    Attributes:
        whole: The dtype of whole numbers that holds files as they are, such as `"uint8"`, or
            `None`; networks in int8 take it.
    """

    whole: ClassVar[str | None] = None

    @abc.abstractmethod
    def is_one(self, items: Any) -> bool:
        """Says whether this is a single item, and no list of them."""

    @abc.abstractmethod
    def read(self, items: Sequence[Any]) -> Rows:
        """Reads some items.

        Raises:
            ValueError: An item cannot be read, for the reason that the message gives.
            OSError: There is no such file.
        """

    def traits(self, arrays: Mapping[str, np.ndarray]) -> Traits:
        """Measures plain properties of rows for a monitor, such as brightness; by default none."""
        return {}


@dataclass(frozen=True)
class ArrayReader(ItemReader):
    """Takes items that are already the array which the network's one input takes.

    Args:
        input: The name of that input.
        dimensions: How many axes an item has.
    """

    name: ClassVar[str] = "arrays"

    input: str
    dimensions: int

    def is_one(self, items: Any) -> bool:
        """Says whether this array has the axes of an item."""
        return bool(np.ndim(items) == self.dimensions)

    def traits(self, arrays: Mapping[str, np.ndarray]) -> Traits:
        """Measures the mean and the spread of each item's numbers."""
        return of_numbers(arrays[self.input])

    def read(self, items: Sequence[Any]) -> Rows:
        """Puts arrays of one shape into one; paths are those of `.npy` files."""
        paths = [str(item) if isinstance(item, (str, Path)) else None for item in items]
        arrays = [
            np.asarray(item) if path is None else np.load(path, allow_pickle=False)
            for item, path in zip(items, paths, strict=True)
        ]
        return Rows({self.input: np.stack(arrays)}, np.arange(len(arrays)), paths)
