"""Finds targets among the columns of a table."""

import difflib
import re
from collections.abc import Iterable, Sequence

import numpy as np

from transferlearn.data.listed import ByColumn, Listed

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
