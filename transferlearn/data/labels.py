"""Labels of any form -> class ids or rows; rows -> what a loss wants; weights."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np

from .options import Options


def class_labels(
    y: Any, options: Options, *, positions: bool = False
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Turn labels into `(labels, class_names)`.

    Args:
        y: Ids, strings, one-hot or soft rows; with `options.multi_label` 0/1 rows, or for each item
            a list of names of classes.
        options: `class_names` and `multi_label`.
        positions: Whether numbers are positions in `class_names` even where names are numbers.

    Returns:
        int32 ids `(n,)`, or float32 rows `(n, classes)` for soft labels and multi-label.

    Raises:
        ValueError: Labels that are none of these, or an unknown class.
    """
    if options.multi_label and (lists := _as_lists(y)):
        return _rows_of_names(lists, options.class_names)
    try:
        y = np.asarray(y)
    except ValueError as error:  # lists of different lengths
        raise ValueError(
            "Labels are one for each item, or rows of one length. Where each is a list of names of "
            "classes, pass multi_label=True, and [] for none."
        ) from error
    if y.ndim == 2 and y.shape[1] == 1 and not options.multi_label:
        y = y[:, 0]
    if y.ndim not in (1, 2) or not len(y):
        raise ValueError(
            "Labels must have shape (n,) for ids or names, or (n, classes) for one-hot rows. "
            f"Received: shape={y.shape}"
        )
    if y.ndim == 2 or options.multi_label:
        return _row_labels(y, options)
    if y.dtype.kind in "USOT":
        missing = [i for i, value in enumerate(y) if is_missing(value)]
        if missing:
            others = f", like {len(missing) - 1} others" if len(missing) > 1 else ""
            raise ValueError(
                f"Label {missing[0]} is missing{others} (counted from 0). Write it in, or leave "
                f"the item out. Received: {y.tolist()[missing[0]]!r}"
            )
        if all(isinstance(value, (int, float, np.number)) for value in y):
            y = y.astype(float)
    if y.dtype.kind in "USOT":
        return _named_labels(y, options.class_names)
    values = _whole_numbers(y)
    names = options.class_names
    class_names = tuple(names) if names else tuple(str(value) for value in np.unique(values))
    known = np.arange(len(class_names)) if positions else class_values(class_names)
    return _lookup(values, known, class_names), class_names


