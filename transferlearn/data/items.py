"""Defines the items that batches are made of, which are loaded by their numbers."""

import abc
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np

from transferlearn.data.targets.base import Encoded
from transferlearn.monitoring.traits import Traits


@functools.cache
def decoding_pool() -> ThreadPoolExecutor:
    """Returns the one pool of threads that all decoding in this process shares."""
    # Threads are enough, since Pillow releases the GIL while it decodes.
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="transferlearn-decode")


class Items(abc.ABC):
    """Holds what `ItemBatches` are made of: raw items, or stored features in their place.

    Attributes:
        varies: For each array of a batch whether its second axis, the length of the items, differs
            from batch to batch; empty where none does.
    """

    varies: tuple[bool, ...] = ()

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], Any]:
        """Begins to load the items of a batch, and gives a function that waits for them.

        Args:
            rows: The numbers of the items, int64 `(n,)`.
            epoch: The epoch that the items are for, counted from 0.

        Returns:
            A function that waits for the batch and gives an array, or a tuple of arrays.
        """

    def as_seen(self, encoded: Encoded, rows: np.ndarray, epoch: int) -> Encoded:
        """Returns a batch's targets as the items of this epoch show them; by default as they are.

        Args:
            encoded: The targets of the items `rows`, with weights.
            rows: The numbers of the items.
            epoch: The epoch, counted from 0.
        """
        return encoded


class RawItems(Items):
    """Holds the items of a source, all of one shape."""

    @property
    @abc.abstractmethod
    def reading(self) -> str:
        """Returns how values are made from what `content_hashes` hashes, such as the new size."""

    @abc.abstractmethod
    def content_hashes(self) -> list[str]:
        """Returns the SHA-256 of each item's content; for an image, its pixels before resizing."""

    def likenesses(self) -> list[int | None] | None:
        """64 bits that tell how each item looks, few of which differ between near duplicates.

        Returns:
            A number in [0, 2**64) for each item, or `None` for an item that has none; by default
            `None`: of these items only exact duplicates are found.
        """
        return None

    def traits(self, rows: np.ndarray) -> Traits:
        """Measures what is lost when items are read, such as sizes; by default nothing."""
        return {}

    @property
    @abc.abstractmethod
    def held_bytes(self) -> int:
        """Counts the bytes that the items take in memory."""

    @abc.abstractmethod
    def subset(self, rows: np.ndarray) -> Self:
        """Returns the items `rows`, in that order, without copying them."""
