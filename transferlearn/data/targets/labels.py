"""Turns labels of any form into class ids, shares of classes, or a yes or no for each class."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from transferlearn.data.targets.doubts import warn_of_unlabelled

Names = Sequence[str] | None


def class_labels(
    labels: ArrayLike, names: Names, *, positions: bool = False
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turns labels into class ids, or into shares of classes.

    Args:
        labels: The labels of items: ids, names of classes, one-hot rows, or rows of probabilities.
        names: The names of the classes in order; `None`: they are found in the labels.
        positions: Whether numeric labels are positions in `names` even where names are numbers.

    Returns:
        Int32 ids `(n,)`, or float32 shares `(n, classes)`; and the names of the classes.

    Raises:
        ValueError: The labels have none of these forms, or name an unknown class.
    """
    found = _as_array(labels)
    if found.ndim == 2 and found.shape[1] == 1:  # one label for each item, as a column
        found = found[:, 0]
    _check_shape(found)
    if found.ndim == 2:
        return _shares(found, names)
    if found.dtype.kind in "USOT":  # strings of any sort, or objects
        _refuse_missing(found)
        if all(isinstance(value, (int, float, np.number)) for value in found):
            found = found.astype(float)
    if found.dtype.kind in "USOT":
        return _named(found, names)
    values = _whole_numbers(found)
    if not names:
        warn_of_unlabelled(values)
    class_names = tuple(names) if names else tuple(str(value) for value in np.unique(values))
    known = np.arange(len(class_names)) if positions else class_values(class_names)
    return _lookup(values, known, class_names), class_names


def tag_rows(labels: Any, names: Names) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turns labels of items that have any number of classes into rows of 0 and 1.

    Args:
        labels: The labels of items: rows of 0 and 1, or for each item a list of names of classes.
        names: The names of the classes in order; `None`: they are found in the labels.

    Returns:
        Float32 `(n, classes)` of 0 and 1, and the names of the classes.

    Raises:
        ValueError: The labels have none of these forms, or name an unknown class.
    """
    if lists := _as_lists(labels):
        return _rows_of_names(lists, names)
    found = _as_array(labels)
    _check_shape(found)
    class_names = row_names(found.shape[1] if found.ndim == 2 else None, names)
    _check_finite(found)
    if not ((found == 0) | (found == 1)).all():
        raise ValueError("Multi-label rows hold 0 or 1 for each class. Received other values.")
    return found.astype(np.float32), class_names


def _as_array(labels: ArrayLike) -> np.ndarray:
    """Returns labels as an array, and refuses lists of different lengths."""
    try:
        return np.asarray(labels)
    except ValueError as error:  # lists of different lengths
        raise ValueError(
            "Labels are one for each item, or rows of one length. Where each is a list of names of "
            "classes, pass multi_label=True, and [] for none."
        ) from error


def _check_shape(labels: np.ndarray) -> None:
    """Refuses labels that are empty or have more than two axes."""
    if labels.ndim not in (1, 2) or not len(labels):
        raise ValueError(
            "Labels must have shape (n,) for ids or names, or (n, classes) for one-hot rows. "
            f"Received: shape={labels.shape}"
        )


def _check_finite(rows: np.ndarray) -> None:
    """Refuses rows that hold anything but finite numbers."""
    if rows.dtype.kind not in "biuf" or not np.isfinite(rows).all():
        raise ValueError(f"Rows of labels must hold finite numbers. Received: dtype={rows.dtype}")


def _refuse_missing(labels: np.ndarray) -> None:
    """Refuses labels of which one is missing."""
    missing = [i for i, value in enumerate(labels) if is_missing(value)]
    if missing:
        more = f", and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ValueError(
            f"Label {missing[0]} (counted from 0) is missing{more}. Write it in, or leave "
            f"the item out. Received: {labels.tolist()[missing[0]]!r}"
        )


def _shares(rows: np.ndarray, names: Names) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turns one-hot rows into ids, keeps probabilities, and names the classes."""
    class_names = row_names(rows.shape[1], names)
    _check_finite(rows)
    if (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            "Rows of labels must be one-hot, or probabilities that add up to 1. For items that "
            f"have several classes or none pass multi_label=True. Received row {rows[0].tolist()}"
        )
    is_one_hot = ((rows == 0) | (rows == 1)).all()
    labels = rows.argmax(axis=1).astype(np.int32) if is_one_hot else rows.astype(np.float32)
    return labels, class_names


