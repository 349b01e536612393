"""Gives stored features to batches in the place of raw items."""

import functools
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from transferlearn.data.items import Items, decoding_pool
from transferlearn.features.store import Store

Features: TypeAlias = np.ndarray | tuple[np.ndarray, ...]


class FeatureItems(Items):
    """Reads the features of items from a store, in each epoch those of one view of each item.

    Args:
        store: The store that holds the features.
        rows: The row in the store of each view of each item, int64 `(items, views)`.
        seed: The seed that decides which views are drawn; `None` takes a random one.
    """

    def __init__(self, store: Store, rows: np.ndarray, seed: int | None) -> None:
        self._store = store
        self._rows = rows
        self._seed = int(np.random.default_rng(seed).integers(2**31))

    def __len__(self) -> int:
        return len(self._rows)

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], Features]:
        """Begins to read the items `rows`; each epoch draws a view of each item anew."""
        wanted = self._rows[rows, self._views(epoch)[rows]]
        if self._store.in_memory:
            return functools.partial(self._read, wanted)
        return decoding_pool().submit(self._read, wanted).result

    def _read(self, wanted: np.ndarray) -> Features:
        tensors = self._store.read(wanted)
        return tensors if len(tensors) > 1 else tensors[0]

    def _views(self, epoch: int) -> np.ndarray:
        """Draws a view of each item for an epoch, by the seed and the epoch alone."""
        items, views = self._rows.shape
        return np.asarray(np.random.default_rng((self._seed, epoch)).integers(views, size=items))
