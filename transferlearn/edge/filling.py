"""Puts the rows of several batches into one array, whatever their lengths are."""

from collections.abc import Sequence

import numpy as np


def joined_rows(parts: Sequence[np.ndarray], blank: int = 0) -> np.ndarray:
    """Joins arrays along their first axis, filled up where their second ones differ.

    Args:
        parts: Arrays `(rows, ...)` or `(rows, length, ...)`, which differ in nothing else.
        blank: The number that they are filled up with.
    """
    lengths = {part.shape[1:2] for part in parts}
    if len(lengths) == 1:
        return np.concatenate(parts)
    most = max(part.shape[1] for part in parts)
    ends = [[(0, 0), (0, most - x.shape[1]), *[(0, 0)] * (x.ndim - 2)] for x in parts]
    padded = (np.pad(x, end, constant_values=blank) for x, end in zip(parts, ends, strict=True))
    return np.concatenate(list(padded))