def _named_labels(y: np.ndarray, names: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    odd = [i for i, value in enumerate(y) if not isinstance(value, str)]
    if odd:
        raise ValueError(
            "Labels must be all strings or all numbers. "
            f"Received: {y.tolist()[odd[0]]!r} as label {odd[0]} (counted from 0)"
        )
    class_names = tuple(names) if names else tuple(str(name) for name in np.unique(y.astype(str)))
    ids = {name: i for i, name in enumerate(class_names)}
    unknown = sorted({str(value) for value in y} - set(class_names))
    if unknown:
        raise ValueError(f"Unknown class. {closest(unknown[0], class_names)}")
    return np.array([ids[value] for value in y], np.int32), class_names


def _as_lists(y: Any) -> list[list[str]] | None:
    """The names of each item's classes, where that is what `y` holds."""
    if not all(isinstance(part, (list, tuple, set, np.ndarray)) for part in y):
        return None
    found = [list(part) for part in y]
    names = [name for part in found for name in part]
    return found if names and all(isinstance(name, str) for name in names) else None


def _rows_of_names(
    lists: Sequence[Sequence[str]], names: Sequence[str] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    given = {str(name) for part in lists for name in part}
    class_names = tuple(names or sorted(given))
    if unknown := sorted(given - set(class_names)):
        raise ValueError(f"Unknown class. {closest(unknown[0], class_names)}")
    rows = [[name in part for name in class_names] for part in lists]
    return np.array(rows, np.float32), class_names


def is_missing(label: Any) -> bool:
    """Whether it says that there is none, as pandas, NumPy and CSV files write it."""
    ways = ("", "nan") if isinstance(label, str) else ("nan", "None", "<NA>", "NaT")
    return str(label) in ways


def closest(name: str, names: Sequence[str]) -> str:
    """What was received, what is known, and the likeliest one."""
    near = difflib.get_close_matches(name, names, 1)
    hint = f" Closest: {near[0]!r}." if near else ""
    return f"Received: {name!r}; known are {list(names[:20])}.{hint}"


def _whole_numbers(y: np.ndarray) -> np.ndarray:
    if y.dtype.kind in "biu":
        return y.astype(np.int64)
    whole = y.dtype.kind == "f" and (y == np.rint(y)) & (np.abs(y.astype(float)) < 2**53)
    odd = y[~np.broadcast_to(whole, y.shape)]
    if len(odd):
        raise ValueError(
            "Labels of shape (n,) must be whole numbers (class ids) or strings (class names). "
            f"Received: dtype={y.dtype}, values {odd[:5].tolist()}"
        )
    return y.astype(np.int64)


def class_values(class_names: Sequence[str]) -> np.ndarray:
    """The number that stands for each class in numeric labels.

    Names that are all whole numbers were made from ids and stand for themselves; else the numbers
    are positions in `class_names`.
    """
    try:
        return np.array([int(name) for name in class_names], np.int64)
    except ValueError:
        return np.arange(len(class_names))


def _lookup(values: np.ndarray, known: np.ndarray, class_names: Sequence[str]) -> np.ndarray:
    order = np.argsort(known)
    place = order[np.searchsorted(known, values, sorter=order).clip(max=len(known) - 1)]
    unknown = np.unique(values[known[place] != values])
    if len(unknown):
        raise ValueError(
            f"Labels without a class: {unknown[:10].tolist()}. Expected numbers among "
            f"{known[:10].tolist()} for the {len(known)} classes {list(class_names[:10])}."
        )
    return place.astype(np.int32)


def _row_labels(y: np.ndarray, options: Options) -> tuple[np.ndarray, tuple[str, ...]]:
    class_names = row_names(y.shape[1] if y.ndim == 2 else None, options)
    if y.dtype.kind not in "biuf" or not np.isfinite(y).all():
        raise ValueError(f"Rows of labels must hold finite numbers. Received: dtype={y.dtype}")
    binary = ((y == 0) | (y == 1)).all()
    if options.multi_label:
        if not binary:
            raise ValueError("Multi-label rows hold 0 or 1 for each class. Received other values.")
        return y.astype(np.float32), class_names
    if (y < 0).any() or not np.allclose(y.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            "Rows of labels must be one-hot, or probabilities that add up to 1. For items that "
            f"have several classes or none pass multi_label=True. Received row {y[0].tolist()}"
        )
    return (y.argmax(axis=1).astype(np.int32) if binary else y.astype(np.float32)), class_names


def row_names(width: int | None, options: Options) -> tuple[str, ...]:
    """Class names for rows of labels: the given ones, or "0" to "k-1"."""
    if not width:
        raise ValueError(
            "multi_label=True needs labels of shape (n, classes) with 0 or 1 for each class. "
            f"Received labels of shape {'(n,)' if width is None else '(n, 0)'}."
        )
    names = tuple(options.class_names or (str(i) for i in range(width)))
    if len(names) != width:
        raise ValueError(
            f"Labels have {width} columns, but there are {len(names)} class_names: {list(names)}"
        )
    return names


def encode(labels: np.ndarray, encoding: str | None, num_classes: int) -> np.ndarray:
    """Ids or rows as the loss wants them, see `Dataset.batches`."""
    if encoding is None:
        return labels
    if encoding == "index":
        return (labels if labels.ndim == 1 else labels.argmax(axis=1)).astype(np.int32)
    rows = np.eye(num_classes, dtype=np.float32)[labels] if labels.ndim == 1 else labels
    return rows.astype(np.float32) if encoding == "one-hot" else rows[:, 1:].astype(np.float32)


def weigh(
    labels: np.ndarray, sample_weight: np.ndarray | None, class_weight: dict[int, float] | None
) -> np.ndarray | None:
    """Sample weight times class weight, float32 `(n,)`; `None` where there is neither."""
    if class_weight is None:
        return sample_weight
    ids = labels if labels.ndim == 1 else labels.argmax(axis=1)
    weights = np.array([class_weight.get(int(i), 1) for i in ids], np.float32)
    return weights if sample_weight is None else weights * sample_weight


def sample_weights(values: Any, count: int) -> np.ndarray:
    """One finite, non-negative weight for each item, float32 `(n,)`."""
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


def check_request(
    encoding: str | None,
    class_weight: dict[int, float] | None,
    class_names: Sequence[str],
    multi_label: bool,
) -> None:
    """Refuse an encoding or class weights that these classes cannot have."""
    if encoding not in (None, "index", "one-hot", "binary"):
        raise ValueError(
            f'encoding is None, "index", "one-hot" or "binary". Received: encoding={encoding!r}'
        )
    if encoding == "binary" and len(class_names) != 2:
        raise ValueError(
            f'encoding="binary" is for two classes. Received {len(class_names)} classes.'
        )
    if multi_label and encoding in ("index", "binary"):
        raise ValueError(
            f'Multi-label data is encoded "one-hot" only. Received: encoding={encoding!r}'
        )
    if multi_label and class_weight:
        raise ValueError(
            "class_weight has no meaning for multi-label data, where an item has several "
            "classes. Pass sample weights as third part of (x, y, sample_weight)."
        )
    unknown = sorted(set(class_weight or ()) - set(range(len(class_names))), key=str)
    if unknown:
        raise ValueError(
            f"class_weight maps class ids 0..{len(class_names) - 1} to weights. "
            f"Received: {unknown}; the classes are {list(class_names[:20])}"
        )


def hold_out(
    labels: np.ndarray | None, count: int, fraction: float, seed: int | None, multi_label: bool
) -> np.ndarray:
    """Which of `count` items to validate on, the same share of each class; bool `(count,)`."""
    if not isinstance(fraction, (int, float)) or not 0 < fraction < 1:
        raise ValueError(
            f"The share of items to validate on must be between 0 and 1. Received: {fraction!r}"
        )
    rng = np.random.default_rng(seed)
    held_out = np.zeros(count, bool)
    for members in _groups(labels, count, multi_label):
        number = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held_out[rng.permutation(members)[:number]] = True
    return held_out


def _groups(labels: np.ndarray | None, count: int, multi_label: bool) -> list[np.ndarray]:
    if labels is None:
        return [np.arange(count)]
    if labels.ndim == 1:
        ids = labels
    elif multi_label:  # an image counts for the rarest of its classes
        ids = np.where(labels > 0, labels.sum(axis=0), np.inf).argmin(axis=1)
    else:
        ids = labels.argmax(axis=1)
    return [np.flatnonzero(ids == i) for i in np.unique(ids)]
