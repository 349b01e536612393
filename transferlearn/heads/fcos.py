"""Holds the default head of detectors: FCOS, without anchors, on each level of the pyramid."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import keras

from transferlearn.checks import share, whole
from transferlearn.heads.base import Decoder
from transferlearn.heads.levels import LEVELS
from transferlearn.heads.outputs import Output
from transferlearn.heads.queries import (
    BESIDE_CLASSES,
    Tower,
    as_queries,
    boxes_around,
    check_strides,
    feature_pyramid,
    stride_of,
)
from transferlearn.types import Tensor

_BEGINNING = 2.0  # cells from a point to each side of its box, before training


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
        head = tl.heads.FCOSHead(width=96, depth=3)
        builder = tl.ObjectDetectorBuilder("EfficientNetLite0", head=head)
    """

    width: int = 64
    depth: int = 3
    groups: int = 8
    prior: float = 0.01
    features: tuple[str, ...] = LEVELS

    def __post_init__(self) -> None:
        whole("width", self.width, least=1)
        whole("depth", self.depth, least=0)
        whole("groups", self.groups, least=1)
        if self.width % self.groups:
            raise ValueError(
                f"width must be a multiple of groups. Received: width={self.width}, "
                f"groups={self.groups}"
            )
        share("prior", self.prior)
        object.__setattr__(self, "features", tuple(self.features))
        check_strides(self.features)

    def for_sides(self, sides: Sequence[float]) -> Self:
        """Leaves out the finest levels where objects are large, unless `features` were chosen.

        Args:
            sides: The sides in pixels below which 5%, 25% and more of the objects are; empty where
                they are not known.
        """
        if self.features != LEVELS or not sides:
            return self
        # An object has at least 8 cells to a side then, and few have fewer than 4.
        too_fine = [
            name
            for name in LEVELS[:-2]
            if sides[1] > 8 * stride_of(name) and sides[0] > 4 * stride_of(name)
        ]
        return replace(self, features=LEVELS[len(too_fine) :])

    def __call__(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the layers, and gives `(batch, queries, classes + 8)`, in float32.

        For each query these are the logits of the classes, the logit of the centreness, the box
        `(x0, y0, x1, y1)` and the point `(x, y)` in shares of the image's width and height, and the
        stride of the level in pixels.
        """
        ((name, output),) = outputs.items()
        of_classes = Tower(self.width, self.depth, self.groups, "classes")
        of_boxes = Tower(self.width, self.depth, self.groups, "boxes")
        to_classes = _last(
            output.units - BESIDE_CLASSES, "classes", -math.log((1 - self.prior) / self.prior)
        )
        to_sides = _last(4, "sides", math.log(_BEGINNING))
        to_centreness = _last(1, "centreness")
        found = []
        for stride, x in feature_pyramid(features, self.features, self.width):
            near = of_boxes(x)
            boxes = boxes_around(to_sides(near))
            found.append(as_queries(stride, to_classes(of_classes(x)), to_centreness(near), boxes))
        joined = keras.ops.concatenate(found, axis=1) if len(found) > 1 else found[0]
        return {name: joined}


def _last(units: int, name: str, bias: float = 0.0) -> keras.Layer:
    """Makes the last convolution of a tower, which all levels share."""
    return keras.layers.Conv2D(
        units,
        3,
        padding="same",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        bias_initializer=keras.initializers.Constant(bias),
        name=f"to_{name}",
    )
