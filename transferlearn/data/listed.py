"""What a source of items holds, before any item is opened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class ByFolder:
    """Says of each file in which folder it is.

    Attributes:
        folder: Where the folders are.
        of_item: The name of each file's folder, one of `names`.
        names: All folders, those without a file included, in alphabetical order.
        expected: What a folder should hold, for messages, such as `"*.jpg"`.
    """

    folder: str
    of_item: Sequence[str]
    names: tuple[str, ...]
    expected: str


@dataclass(frozen=True, eq=False)
class ByColumn:
    """Says of each item what a table has in the other columns, one cell an item."""

    columns: Mapping[str, Sequence[Any]]


@dataclass(frozen=True, eq=False)
class ByRow:
    """Says of each item what was passed beside it: an array or a list, one row an item."""

    rows: Any


Told = ByFolder | ByColumn | ByRow


@dataclass(frozen=True, kw_only=True, eq=False)
class Listed:
    """Items and what their source says of them.

    Attributes:
        items: Paths of files, or the items themselves: an array or a list.
        told: What the source says of the items.
        in_files: Whether the items are paths.
        sample_weight: Float32 `(n,)`, or `None`.
        what: The source, as messages call it.
        noun: What an item is called.
        ignored: Files that were not looked at, by kind.
    """

    items: Any
    told: Told
    noun: str
    in_files: bool = True
    sample_weight: np.ndarray | None = None
    what: str = "The list of files"
    ignored: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.items)

    def called(self, number: int) -> str:
        """Gives the path of an item, or its place in the source."""
        return str(self.items[number]) if self.in_files else f"{self.noun} {number}"

    def take(self, rows: np.ndarray) -> "Listed":
        """Gives the items `rows`, in that order; what is told of them is left as it is."""
        items, weights = self.items, self.sample_weight
        is_list = isinstance(items, (list, tuple))
        return replace(
            self,
            items=[items[i] for i in rows] if is_list else np.asarray(items)[rows],
            sample_weight=None if weights is None else weights[rows],
        )


def sample_weights(values: Any, count: int) -> np.ndarray:
    """Gives one finite, non-negative weight for each item, float32 `(count,)`.

    Raises:
        ValueError: They are something else.
    """
    try:
        weights = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        weights = np.array(np.nan)
    if weights.shape != (count,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(
            f"Sample weights must be {count} finite numbers, none below 0, one for each item. "
            f"Received: shape={np.shape(values)}"
        )
    return weights