def _named(labels: np.ndarray, names: Names) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turns names into ids, and gives the names of all classes."""
    odd = [i for i, value in enumerate(labels) if not isinstance(value, str)]
    if odd:
        raise ValueError(
            "Labels must be all strings or all numbers. "
            f"Received: {labels.tolist()[odd[0]]!r} as label {odd[0]} (counted from 0)"
        )
    found = (str(name) for name in np.unique(labels.astype(str)))
    class_names = tuple(names) if names else tuple(found)
    ids = {name: i for i, name in enumerate(class_names)}
    unknown = sorted({str(value) for value in labels} - set(class_names))
    if unknown:
        raise ValueError(f"Unknown class. {closest(unknown[0], class_names)}")
    return np.array([ids[value] for value in labels], np.int32), class_names


def _as_lists(labels: Any) -> list[list[str]] | None:
    """Returns the class names of each item if `labels` are lists of names, else `None`."""
    if not all(isinstance(part, (list, tuple, set, np.ndarray)) for part in labels):
        return None
    found = [list(part) for part in labels]
    names = [name for part in found for name in part]
    return found if names and all(isinstance(name, str) for name in names) else None


def _rows_of_names(
    lists: Sequence[Sequence[str]], names: Names
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turns each item's names into a row of 0 and 1, and gives the names of all classes."""
    given = {str(name) for part in lists for name in part}
    class_names = tuple(names or sorted(given))
    if unknown := sorted(given - set(class_names)):
        raise ValueError(f"Unknown class. {closest(unknown[0], class_names)}")
    rows = [[name in part for name in class_names] for part in lists]
    return np.array(rows, np.float32), class_names


def is_missing(cell: object) -> bool:
    """Returns whether a cell holds nothing, as pandas, NumPy or a CSV file writes it."""
    ways = ("", "nan") if isinstance(cell, str) else ("nan", "None", "<NA>", "NaT")
    return str(cell) in ways


def closest(name: str, names: Sequence[str]) -> str:
    """Writes, for a message, the unknown name, the known names, and the closest of those."""
    near = difflib.get_close_matches(name, names, 1)
    hint = f" Closest: {near[0]!r}." if near else ""
    return f"Received: {name!r}; known are {list(names[:20])}.{hint}"


def _whole_numbers(labels: np.ndarray) -> np.ndarray:
    """Returns labels as int64, and refuses any that are no whole numbers."""
    if labels.dtype.kind in "biu":
        return labels.astype(np.int64)
    is_float = labels.dtype.kind == "f"
    # From 2**53 on, float64 does not hold every whole number.
    whole = is_float & (labels == np.rint(labels)) & (np.abs(labels.astype(float)) < 2**53)
    odd = labels[~np.broadcast_to(whole, labels.shape)]
    if len(odd):
        raise ValueError(
            "Labels of shape (n,) must be whole numbers (class ids) or strings (class names). "
            f"Received: dtype={labels.dtype}, values {odd[:5].tolist()}. To learn numbers, take "
            "tl.ImageRegressorBuilder or tl.TextRegressorBuilder."
        )
    return labels.astype(np.int64)


def class_values(class_names: Sequence[str]) -> np.ndarray:
    """Returns the number that stands for each class in numeric labels.

    Where all names are whole numbers, they were made from ids and are those numbers; else a number
    is a position in `class_names`.
    """
    try:
        return np.array([int(name) for name in class_names], np.int64)
    except ValueError:
        return np.arange(len(class_names))


def _lookup(values: np.ndarray, known: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    """Returns the place of each value in `known`, int32; refuses values that are not there."""
    order = np.argsort(known)
    place = order[np.searchsorted(known, values, sorter=order).clip(max=len(known) - 1)]
    unknown = np.unique(values[known[place] != values])
    if len(unknown):
        raise ValueError(
            f"Labels without a class: {unknown[:10].tolist()}. Expected numbers among "
            f"{known[:10].tolist()} for the {len(known)} classes {list(class_names[:10])}."
        )
    return place.astype(np.int32)


def row_names(width: int | None, names: Names) -> tuple[str, ...]:
    """Returns the class names for the columns of label rows: `names`, or else "0" to "k-1"."""
    if not width:
        raise ValueError(
            "multi_label=True needs labels of shape (n, classes) with 0 or 1 for each class. "
            f"Received labels of shape {'(n,)' if width is None else '(n, 0)'}."
        )
    found = tuple(names or (str(i) for i in range(width)))
    if len(found) != width:
        raise ValueError(
            f"Labels have {width} columns, but there are {len(found)} class_names: {list(found)}"
        )
    return found


def check_names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Returns class names as a tuple, and refuses what is not a list of different names."""
    if names is None:
        return None
    if isinstance(names, str):
        raise ValueError(
            f"class_names must be a list of names. Received: class_names={names!r}; "
            f"write [{names!r}, ...]"
        )
    found = tuple(str(name) for name in names)
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise ValueError(f"class_names must differ from each other. Received twice: {twice}")
    return found


def one_hot(ids: np.ndarray, count: int) -> np.ndarray:
    """Returns for each id a row of `count` float32 zeros with a 1 at the place of the id."""
    return np.eye(count, dtype=np.float32)[ids]
