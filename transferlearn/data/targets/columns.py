"""Finds targets among the columns of a table."""

import re
from collections.abc import Sequence

import numpy as np

from transferlearn.data.listed import ByColumn, Listed

LABEL_COLUMNS = ("label", "class", "category", "sentiment")  # the likeliest first
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.0+)?").fullmatch


def find_column(
    told: ByColumn, listed: Listed, names: Sequence[str], what: str, alone: bool = True
) -> str:
    """Finds the column that has one of these names, or else the only one that is left.

    Args:
        told: The columns of the table besides that of the items.
        listed: The items of the table.
        names: The names that the column may have, the likeliest first; case does not matter.
        what: The word for a cell of the column in messages, such as `"label"`.
        alone: Whether the only column that is left is taken, whatever its name.

    Raises:
        ValueError: There is no such column.
    """
    by_name = {name.lower(): name for name in told.columns}
    found = next((by_name[name.lower()] for name in names if name.lower() in by_name), None)
    if found is None and alone and len(told.columns) == 1:
        found = next(iter(told.columns))
    if found is None:
        raise ValueError(
            f"{listed.what} does not tell which column holds the {what}s: call it {names[0]}. "
            f"Received, besides the {listed.noun}s: columns {list(told.columns)}"
        )
    return found


def as_numbers(cells: Sequence[object]) -> np.ndarray:
    """Turns cells into numbers if all of them are numbers, or texts of numbers.

    So a CSV file gives what its DataFrame gives. A text such as "007" is a name and no number.
    """
    texts = [cell for cell in cells if isinstance(cell, str)]
    if not all(map(_NUMBER, texts)):
        return np.array(cells, dtype=object)
    try:
        return np.array(cells, dtype=float)
    except (TypeError, ValueError):
        return np.array(cells, dtype=object)
