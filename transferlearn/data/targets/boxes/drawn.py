"""Holds the boxes of a photo: as a source gives them, and once they were checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Photo(NamedTuple):
    """Holds what is known of a photo: its `(height, width)`, and whether EXIF turns it."""

    size: tuple[int, int]
    orientation: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """Holds the boxes of one photo as a source gives them, not checked.

    Attributes:
        boxes: The boxes in the source's format, float64 `(n, 4)`.
        labels: The class of each box: a name, or a number.
        places: Where each box stands, for messages, such as `"line 7"`.
        areas: The area in pixels that the source gives for each object, or `None`.
        crowd: Whether each box is around a crowd of objects, or `None`: none is.
        size: The `(height, width)` of the photo in pixels that the source gives, or `None`.
        reason: Why the photo cannot be used; empty if it can be.
    """

    boxes: np.ndarray
    labels: Sequence[object]
    places: Sequence[str]
    areas: Sequence[float | None] | None = None
    crowd: Sequence[bool] | None = None
    size: tuple[int, int] | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnPhotos:
    """Holds the boxes of all photos of a source, not checked.

    Attributes:
        photos: The boxes of each photo.
        format: The name of their format; `None`: the one that the user named.
        names: The names of the classes in order, where the source has them, or `None`.
        fixed: Whether the form of the source decides the format, whatever the user named.
    """

    photos: Sequence[Drawn]
    format: str | None = None
    names: tuple[str, ...] | None = None
    fixed: bool = False

    def __len__(self) -> int:
        return len(self.photos)


NOTHING = np.empty((0, 4))


def none_drawn(reason: str = "") -> Drawn:
    """Returns a photo without a box, or one that cannot be used."""
    return Drawn(boxes=NOTHING, labels=(), places=(), reason=reason)


class Found(NamedTuple):
    """Holds the boxes of one photo once they were checked.

    Attributes:
        boxes: Rows of x0, y0, x1, y1 in the photo's pixels, float64 `(n, 4)`.
        classes: The number of each box's class, int32 `(n,)`.
        areas: The area of each object in pixels, float64 `(n,)`.
        crowd: Whether each box is around a crowd of objects, bool `(n,)`.
        size: The `(height, width)` of the photo in pixels.
    """

    boxes: np.ndarray
    classes: np.ndarray
    areas: np.ndarray
    crowd: np.ndarray
    size: tuple[int, int]

    def take(self, kept: np.ndarray) -> "Found":
        """Returns some of the boxes: those at these places, or those for which `kept` is true."""
        return Found(
            self.boxes[kept], self.classes[kept], self.areas[kept], self.crowd[kept], self.size
        )


def none_found(size: tuple[int, int] = (1, 1)) -> Found:
    """Returns a photo of this size without a box."""
    return Found(NOTHING, np.empty(0, np.int32), np.empty(0), np.empty(0, bool), size)
