"""Finds targets among the columns of a table."""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from transferlearn.data.listed import ByColumn, Listed
from transferlearn.data.messages import indented

LABEL_COLUMNS = ("label", "class", "category", "sentiment")  # the likeliest first
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.0+)?").fullmatch


def find_column(
    origin: ByColumn, listed: Listed, names: Sequence[str], what: str, fix: str, alone: bool = True
) -> str:
    """Finds the column that has one of these names, or else the only one that is left.

    Args:
        origin: The columns of the table besides that of the items.
        listed: The items of the table.
        names: The names that the column may have, the likeliest first. Case does not matter where
            a single column is left.
        what: The word for a cell of the column in messages, such as `"label"`.
        fix: What to do where there is no such column, for the message.
        alone: Whether the only column that is left is taken, whatever its name.

    Raises:
        ValueError: There is no such column.
    """
    found = next(filter(None, (_column(origin.columns, name) for name in names)), None)
    if found is None and alone and len(origin.columns) == 1:
        found = next(iter(origin.columns))
    if found is None:
        near = difflib.get_close_matches(names[0], origin.columns, 1)
        raise ValueError(
            f"{listed.what} does not tell which column holds the {what}s: {fix}. "
            f"Received, besides the {listed.noun}s: columns {list(origin.columns)}."
            + (f" Closest: {near[0]}." if near else "")
        )
    return found


def _column(columns: Iterable[str], name: str) -> str | None:
    """Returns the column of this name, or else the only one whose name differs in case alone."""
    alike = [column for column in columns if column.lower() == name.lower()]
    return name if name in alike else alike[0] if len(alike) == 1 else None


def as_numbers(cells: Sequence[object]) -> np.ndarray:
    """Returns cells as floats if all are numbers or texts of numbers, else as objects.

    So a CSV file gives what its DataFrame gives. A text such as "007" is a name and no number.
    """
    texts = [cell for cell in cells if isinstance(cell, str)]
    if not all(map(_NUMBER, texts)):
        return np.array(cells, dtype=object)
    try:
        return np.array(cells, dtype=float)
    except (TypeError, ValueError):
        return np.array(cells, dtype=object)


_MISSING = (
    "",
    "nan",
    "na",
    "n/a",
    "null",
    "none",
    "<na>",
    "nat",
)  # cells without a number, in lower case
_DIGIT = re.compile(r"\d").search  # of a number in another form, such as "1,5"
_LISTED = 3  # values that a message names, where all are wrong


def number_rows(
    values: ArrayLike,
    called: Callable[[int], str],
    names: Sequence[str] | None = None,
    what: str = "target",
) -> np.ndarray:
    """Turns cells, lists or arrays into rows of numbers, and refuses what is no number.

    Args:
        values: Numbers of shape `(n,)` or `(n, numbers)`, or texts of them such as `"12.5"`.
        called: Gives the name of an item for messages, by its place.
        names: The names of the numbers, where they are known.
        what: What a value is, for messages.

    Returns:
        Float64 `(n, numbers)`; NaN where a number is missing.

    Raises:
        ValueError: A cell is no number, the shape is another, or `names` are more or fewer than
            the numbers of an item.
    """
    cells = np.asarray(values)
    is_no_number = cells.dtype.kind in "cmM"  # complex numbers and times
    if cells.ndim not in (1, 2) or cells.shape[1:] == (0,) or is_no_number:
        raise ValueError(
            "Numbers have the shape (n,) or (n, numbers). "
            f"Received: shape={cells.shape}, dtype={cells.dtype}"
        )
    cells = cells.reshape(len(cells), cells.shape[1] if cells.ndim == 2 else 1)
    rows = cells.astype(float) if cells.dtype.kind in "biuf" else _parsed(cells)
    # Infinity is refused as well: it is neither a number nor a missing one.
    wrong = [(i, k) for i, k in np.argwhere(~np.isfinite(rows)) if not _is_missing(cells[i, k])]
    if wrong:
        plain = cells.tolist()
        if len({i for i, _ in wrong}) == len(cells) and not _DIGIT(str(plain)):
            some = ", ".join(dict.fromkeys(f"{plain[i][k]!r:.60}" for i, k in wrong[:_LISTED]))
            raise ValueError(
                f"No {what} is a number, such as 12.5. Received: {some}. To learn classes, take "
                "tl.ImageClassifierBuilder or tl.TextClassifierBuilder."
            )
        listed = indented([f"{called(i)}: {plain[i][k]!r:.60}" for i, k in wrong])
        raise ValueError(f"Expected numbers such as 12.5. Received:{listed}")
    if names is not None and rows.shape[1] != len(names):
        raise ValueError(
            f"Each item has {rows.shape[1]} numbers, and there are {len(names)} names for them: "
            f"{', '.join(names)}."
        )
    return rows


def _parsed(cells: np.ndarray) -> np.ndarray:
    """Turns cells into floats, one by one."""
    return np.array([[_number(cell) for cell in row] for row in cells], float).reshape(cells.shape)


def _number(cell: Any) -> float:
    """Returns a cell as a float, and NaN for anything that is no number."""
    try:
        return float(cell)
    except (TypeError, ValueError):
        return np.nan


def _is_missing(cell: object) -> bool:
    """Returns whether a cell stands for a missing number, such as an empty one or "n/a"."""
    return str(cell).strip().lower() in _MISSING
