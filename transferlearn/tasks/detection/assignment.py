"""Computes, in the graph, which object each query of a detector has to find."""

from collections.abc import Callable, Sequence
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

    def cost(rows: Tensor) -> tuple[Tensor, Tensor]:
        return _areas(rows, queries, size)

    return assigned_by(cost, targets, queries, _FAR / 2)[0]


def assigned_by(
    cost: Callable[[Tensor], tuple[Tensor, Tensor]],
    targets: Tensor,
    queries: Queries,
    most: float,
) -> tuple[Assigned, Tensor]:
    """Assigns to each query the object that costs least.

    Args:
        cost: Computes for some objects, `(batch, 1, objects, 7)`, what each costs each query,
            `(batch, queries, objects)`, and 1 for a query in a crowd, `(batch, queries)`.
        targets: Objects, `(batch, objects, 7)`.
        queries: What the head says.
        most: The cost above which a query has no object.

    Returns:
        What each query has to find, and its least cost, `(batch, queries)`.
    """
    ops = keras.ops
    count, places = targets.shape[1], queries.strides.shape[1]
    step = max(1, min(count, _PAIRS // places))
    parts = []
    for begin in range(0, count, step):  # all pairs of a large image would not fit into memory
        costs, crowd = cost(targets[:, None, begin : begin + step])
        parts.append((ops.min(costs, axis=-1), ops.argmin(costs, axis=-1) + begin, crowd))
    least, which, ignored = parts[0]
    for smallest, place, crowd in parts[1:]:
        which = ops.where(smallest < least, place, which)
        least, ignored = ops.minimum(smallest, least), ops.maximum(ignored, crowd)
    found = ops.cast(least <= most, "float32")
    rows = ops.take_along_axis(targets, which[..., None], axis=1)
    return Assigned(found, rows, ignored * (1 - found)), least


def is_learnt(rows: Tensor) -> Tensor:
    """Returns whether rows of targets `(..., 7)` are objects, and neither padding nor a crowd."""
    return keras.ops.logical_and(rows[..., 4] >= 0, rows[..., 6] < 0.5)


def in_crowd(sides: Sequence[Tensor], rows: Tensor) -> Tensor:
    """Returns 1 for each query in a crowd, `(batch, queries)`.

    Args:
        sides: The distances from queries to the sides of boxes, as `sides_of` returns them.
        rows: The boxes, `(batch, 1, objects, 7)`.
    """
    ops = keras.ops
    crowd = ops.logical_and(rows[..., 4] >= 0, rows[..., 6] >= 0.5)
    inside = ops.logical_and(_least(*sides) > 0, crowd)
    return ops.max(ops.cast(inside, "float32"), axis=-1)


def _areas(rows: Tensor, queries: Queries, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Returns the areas of objects that a query could find, and whether it is in a crowd.

    Returns:
        The areas, very large where an object is another query's, `(batch, queries, objects)`, and 1
        for a query in a crowd, `(batch, queries)`.
    """
    ops = keras.ops
    x, y = queries.points[..., None, 0], queries.points[..., None, 1]
    strides = queries.strides[..., None]
    sides = sides_of(x, y, rows, size)
    nearest, farthest = _least(*sides), -_least(*(-side for side in sides))
    left, top, right, bottom = sides
    # Half the difference of the sides is the distance to the middle.
    aside = ops.maximum(ops.abs(left - right), ops.abs(top - bottom)) / 2
    first, last = ops.min(strides, axis=1, keepdims=True), ops.max(strides, axis=1, keepdims=True)
    small = ops.logical_or(farthest <= _REACH * strides, strides == last)
    large = ops.logical_or(farthest > _REACH / 2 * strides, strides == first)
    fits = nearest > 0
    for part in (aside < _RADIUS * strides, small, large, is_learnt(rows)):
        fits = ops.logical_and(fits, part)
    return ops.where(fits, area(rows[..., :4]), _FAR), in_crowd(sides, rows)


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
