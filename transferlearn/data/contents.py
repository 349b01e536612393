"""The items of a dataset, to read each once and to train on something in its place."""

import abc
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from transferlearn.data.batches import AHEAD, Beside, ItemBatches
from transferlearn.data.items import Items, RawItems


class UnsteadyData(ValueError):  # noqa: N818 - it says what the data is, not what went wrong
    """Says in one sentence why a dataset does not hold the same items in each epoch."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Contents(abc.ABC):
    """Holds the items of a dataset, which are the same in each epoch.

    `Dataset.contents` makes it, for storing what frozen layers put out and training on that.

    Attributes:
        hashes: One an item, hexadecimal, in the dataset's own order; duplicates are possible.
            The same hash and the same `reading` mean the same values.
        reading: How the values come of what was hashed, such as `"224x224 bilinear"`.
    """

    hashes: list[str]
    reading: str

    @property
    def blank(self) -> np.ndarray | None:
        """Gives an item of nothing but padding, or `None` where `read` gives one length only.

        Shape `(1, length)`, with the length that each item has once it is filled up.
        """
        return None

    @abc.abstractmethod
    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Reads items once, decoded ahead.

        Args:
            rows: Numbers of the items, int64 `(n,)`, none of them twice.
            batch_size: Items at a time.

        Yields:
            `(rows, values)`, until all have come, maybe in an order of their own; values as
            `Dataset.batches` gives them.

        Raises:
            UnsteadyData: A stream gives other items than before.
        """

    @abc.abstractmethod
    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        """Gives the batches of `Dataset.batches`, with `items` in place of the raw ones.

        Args:
            items: As many as `hashes`, in that order.
            seed: As in `Dataset.batches`.
        """


def read_ahead(
    start: Callable[[np.ndarray], Callable[[], Any]],
    rows: np.ndarray,
    batch_size: int,
    *,
    ahead: int = AHEAD,
) -> Iterator[tuple[np.ndarray, Any]]:
    """Yields batches of `rows`; the next ones are begun before they are asked for."""
    begun: deque[tuple[np.ndarray, Callable[[], Any]]] = deque()
    for i in range(0, len(rows), batch_size):
        part = rows[i : i + batch_size]
        begun.append((part, start(part)))
        if len(begun) > ahead:
            done, images = begun.popleft()
            yield done, images()
    for done, images in begun:
        yield done, images()


@dataclass(frozen=True, kw_only=True, eq=False)
class ItemContents(Contents):
    """Holds files or arrays: all that is known of them, and nothing read ahead of need."""

    items: RawItems
    beside: Beside | None
    batch_size: int
    shuffle: bool

    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Reads the items in the order of `rows`."""
        return read_ahead(self.items.start, rows, batch_size)

    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        """See `Contents.batches`."""
        return ItemBatches(items, self.beside, self.batch_size, shuffle=self.shuffle, seed=seed)
