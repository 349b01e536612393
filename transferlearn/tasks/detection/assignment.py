"""Computes, in the graph, which object each query of a detector has to find."""

from typing import NamedTuple

import keras

from transferlearn.tasks.detection.packed import Queries, area
from transferlearn.types import Tensor

_RADIUS = 1.5  # cells around an object's middle, in which it is to be found
# Of the distance to the farthest side of the object, in cells, which a level is there for.
_REACH = 8.0
_PAIRS = 2**18  # of queries and objects of an item that are compared at a time
_FAR = 1e9


class Assigned(NamedTuple):
    """Describes what each query has to find.

    Attributes:
        found: 1 where a query has an object, else 0, `(batch, queries)`.
        rows: The row of that object in the targets, `(batch, queries, 7)`.
        ignored: 1 for a query in a crowd, which neither has to find it nor may not.
    """

    found: Tensor
    rows: Tensor
    ignored: Tensor


def assign(targets: Tensor, queries: Queries, size: tuple[int, int]) -> Assigned:
    """Assigns to each query the smallest of the objects that it is in the middle of.

    An object is found on the level that its sides fit: the finest one for all that are small, the
    coarsest one for all that are large.

    Args:
        targets: Objects, `(batch, objects, 7)`, as `tl.data.Boxes` gives them.
        queries: What the head says, of which points and strides are read.
        size: The `(height, width)` of the image in pixels.
    """
    ops = keras.ops
    count, places = targets.shape[1], queries.strides.shape[1]
    step = max(1, min(count, _PAIRS // places))
    parts = []
    for begin in range(0, count, step):  # all pairs of a large image would not fit into memory
        areas, crowd = _areas(targets[:, begin : begin + step], queries, size)
        parts.append((ops.min(areas, axis=-1), ops.argmin(areas, axis=-1) + begin, crowd))
    least, which, ignored = parts[0]
    for smallest, place, crowd in parts[1:]:
        which = ops.where(smallest < least, place, which)
        least, ignored = ops.minimum(smallest, least), ops.maximum(ignored, crowd)
    found = ops.cast(least < _FAR, "float32")
    rows = ops.take_along_axis(targets, which[..., None], axis=1)
    return Assigned(found, rows, ignored * (1 - found))


def _areas(targets: Tensor, queries: Queries, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Returns the areas of objects that a query could find, and whether it is in a crowd.

    Returns:
        The areas, very large where an object is another query's, `(batch, queries, objects)`, and 1
        for a query in a crowd, `(batch, queries)`.
    """
    ops = keras.ops
    rows = targets[:, None]
    x, y = queries.points[..., None, 0], queries.points[..., None, 1]
    strides = queries.strides[..., None]
    sides = sides_of(x, y, rows, size)
    nearest, farthest = _least(*sides), -_least(*(-side for side in sides))
    left, top, right, bottom = sides
    inside = nearest > 0
    # Half the difference of the sides is the distance to the middle.
    aside = ops.maximum(ops.abs(left - right), ops.abs(top - bottom)) / 2
    first, last = ops.min(strides, axis=1, keepdims=True), ops.max(strides, axis=1, keepdims=True)
    small = ops.logical_or(farthest <= _REACH * strides, strides == last)
    large = ops.logical_or(farthest > _REACH / 2 * strides, strides == first)
    there = ops.logical_and(rows[..., 4] >= 0, rows[..., 6] < 0.5)
    fits = inside
    for part in (aside < _RADIUS * strides, small, large, there):
        fits = ops.logical_and(fits, part)
    crowd = ops.logical_and(inside, ops.logical_and(rows[..., 4] >= 0, rows[..., 6] >= 0.5))
    areas = ops.where(fits, area(rows[..., :4]), _FAR)
    return areas, ops.max(ops.cast(crowd, "float32"), axis=-1)


def sides_of(
    x: Tensor, y: Tensor, boxes: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Returns the distances in pixels from points to the left, top, right and bottom of boxes."""
    height, width = size
    return (
        (x - boxes[..., 0]) * width,
        (y - boxes[..., 1]) * height,
        (boxes[..., 2] - x) * width,
        (boxes[..., 3] - y) * height,
    )


def _least(first: Tensor, second: Tensor, third: Tensor, fourth: Tensor) -> Tensor:
    """Returns the least of four values, place by place."""
    ops = keras.ops
    return ops.minimum(ops.minimum(first, second), ops.minimum(third, fourth))
