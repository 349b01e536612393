"""Draws the regions of COCO files: polygons, and run lengths in plain or compressed form."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from transferlearn.json_fields import Json

_AT_ONCE = 2**17  # crossings, which take some 10 MB
_MOST = 4  # crossings for each pixel of an image, so that pixels and corners bound the time
_BEYOND = 1.0  # pixels that a corner may lie outside the image; tools round to the border


class Patch(NamedTuple):
    """Holds a part of an image in which a region lies.

    Attributes:
        top: The first row of the part.
        left: Its first column.
        inside: Which of its pixels lie in the region, bool `(rows, columns)`.
    """

    top: int
    left: int
    inside: np.ndarray

    def of(self, image: np.ndarray) -> np.ndarray:
        """Returns this part of an image `(height, width, ...)`, as a view."""
        rows, columns = self.inside.shape
        return image[self.top : self.top + rows, self.left : self.left + columns]


class RegionError(ValueError):
    """Is raised for a region that cannot be drawn, and says why."""


def parts(region: object) -> list[Any]:
    """Lists the parts that a region is made of, each of which `draw` takes.

    Args:
        region: The `segmentation` of a COCO annotation: a list of polygons
            `[x1, y1, x2, y2, ...]` in pixels, or run lengths `{"size": [height, width],
            "counts": ...}`, down the columns.

    Raises:
        RegionError: The region is neither.
    """
    if isinstance(region, dict):
        return [region]
    if not isinstance(region, list) or not region:
        raise RegionError("it has neither polygons nor run lengths")
    return region


def draw(part: object, size: tuple[int, int]) -> Patch:
    """Returns the pixels that lie in a part of a region: those whose centre does.

    Args:
        part: A polygon or run lengths, as `parts` lists them.
        size: The `(height, width)` of the image in pixels.

    Raises:
        RegionError: It is neither, or does not lie in the image.
    """
    return Patch(0, 0, _runs(part, size)) if isinstance(part, dict) else _polygon(part, size)


def _polygon(corners: object, size: tuple[int, int]) -> Patch:
    """Draws one polygon by its crossings with the lines through the centres of each row."""
    x, y = _corners(corners, size)
    (height, width), top, left = size, max(0, int(_first(y.min()))), max(0, int(_first(x.min())))
    bottom, right = min(height, int(_first(y.max()))), min(width, int(_first(x.max())))
    columns = max(0, right - left) + 1
    # Only whether a number is odd counts, which a byte knows when it has overflowed, too.
    crossings = np.zeros((max(0, bottom - top), columns), np.uint8)
    most = len(x) + _MOST * height * width
    for rows, at in _crossings(x, y, top, bottom, most):
        column = np.clip(np.ceil(at - 0.5).astype(int) - left, 0, columns - 1)
        # A 1 of another dtype would be cast for each crossing: 30 times slower.
        np.add.at(crossings.ravel(), (rows - top) * columns + column, np.uint8(1))
    np.add.accumulate(crossings, axis=1, out=crossings)
    crossings &= 1
    return Patch(top, left, crossings[:, :-1].view(bool))


def _crossings(
    x: np.ndarray, y: np.ndarray, top: int, bottom: int, most: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the rows that a polygon's edges cross, and where they cross them, in batches."""
    x1, y1 = np.roll(x, -1), np.roll(y, -1)
    begin = np.maximum(top, _first(np.minimum(y, y1)))
    count = np.maximum(0, np.minimum(bottom, _first(np.maximum(y, y1))) - begin)
    if count.sum() > most:
        raise RegionError(f"a polygon of {len(x):,} corners crosses itself all over the image")
    kept = np.flatnonzero(count)
    batch = np.cumsum(count[kept]) // _AT_ONCE
    for edges in np.split(kept, np.flatnonzero(np.diff(batch)) + 1):
        n = count[edges]
        edge = np.repeat(edges, n)
        rows = begin[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(n) - n, n)
        yield rows, x[edge] + (rows + 0.5 - y[edge]) * (x1 - x)[edge] / (y1 - y)[edge]


def _corners(corners: object, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Returns x and y of a polygon's corners, which lie in the image."""
    try:
        given = np.asarray(corners)  # strings of digits would become numbers with a dtype
        numbers = given.astype(np.float64) if given.dtype.kind in "iuf" else None
    except (TypeError, ValueError, OverflowError):
        numbers = None
    if numbers is None:
        raise RegionError("a polygon holds something else than numbers")
    if numbers.ndim != 1 or len(numbers) < 6 or len(numbers) % 2:
        raise RegionError("a polygon has no pairs x, y of at least three corners")
    x, y = numbers[::2], numbers[1::2]
    for part, most in ((x, size[1]), (y, size[0])):
        # A comparison with NaN is false.
        if not ((part >= -_BEYOND) & (part <= most + _BEYOND)).all():
            raise RegionError(f"a polygon lies outside the image of {size[0]} x {size[1]} pixels")
    return x, y


def _first(edge: np.ndarray) -> np.ndarray:
    """Returns the first row or column whose centre lies at an edge or beyond."""
    return np.ceil(edge - 0.5).astype(int)


def _runs(region: Json, size: tuple[int, int]) -> np.ndarray:
    """Draws run lengths: how many pixels are outside, inside, outside and so on."""
    counts, height, width = region.get("counts"), *size
    if region.get("size") != [height, width]:
        raise RegionError(
            f"its run lengths are for {region.get('size')!s:.40}, the image is {[height, width]}"
        )
    runs = _unpacked(counts, height * width) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise RegionError("its run lengths are no whole numbers of 0 or more")
    # Compared before anything is made of them: a few digits can ask for any amount of memory.
    if sum(runs) != height * width:
        raise RegionError(f"its run lengths do not add up to {height} x {width} pixels")
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return pixels.reshape(width, height).T


def _unpacked(text: str, most: int) -> list[int]:
    """Unpacks COCO's compressed run lengths: five bits a letter, each run minus the last but one.

    Raises:
        RegionError: A letter is none of these, or a run is longer than `most`.
    """
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise RegionError("its compressed run lengths are damaged")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:  # more letters of this number follow
            continue
        run = value - (1 << shift) * bool(bits & 16) + (runs[-2] if len(runs) > 2 else 0)
        if not 0 <= run <= most:
            raise RegionError("its compressed run lengths are damaged")
        runs.append(run)
        value = shift = 0
    return runs
