"""Puts the rows of several batches into one array, whatever their lengths are."""

from collections.abc import Sequence

import numpy as np


def joined_rows(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Joins arrays along their first axis, filled up with zeros where their second ones differ.

    Args:
        parts: Arrays `(rows, ...)` or `(rows, length, ...)`, which differ in nothing else.
    """
    lengths = {part.shape[1:2] for part in parts}
    if len(lengths) == 1:
        return np.concatenate(parts)
    most = max(part.shape[1] for part in parts)
    return np.concatenate(
        [np.pad(x, ((0, 0), (0, most - x.shape[1]), *[(0, 0)] * (x.ndim - 2))) for x in parts]
    )
