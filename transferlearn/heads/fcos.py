"""Holds the default head of detectors: FCOS, without anchors, on each level of the pyramid."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import keras

from transferlearn.heads.base import Decoder, Output
from transferlearn.heads.levels import LEVELS, rows_and_columns
from transferlearn.heads.queries import (
    BESIDE_CLASSES,
    Tower,
    as_queries,
    cells_of,
    check_strides,
    check_towers,
    feature_pyramid,
    last_layer,
    levels_for,
)
from transferlearn.types import Tensor

_BEGINNING = 2.0  # cells from a point to each side of its box, before training
_LARGEST = 6.0  # of the logarithm of a side in cells, so that no box becomes infinite


@dataclass(frozen=True)
class FCOSHead(Decoder):
    """Finds objects without anchors: each cell of each level says what it is in the middle of.

    When to use it: by default. For each cell it gives a logit for each class, the distances to the
    four sides of the object's box, and the centreness, by which cells near the border of an object
    count less.

    Args:
        width: The channels of the pyramid and of the convolutions behind it.
        depth: How many convolutions there are before the classes, and as many before the boxes.
            They are shared by all levels.
        groups: The groups of channels of each GroupNorm.
        prior: The probability of each class in each cell before training, in (0, 1). With .5, the
            loss of all the cells without an object would drown the rest.
        features: The names of the levels. By default a builder leaves out those that the sizes of
            the objects do not need.

    Reference: [FCOS](https://arxiv.org/abs/1904.01355).

    Example:
        head = tl.heads.FCOSHead(width=64, depth=3)
        builder = tl.ObjectDetectorBuilder("EfficientNetLite0", head=head)
    """

    width: int = 128
    depth: int = 3
    groups: int = 8
    prior: float = 0.01
    features: tuple[str, ...] = LEVELS

    def __post_init__(self) -> None:
        check_towers(self.width, self.depth, self.groups, self.prior)
        object.__setattr__(self, "features", tuple(self.features))
        check_strides(self.features)

    def for_sides(self, sides: Sequence[float]) -> Self:
        """Leaves out the levels that objects do not need, unless `features` were chosen.

        Args:
            sides: The sides in pixels below which 5%, 25%, 50%, 75% and 95% of the objects are;
                empty where they are not known.
        """
        if self.features != LEVELS or not sides:
            return self
        return replace(self, features=levels_for(sides))

    def __call__(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the layers, and gives `(batch, queries, classes + 10)`, in float32.

        For each query these are the logits of the classes, the logit of the centreness, the box
        `(x0, y0, x1, y1)` and the cell (x and y of its middle, width and height) in shares of the
        image's width and height, and the stride of the level in pixels.
        """
        ((name, output),) = outputs.items()
        of_classes = Tower(self.width, self.depth, self.groups, "classes")
        of_boxes = Tower(self.width, self.depth, self.groups, "boxes")
        to_classes = last_layer(
            output.units - BESIDE_CLASSES, "classes", -math.log((1 - self.prior) / self.prior)
        )
        to_sides = last_layer(4, "sides", math.log(_BEGINNING))
        to_centreness = last_layer(1, "centreness")
        found = []
        for stride, x in feature_pyramid(features, self.features, self.width):
            near = of_boxes(x)
            boxes, cells = _boxes_around(to_sides(near))
            logits, centreness = to_classes(of_classes(x)), to_centreness(near)
            found.append(as_queries(stride, logits, centreness, boxes, cells))
        joined = keras.ops.concatenate(found, axis=1) if len(found) > 1 else found[0]
        return {name: joined}


def _boxes_around(distances: Tensor) -> tuple[Tensor, Tensor]:
    """Makes boxes of the distances from each cell's middle to the four sides.

    Args:
        distances: The logarithms of the distances to left, top, right and bottom in cells,
            `(batch, rows, columns, 4)`.

    Returns:
        Boxes `(x0, y0, x1, y1)` in shares of the image's width and height, of the same shape, and
        the cells.
    """
    ops = keras.ops
    rows, columns = rows_and_columns(distances)
    far = ops.exp(ops.minimum(ops.cast(distances, "float32"), _LARGEST))
    left, top, right, bottom = ops.split(far, 4, axis=-1)
    cells = cells_of(left)
    x, y = cells[..., :1], cells[..., 1:2]
    boxes = ops.concatenate(
        [x - left / columns, y - top / rows, x + right / columns, y + bottom / rows], axis=-1
    )
    return boxes, cells
