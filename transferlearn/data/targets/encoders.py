"""Turns classes, numbers and masks into the forms that losses take."""

from dataclasses import dataclass

import numpy as np

from transferlearn.data.targets.base import Encoded, Encoder
from transferlearn.data.targets.labels import one_hot
from transferlearn.data.targets.masks.sources import VOID
from transferlearn.data.targets.moving import AsMaps

_MAPS = AsMaps()


@dataclass(frozen=True)
class ClassIds(Encoder):
    """Returns int32 class ids `(batch,)`; of shares, the id of the largest."""

    def __call__(self, rows: np.ndarray) -> Encoded:
        """Encodes ids `(batch,)` or shares `(batch, classes)`."""
        return Encoded((rows if rows.ndim == 1 else rows.argmax(axis=1)).astype(np.int32))


@dataclass(frozen=True)
class OneHot(Encoder):
    """Returns float32 rows `(batch, classes)` with a 1 for the class; shares stay as they are.

    Args:
        count: How many classes there are.
    """

    count: int

    def __call__(self, rows: np.ndarray) -> Encoded:
        """Encodes ids `(batch,)` or shares `(batch, classes)`."""
        return Encoded(_rows(rows, self.count))


@dataclass(frozen=True)
class NumberRows(Encoder):
    """Returns numbers as float32 rows `(batch, numbers)`."""

    def __call__(self, rows: np.ndarray) -> Encoded:
        """Encodes numbers `(batch, numbers)`."""
        return Encoded(rows.astype(np.float32))


@dataclass(frozen=True)
class PixelIds(Encoder):
    """Returns the class id of each pixel, int32 `(batch, height, width)`; -1 is void.

    Args:
        values: The value that the pixels of each class have in a mask; all others are void.
    """

    values: tuple[int, ...]

    def __call__(self, rows: np.ndarray) -> Encoded:
        """Encodes masks, uint8 `(batch, height, width)`."""
        ids = np.full(256, -1, np.int32)
        ids[list(self.values)] = np.arange(len(self.values))
        return Encoded(ids[rows], moves=_MAPS)


@dataclass(frozen=True)
class LayerMarks(Encoder):
    """Returns whether each pixel has each class, int8 `(batch, height, width, classes)`.

    1 is yes, 0 is no, and -1 is void.
    """

    def __call__(self, rows: np.ndarray) -> Encoded:
        """Encodes masks, uint8 `(batch, height, width, classes)` of 1, 0, and 255 for void."""
        return Encoded(np.where(rows == VOID, -1, rows).astype(np.int8), moves=_MAPS)


@dataclass(frozen=True)
class Binary(Encoder):
    """Returns float32 `(batch, 1)` for two classes: the share of the second, often 1 or 0."""

    def __call__(self, rows: np.ndarray) -> Encoded:
        """Encodes ids `(batch,)` or shares `(batch, 2)`."""
        return Encoded(_rows(rows, 2)[:, 1:])


def _rows(rows: np.ndarray, count: int) -> np.ndarray:
    """Returns ids as one-hot rows, and shares as they are, in float32."""
    return one_hot(rows, count) if rows.ndim == 1 else rows.astype(np.float32)
