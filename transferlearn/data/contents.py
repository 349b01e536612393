"""Reads the items of a dataset once, and makes batches of what is stored in their place."""

import abc
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from transferlearn.data.batches import AHEAD, Beside, ItemBatches
from transferlearn.data.items import Items, RawItems
from transferlearn.data.transforms import OneView, Transform

Values = TypeVar("Values")


class UnsteadyData(ValueError):  # noqa: N818 - it says what the data is, not what went wrong
    """Is raised where a dataset cannot give the same items in each epoch, and says why."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Contents(abc.ABC):
    """Holds items that are the same in each epoch, so that features of them can be stored.

    `Dataset.contents` makes it, so that the outputs of frozen layers can be stored and trained on.

    Attributes:
        hashes: The hash of each item's content, hexadecimal, in the dataset's own order; two items
            may have one hash. The same hash and the same `reading` mean the same values.
        reading: How the values are made of what was hashed, such as `"224x224 bilinear"`.
    """

    hashes: list[str]
    reading: str

    @property
    def blank(self) -> np.ndarray | None:
        """An item of nothing but padding, or `None` where all items have one length.

        Its shape is `(1, length)`, with the length that each item has once it is filled up.
        """
        return None

    @property
    def lengths(self) -> np.ndarray | None:
        """The length up to which each item is more than padding, or `None` as for `blank`."""
        return None

    @abc.abstractmethod
    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Reads the items `rows` once each, in batches that are decoded ahead of need.

        Args:
            rows: Numbers of the items, int64 `(n,)`, none of them twice.
            batch_size: How many items to read at a time.

        Yields:
            `(rows, values)` of a batch, until all items have come, maybe in another order than
            asked for; the values are as `Dataset.batches` gives them.

        Raises:
            UnsteadyData: A stream gives other items than it gave before.
        """

    @abc.abstractmethod
    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        """Makes the batches of `Dataset.batches`, with `items` in the place of the raw items.

        Args:
            items: What takes the place of the raw items, as many as `hashes` and in that order.
            seed: The seed of the order, as `Dataset.batches` takes it.
        """


def read_ahead(
    start: Callable[[np.ndarray], Callable[[], Values]],
    rows: np.ndarray,
    batch_size: int,
    *,
    ahead: int = AHEAD,
) -> Iterator[tuple[np.ndarray, Values]]:
    """Yields `(rows, values)` batch by batch, while the next `ahead` batches are being loaded."""
    begun: deque[tuple[np.ndarray, Callable[[], Values]]] = deque()
    for i in range(0, len(rows), batch_size):
        part = rows[i : i + batch_size]
        begun.append((part, start(part)))
        if len(begun) > ahead:
            first, load = begun.popleft()
            yield first, load()
    for part, load in begun:
        yield part, load()


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemContents(Contents):
    """Holds items whose hashes are known, and which are read when they are needed."""

    items: RawItems
    beside: Beside | None
    batch_size: int
    shuffle: bool

    def view(self, transform: Transform, number: int) -> "ItemContents":
        """Returns one view of the same items."""
        if number == 0 and transform.first_is_raw:
            return self
        items = OneView(self.items, transform, number)
        hashes = items.content_hashes()
        return replace(self, items=items, hashes=hashes, reading=items.reading)

    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Reads the items in the order of `rows`."""
        return read_ahead(self.items.start, rows, batch_size)

    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        """Makes batches of `items` in the place of the raw items."""
        return ItemBatches(items, self.beside, self.batch_size, shuffle=self.shuffle, seed=seed)
