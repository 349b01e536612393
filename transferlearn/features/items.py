"""Hands stored features to batches in the place of raw items."""

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
        varies: For each tensor whether its first axis is the length of the item; empty: for none.
        lengths: The length up to which the features of each item are more than padding; batches
            are cut to the greatest among theirs.
    """

    def __init__(
        self,
        store: Store,
        rows: np.ndarray,
        seed: int | None,
        *,
        varies: tuple[bool, ...] = (),
        lengths: np.ndarray | None = None,
    ) -> None:
        self._store = store
        self._rows = rows
        self._seed = int(np.random.default_rng(seed).integers(2**31))
        self.varies = varies
        self._lengths = lengths if any(varies) else None

    def __len__(self) -> int:
        return len(self._rows)

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], Features]:
        """Begins to read features, of the views of this epoch; see `Items.start`."""
        wanted = self._rows[rows, self._views(epoch)[rows]]
        length = None if self._lengths is None else int(self._lengths[rows].max())
        if self._store.in_memory:
            return functools.partial(self._read, wanted, length)
        return decoding_pool().submit(self._read, wanted, length).result

    def _read(self, wanted: np.ndarray, length: int | None) -> Features:
        """Reads rows of the store; gives one array, or a tuple if there are several tensors."""
        tensors = self._store.read(wanted)
        if length is not None:
            pairs = zip(tensors, self.varies, strict=True)
            tensors = tuple(x[:, :length] if varies else x for x, varies in pairs)
        return tensors if len(tensors) > 1 else tensors[0]

    def _views(self, epoch: int) -> np.ndarray:
        """Draws the number of a view for each item; only the seed and the epoch decide it."""
        items, views = self._rows.shape
        return np.asarray(np.random.default_rng((self._seed, epoch)).integers(views, size=items))
