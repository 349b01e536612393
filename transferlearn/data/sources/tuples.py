"""Lists items and targets that are passed as a tuple, and refuses one list for each class."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.data.kind import Kind
from transferlearn.data.listed import ByRow, Listed, sample_weights


def list_arrays(source: tuple[Any, ...], kind: Kind) -> Listed:
    """Lists what `(x, y)` or `(x, y, sample_weight)` holds.

    Raises:
        ValueError: The parts have different lengths, or there are not two or three of them.
        TypeError: A part is neither an array nor a list.
    """
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
    return Listed(
        what=f"The list of {kind.noun}s" if paths is None else "The list of files",
        items=x if paths is None else paths,
        origin=ByRow(y),
        noun=kind.noun,
        in_files=paths is not None,
        sample_weight=weights,
    )


_SIDE = 8  # pixels of an image; what is smaller may be labels of a wrong form
_WORDS = 3  # of a label, from which it is taken for a text


def refuse_one_part_a_class(parts: Sequence[object], kind: Kind) -> None:
    """Refuses what looks like a list of items for each class, and says how to pass it.

    Args:
        parts: What stands where items, labels and maybe sample weights are expected.
        kind: What the items are.

    Raises:
        ValueError: The first two parts, or all of several, are items.
    """
    if len(parts) < 2 or not all(_are_items(part, kind) for part in parts[:2]):
        return
    are_arrays = all(isinstance(part, np.ndarray) for part in parts)
    items = "np.concatenate([good, bad])" if are_arrays else "good + bad"
    raise ValueError(
        f"{kind.noun.capitalize()}s go in with their labels, as (x, y): all {kind.noun}s in one "
        f"list, and a label for each of them in another. Here y holds {kind.noun}s, too. If each "
        "of your lists is a class:\n"
        f"  builder.fit(({items}, ['good'] * len(good) + ['bad'] * len(bad)))"
    )


def _are_items(part: object, kind: Kind) -> bool:
    """Returns whether a list or an array holds items of a kind, and surely no labels."""
    if isinstance(part, (str, Path, dict)) or not hasattr(part, "__len__") or not len(part):
        return False
    if isinstance(part, np.ndarray) and part.dtype.kind not in "USOT":
        return kind.name == "images" and part.ndim >= 3 and min(part.shape[1:3]) >= _SIDE
    some = list(part[:100]) if hasattr(part, "__getitem__") else []
    if all(isinstance(item, (str, Path)) for item in some):
        return _are_texts([str(item) for item in some], kind)
    # Pillow's images have a size, and arrays have two or three axes.
    return kind.name == "images" and all(
        getattr(item, "ndim", 0) >= 2 or hasattr(item, "getpixel") for item in some
    )


def _are_texts(some: list[str], kind: Kind) -> bool:
    """Returns whether strings are texts of several words that differ, or names of files."""
    if all(text.lower().endswith(kind.endings) for text in some):
        return True
    if not kind.in_cells or len(set(some)) < 2 or len(set(some)) <= len(some) / 2:
        return False
    return sum(len(text.split()) for text in some) >= _WORDS * len(some)
