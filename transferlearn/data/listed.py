"""Defines lists of items that are not opened yet, with what their source says of them."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from transferlearn.json_fields import Json


@dataclass(frozen=True, eq=False)
class ByFolder:
    """Describes in which folder each file is.

    Attributes:
        folder: The path of the folder that holds these folders.
        of_item: The name of each file's folder, one of `names`.
        names: The names of all folders, those without a file included, in alphabetical order.
        expected: What a folder should hold, for messages, such as `"*.jpg"`.
    """

    folder: str
    of_item: Sequence[str]
    names: tuple[str, ...]
    expected: str


@dataclass(frozen=True, eq=False)
class ByColumn:
    """Holds a table's columns besides those of items and weights, with one cell for each item.

    Attributes:
        columns: The cells of each column, by its name.
        folder: The folder of the table, from which paths in cells are looked for first.
        places: Where each row of an item stands, such as `"line 7"`, if items may have several: a
            cell is then a list with an entry for each row. Else `None`.
    """

    columns: Mapping[str, Sequence[Any]]
    folder: Path = Path()
    places: Sequence[Sequence[str]] | None = None


@dataclass(frozen=True, eq=False)
class ByAnnotation:
    """Holds what a COCO file says of its images.

    Attributes:
        categories: The name of each category by its id, in the order of the ids.
        sizes: The height and width in pixels that the file gives for each image; not checked.
        annotations: The annotations of each image; not checked.
    """

    categories: Mapping[object, str]
    sizes: Sequence[tuple[Any, Any]]
    annotations: Sequence[Sequence[Json]]


@dataclass(frozen=True, eq=False)
class ByRow:
    """Holds the targets that were passed beside the items, one row for each; empty: none were."""

    rows: Any


class KnownFile(NamedTuple):
    """Holds what a manifest says of a file, so that it need not be opened.

    Attributes:
        size: The bytes that it had.
        mtime: The time of its last change, in nanoseconds since 1970.
        content_hash: The hash of its content.
        likeness: The hash of how it looks, or `None`.
        height: Its height in pixels.
        width: Its width in pixels.
        error: Why it cannot be used; else empty.
    """

    size: int
    mtime: int
    content_hash: str
    likeness: int | None
    height: int
    width: int
    error: str


Origin = ByFolder | ByColumn | ByRow | ByAnnotation


@dataclass(frozen=True, kw_only=True, eq=False)
class Listed:
    """Holds the items of a source, not opened yet, and what the source says of them.

    Attributes:
        items: The paths of files, or the items themselves; an array or a list.
        origin: What the source says of the items; targets are found in it.
        in_files: Whether the items are paths.
        sample_weight: The weight of each item, float32 `(n,)`, or `None`.
        groups: The name of the group that each item was given, or `None`.
        what: The name of the source in messages.
        noun: The word for one item in messages, such as `"image"`.
        ignored: How many files were not looked at: by ending, or `"hidden"`.
        named: The name of each item for messages, such as its line in a file; `None`: its path or
            its place.
        known: What a manifest says of each file, or `None`.
    """

    items: Any
    origin: Origin
    noun: str
    in_files: bool = True
    sample_weight: np.ndarray | None = None
    groups: list[str] | None = None
    what: str = "The list of files"
    ignored: Mapping[str, int] = field(default_factory=dict)
    named: Sequence[str] | None = None
    known: Sequence[KnownFile] | None = None

    def __len__(self) -> int:
        return len(self.items)

    def called(self, number: int) -> str:
        """Names an item for messages, by its path or by its place in the source."""
        if self.named is not None:
            return self.named[number]
        return str(self.items[number]) if self.in_files else f"{self.noun} {number}"

    def take(self, rows: np.ndarray) -> "Listed":
        """The items `rows`, in that order; `origin` is not cut, and still covers all items."""
        items, weights = self.items, self.sample_weight
        # Arrays of different shapes in a list do not make one array.
        is_list = isinstance(items, (list, tuple))
        return replace(
            self,
            items=[items[i] for i in rows] if is_list else np.asarray(items)[rows],
            sample_weight=None if weights is None else weights[rows],
            groups=None if self.groups is None else [self.groups[i] for i in rows],
            named=None if self.named is None else [self.named[i] for i in rows],
            known=None if self.known is None else [self.known[i] for i in rows],
        )


def sample_weights(values: ArrayLike, count: int) -> np.ndarray:
    """Checks sample weights, and gives them as float32 `(count,)`.

    Raises:
        ValueError: The weights are not `count` finite numbers that are 0 or more.
    """
    try:
        weights = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        weights = np.array(np.nan)  # refused below
    if weights.shape != (count,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(
            f"Sample weights must be {count} finite numbers, none below 0, one for each item. "
            f"Received: shape={np.shape(values)}"
        )
    return weights


def as_paths(x: Iterable[object]) -> list[str] | None:
    """Returns `x` as a list of paths if it holds strings or `Path`s only, else `None`."""
    if isinstance(x, np.ndarray) and x.dtype.kind not in "UOT":
        return None
    are_paths = [isinstance(item, (str, Path)) for item in x]
    return [str(item) for item in x] if are_paths and all(are_paths) else None


def path_in(cell: object, folder: Path) -> str:
    """Returns the path in a cell of a table, from the table's folder if the file is there."""
    path = Path(str(cell)).expanduser()
    beside = folder / path
    with contextlib.suppress(OSError):  # a cell that holds a long text is no possible path
        path = beside if beside.exists() else path
    return str(path)
