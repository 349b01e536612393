"""Gives stored features to batches in the place of raw items."""

import functools
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from transferlearn.data.items import Items, decoding_pool
from transferlearn.features.store import Store

Features: TypeAlias = np.ndarray | tuple[np.ndarray, ...]


class FeatureItems(Items):
    """Reads the features of items from a store: of each item, in each epoch, a random view.

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
        """Begins to read features, of the views of this epoch; see `Items.start`."""
        wanted = self._rows[rows, self._views(epoch)[rows]]
        if self._store.in_memory:
            return functools.partial(self._read, wanted)
        return decoding_pool().submit(self._read, wanted).result

    def _read(self, wanted: np.ndarray) -> Features:
        """Reads rows of the store; gives one array, or a tuple if there are several tensors."""
        tensors = self._store.read(wanted)
        return tensors if len(tensors) > 1 else tensors[0]

    def _views(self, epoch: int) -> np.ndarray:
        """Draws the number of a view for each item; only the seed and the epoch decide it."""
        items, views = self._rows.shape
        return np.asarray(np.random.default_rng((self._seed, epoch)).integers(views, size=items))
