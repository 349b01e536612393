"""Defines datasets of items that have several rows each, such as long texts and recordings."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from transferlearn.data.dataset import ItemDataset


@dataclass(frozen=True, kw_only=True, eq=False)
class RowDataset(ItemDataset):
    """Holds items that the network reads in one row or in several.

    Attributes:
        source_of: The number of the item that each row comes from, int64 `(rows,)`, in any order
            and with gaps.
    """

    source_of: np.ndarray

    @property
    def count(self) -> int:
        """Returns the number of items, not of rows."""
        return len(self.first_rows)

    @property
    def item_of(self) -> np.ndarray:
        """Returns the number of the item that each row is of, counted without gaps."""
        return np.unique(self.source_of, return_inverse=True)[1]

    def item_hashes(self) -> list[str]:
        """Returns the hash of each item; here that of its first row, which tells items apart."""
        hashes = self.content_hashes()
        return [hashes[row] for row in self.first_rows]

    def of(self, numbers: np.ndarray) -> Self:
        """Returns all rows of the items with these numbers, in the order of this dataset."""
        chosen = np.unique(self.source_of)[numbers]
        return self.rows(np.flatnonzero(np.isin(self.source_of, chosen)))

    def rows(self, rows: np.ndarray) -> Self:
        """Returns these rows, in that order."""
        return replace(super().rows(rows), source_of=self.source_of[rows])

    def of_items(self, values: np.ndarray) -> np.ndarray:
        """Returns for each item the mean of what the network gave for its rows."""
        item_of = self.item_of  # a part that was held out has gaps in `source_of`
        rows = np.bincount(item_of)
        sums = np.zeros((len(rows), *values.shape[1:]))
        np.add.at(sums, item_of, values)
        return (sums.T / rows).T.astype(values.dtype)


def shared_weights(
    weights: np.ndarray | None, source_of: np.ndarray, count: int
) -> np.ndarray | None:
    """Returns a weight for each row, so that items with many rows count no more than others.

    Args:
        weights: The weight of each item, float `(count,)`; `None`: all weigh the same.
        source_of: The number of the item that each row comes from, int64 `(rows,)`.
        count: The number of items.
    """
    if len(source_of) > count:
        weights = (1.0 if weights is None else weights) / np.bincount(source_of)
    return None if weights is None else np.asarray(weights, np.float32)[source_of]
