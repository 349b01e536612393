"""Stored features in the place of images."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from transferlearn.data.items import Items, decoding_pool
from transferlearn.features.store import Store


class FeatureItems(Items):
    """Rows of a store, drawn from several views of each item.

    Args:
        store: Holds the features.
        rows: Shape `(items, views)`, where each view of each item lies in the store.
        seed: Of the views that are drawn; `None` for any.
    """

    def __init__(self, store: Store, rows: np.ndarray, seed: int | None) -> None:
        self._store = store
        self._rows = rows
        self._seed = int(np.random.default_rng(seed).integers(2**31))

    def __len__(self) -> int:
        return len(self._rows)

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], Any]:
        """Begins to read `rows`; of each item a view is drawn anew in each epoch."""
        wanted = self._rows[rows, self._views(epoch)[rows]]
        if self._store.in_memory:
            return functools.partial(self._read, wanted)
        return decoding_pool().submit(self._read, wanted).result

    def _read(self, wanted: np.ndarray) -> Any:
        tensors = self._store.read(wanted)
        return tensors if len(tensors) > 1 else tensors[0]

    def _views(self, epoch: int) -> np.ndarray:
        items, views = self._rows.shape
        return np.asarray(np.random.default_rng((self._seed, epoch)).integers(views, size=items))
