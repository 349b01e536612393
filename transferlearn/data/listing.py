"""What a source of items holds, before any item is opened."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import ItemDataset
from .kinds import Kind
from .labels import class_labels, sample_weights
from .options import Options


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """Items with their labels, as a source lists them.

    Attributes:
        kind: Of the items.
        items: Paths of files, or the items themselves: an array or a list.
        in_files: Whether they are paths.
        labels: As of a `Dataset`, one an item.
        class_names: As of a `Dataset`.
        sample_weight: Likewise.
        what: The source, for messages.
        ignored: Files that were not looked at, by kind.
    """

    kind: Kind
    items: Any
    labels: np.ndarray
    class_names: tuple[str, ...]
    sample_weight: np.ndarray | None = None
    in_files: bool = True
    what: str = "The list of files"
    ignored: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def open(self, options: Options, *, share: float = 1.0) -> ItemDataset:
        """Checks the items, and keeps the good ones; `share` as of `Kind.open`."""
        return self.kind.open(self, options, share)

    def take(self, rows: np.ndarray) -> "Listing":
        """The items `rows`, in that order."""
        items, weights = self.items, self.sample_weight
        listed = isinstance(items, (list, tuple))
        picked = [items[i] for i in rows] if listed else np.asarray(items)[rows]
        return replace(
            self,
            items=picked,
            labels=self.labels[rows],
            sample_weight=None if weights is None else weights[rows],
        )


def list_arrays(source: tuple[Any, ...], options: Options, kind: Kind) -> Listing:
    """What `(x, y)` or `(x, y, sample_weight)` holds."""
    if len(source) not in (2, 3):
        raise ValueError(
            "Arrays go in as (x, y) or (x, y, sample_weight). "
            f"Received: a tuple of {len(source)} parts"
        )
    x, y = source[:2]
    for name, part in (("x", x), ("y", y)):
        if isinstance(part, (str, Path)) or not hasattr(part, "__len__"):
            raise TypeError(
                f"{name} of (x, y) must be an array or a list, one item for each {kind.noun}. "
                f"Received: {type(part).__name__}"
            )
    if len(x) != len(y):
        raise ValueError(f"x and y must have the same length. Received: {len(x)} and {len(y)}")
    weights = sample_weights(source[2], len(x)) if len(source) == 3 else None
    paths = kind.as_paths(x)
    labels, class_names = class_labels(y, options)
    return Listing(
        kind=kind,
        items=x if paths is None else paths,
        in_files=paths is not None,
        labels=labels,
        class_names=class_names,
        sample_weight=weights,
    )
