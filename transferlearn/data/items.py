"""Items by number: what every source becomes before it is cut into batches."""

import abc
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np


@functools.cache
def decoding_pool() -> ThreadPoolExecutor:
    """Gives the threads that decode, one pool for the process; Pillow releases the GIL."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="transferlearn-decode")


class Items(abc.ABC):
    """Holds what `ItemBatches` are made of: raw items, or stored features in their place."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], Any]:
        """Begins to load items, so that several batches can be loaded at once.

        Args:
            rows: Numbers of the items, int64 `(n,)`.
            epoch: The epoch that they are for, counted from 0.

        Returns:
            A function that waits for the batch and gives an array, or a tuple of arrays.
        """


class RawItems(Items):
    """Holds the items of a source, all of one shape."""

    @property
    @abc.abstractmethod
    def reading(self) -> str:
        """Says how the values that come out are made of what `content_hashes` hashes."""

    @abc.abstractmethod
    def content_hashes(self) -> list[str]:
        """Gives the SHA-256 of each item's content: of an image, its pixels before resizing."""

    @property
    @abc.abstractmethod
    def held_bytes(self) -> int:
        """Counts the bytes of what is in memory."""

    @abc.abstractmethod
    def subset(self, rows: np.ndarray) -> Self:
        """Gives the items `rows`, in that order, with nothing copied."""
