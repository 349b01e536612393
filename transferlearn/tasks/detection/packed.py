"""Reads the one tensor that heads of detectors give, and computes with boxes in a graph."""

from typing import NamedTuple

import keras

from transferlearn.heads.queries import BESIDE_CLASSES
from transferlearn.types import Tensor


class Queries(NamedTuple):
    """Holds what a head says, part by part.

    Attributes:
        logits: The logits of the classes, `(batch, queries, classes)`.
        quality: The logit of how good the box is, such as its centreness, `(batch, queries)`.
        boxes: `(x0, y0, x1, y1)` in shares of the image's width and height, `(batch, queries, 4)`.
        anchors: The anchor of each query, or its cell where there are none: `(x, y)` of the middle,
            width and height in the same shares, `(batch, queries, 4)`.
        strides: The stride of each query's level in pixels, `(batch, queries)`.
    """

    logits: Tensor
    quality: Tensor
    boxes: Tensor
    anchors: Tensor
    strides: Tensor

    @property
    def points(self) -> Tensor:
        """The middle of each query's anchor, `(x, y)`, `(batch, queries, 2)`."""
        return self.anchors[..., :2]

    @classmethod
    def of(cls, packed: Tensor) -> "Queries":
        """Takes a head's output apart, `(batch, queries, classes + 10)`."""
        packed = keras.ops.cast(packed, "float32")
        end = packed.shape[-1] - BESIDE_CLASSES
        return cls(
            packed[..., :end],
            packed[..., end],
            packed[..., end + 1 : end + 5],
            packed[..., end + 5 : end + 9],
            packed[..., end + 9],
        )


def overlaps(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the intersections and the unions of boxes, whose axes are broadcast.

    Args:
        first: Boxes `(..., 4)`.
        second: Boxes `(..., 4)`.
    """
    ops = keras.ops
    width = ops.minimum(first[..., 2], second[..., 2]) - ops.maximum(first[..., 0], second[..., 0])
    height = ops.minimum(first[..., 3], second[..., 3]) - ops.maximum(first[..., 1], second[..., 1])
    both = ops.maximum(width, 0.0) * ops.maximum(height, 0.0)
    return both, area(first) + area(second) - both


def area(boxes: Tensor) -> Tensor:
    """Returns the areas of boxes `(..., 4)`."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
