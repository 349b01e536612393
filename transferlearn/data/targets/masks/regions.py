"""Draws the regions of COCO files: polygons, and run lengths in plain or compressed form."""

from typing import Any, NamedTuple

import numpy as np

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
        """Gives this part of an image `(height, width, ...)`, as a view."""
        rows, columns = self.inside.shape
        return image[self.top : self.top + rows, self.left : self.left + columns]


class RegionError(ValueError):
    """Is raised for a region that cannot be drawn, and says why."""


def draw(region: Any, size: tuple[int, int]) -> list[Patch]:
    """Says which pixels lie in a region: those whose centre does.

    Args:
        region: The `segmentation` of a COCO annotation: a list of polygons
            `[x1, y1, x2, y2, ...]` in pixels, or run lengths `{"size": [height, width],
            "counts": ...}`, down the columns.
        size: The `(height, width)` of the image in pixels.

    Returns:
        The patches that make up the region.

    Raises:
        RegionError: The region is neither, or does not lie in the image.
    """
    if isinstance(region, dict):
        return [Patch(0, 0, _runs(region, size))]
    if not isinstance(region, list) or not region:
        raise RegionError("it has neither polygons nor run lengths")
    return [_polygon(polygon, size) for polygon in region]


def _polygon(corners: Any, size: tuple[int, int]) -> Patch:
    """Draws one polygon by its crossings with the lines through the centres of each row."""
    x, y = _corners(corners, size)
    (height, width), top, left = size, max(0, _first(y.min())), max(0, _first(x.min()))
    bottom, right = min(height, _first(y.max())), min(width, _first(x.max()))
    shape = (max(0, bottom - top), max(0, right - left) + 1)
    crossings = np.zeros(shape, np.int32)
    for x0, y0, x1, y1 in zip(x, y, np.roll(x, -1), np.roll(y, -1), strict=True):
        low, high = sorted((y0, y1))
        rows = np.arange(max(top, _first(low)), min(bottom, _first(high)))
        if len(rows):
            at = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
            columns = np.clip(np.ceil(at - 0.5).astype(int) - left, 0, shape[1] - 1)
            np.add.at(crossings, (rows - top, columns), 1)
    return Patch(top, left, crossings.cumsum(axis=1)[:, :-1] % 2 == 1)


def _corners(corners: Any, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Gives x and y of a polygon's corners, which lie in the image."""
    try:
        numbers = np.asarray(corners, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise RegionError("a polygon holds something else than numbers") from None
    if numbers.ndim != 1 or len(numbers) < 6 or len(numbers) % 2:
        raise RegionError("a polygon has no pairs x, y of at least three corners")
    x, y = numbers[::2], numbers[1::2]
    for part, most in ((x, size[1]), (y, size[0])):
        # A comparison with NaN is false.
        if not ((part >= -_BEYOND) & (part <= most + _BEYOND)).all():
            raise RegionError(f"a polygon lies outside the image of {size[0]} x {size[1]} pixels")
    return x, y


def _first(edge: float) -> int:
    """Gives the first row or column whose centre lies at an edge or beyond."""
    return int(np.ceil(edge - 0.5))


def _runs(region: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
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
    """Unpacks COCO's compressed run lengths: five bits a letter, each run less the one before last.

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
