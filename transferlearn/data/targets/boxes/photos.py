"""Finds out how large photos are, and turns boxes that were drawn on photos before EXIF did."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from transferlearn.data.targets.boxes.drawn import Drawn, Photo
from transferlearn.data.targets.boxes.formats import to_corners
from transferlearn.edge.pictures import FORMATS, orientation_of, upright_size


def photos_of(items: Sequence[object]) -> list[Photo | None]:
    """Returns what is known of each photo, without decoding its pixels.

    Args:
        items: Paths of files, Pillow images, or arrays.

    Returns:
        One entry a photo; `None` for a photo that cannot be read, which is reported where photos
        are read.
    """
    with ThreadPoolExecutor() as threads:
        return list(threads.map(_photo, items))


def _photo(item: Any) -> Photo | None:
    """Returns what is known of one photo."""
    if isinstance(item, str):
        try:
            with Image.open(item, formats=FORMATS) as image:
                return Photo(upright_size(image), orientation_of(image))
        except (OSError, ValueError, Image.DecompressionBombError):
            return None
    if isinstance(item, Image.Image):
        return Photo(upright_size(item), orientation_of(item))
    shape = np.shape(item)
    return Photo((shape[0], shape[1])) if len(shape) > 1 else None


def upright_corners(drawn: Drawn, photo: Photo, name: str) -> tuple[np.ndarray, str]:
    """Converts boxes to corners on the photo as it is seen.

    Where they were drawn on the photo before EXIF turned it, they are turned as it is.

    Args:
        drawn: The boxes, with the size of the photo on which they were drawn, if it is known.
        photo: What is known of the photo.
        name: The name of the boxes' format.

    Returns:
        Rows of x0, y0, x1, y1 in pixels, and why the photo cannot be used; empty if it can be.
    """
    size = drawn.size or photo.size
    corners = to_corners(drawn.boxes, name, size)
    if size == photo.size:
        return corners, ""
    if photo.orientation in (5, 6, 7, 8) and size[::-1] == photo.size:
        return _turned(corners, photo.orientation, photo.size), ""
    return corners, (
        f"its annotations are of a photo of {size[1]} x {size[0]} pixels, and it has "
        f"{photo.size[1]} x {photo.size[0]}"
    )


def is_unclear(drawn: Drawn, photo: Photo) -> bool:
    """Returns whether EXIF turns a photo and nothing tells how its boxes were drawn."""
    height, width = photo.size
    alike = (photo.orientation or 1) < 5 or height == width  # a half turn keeps the size
    return (photo.orientation or 1) > 1 and (drawn.size is None or alike)


def _turned(boxes: np.ndarray, orientation: int, size: tuple[int, int]) -> np.ndarray:
    """Moves boxes of a photo as the camera stored it to where they are once EXIF turned it.

    Args:
        boxes: Rows of x0, y0, x1, y1 in pixels, `(n, 4)`.
        orientation: The orientation that EXIF tells, of a quarter turn: 5 to 8.
        size: The `(height, width)` in pixels of the photo that was turned.
    """
    height, width = size
    down, across = boxes[:, [0, 2]], boxes[:, [1, 3]]  # a quarter turn exchanges the two
    if orientation in (6, 7):
        across = width - across[:, ::-1]
    if orientation in (7, 8):
        down = height - down[:, ::-1]
    return np.stack([across[:, 0], down[:, 0], across[:, 1], down[:, 1]], axis=1)
