"""Find targets among the columns of a table."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from transferlearn.data.listed import ByColumn, Listed

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.0+)?").fullmatch


def label_column(told: ByColumn, listed: Listed, names: Sequence[str]) -> Sequence[Any]:
    """Gives the cells of the column that has one of these names, or of the only column left.

    Raises:
        ValueError: There is no such column.
    """
    by_name = {name.lower(): name for name in told.columns}
    found = next((by_name[name] for name in names if name in by_name), None)
    if found is None and len(told.columns) == 1:
        found = next(iter(told.columns))
    if found is None:
        raise ValueError(
            f"{listed.what} does not tell which column holds the labels: call it {names[0]}. "
            f"Received, besides the {listed.noun}s: columns {list(told.columns)}"
        )
    return told.columns[found]


def as_numbers(cells: Sequence[Any]) -> np.ndarray:
    """Makes numbers of cells where all are, so that a CSV file gives what its DataFrame gives.

    A name such as "007" is no number.
    """
    texts = [cell for cell in cells if isinstance(cell, str)]
    if not all(map(_NUMBER, texts)):
        return np.array(cells, dtype=object)
    try:
        return np.array(cells, dtype=float)
    except (TypeError, ValueError):
        return np.array(cells, dtype=object)
