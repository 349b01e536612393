"""Holds the head of detectors that corrects anchors: RetinaNet, on each level of the pyramid."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import keras

from transferlearn.checks import number
from transferlearn.heads.base import Decoder, Output
from transferlearn.heads.levels import LEVELS, rows_and_columns
from transferlearn.heads.queries import (
    BESIDE_CLASSES,
    Tower,
    as_queries,
    cells_of,
    check_strides,
    check_towers,
    corrected,
    feature_pyramid,
    last_layer,
    levels_for,
    stride_of,
)
from transferlearn.types import Tensor

_PER_OCTAVE = 2  # sizes of anchors on each level
_SIZES = (3.0, 5.0)  # cells that a side of the smallest anchor has, at least and at most
_RATIOS = (0.5, 1.0, 2.0)
_ALIKE = 1.3  # the factor by which ratios differ at least


@dataclass(frozen=True)
class RetinaNetHead(Decoder):
    """Finds objects by anchors: boxes of a few sizes and shapes at each cell, which it corrects.

    When to use it: where objects have much the same sizes and shapes, or lie so close that several
    have their middle in one cell. For each anchor it gives a logit for each class, the offset of
    the object's box, and the logit of how much that box overlaps with the object.

    Args:
        width: The channels of the pyramid and of the convolutions behind it.
        depth: How many convolutions there are before the classes, and as many before the boxes.
            They are shared by all levels.
        groups: The groups of channels of each GroupNorm.
        prior: The probability of each class at each anchor before training, in (0, 1).
        sizes: The sides of a square anchor in cells of its level. By default a builder chooses two
            that suit the sizes of the objects.
        ratios: The heights of anchors, divided by their widths. By default a builder chooses one to
            three that the objects have.
        features: The names of the levels. By default a builder leaves out those that the sizes of
            the objects do not need.

    Reference: [RetinaNet](https://arxiv.org/abs/1708.02002); the overlap is that of
    [IoU-aware RetinaNet](https://arxiv.org/abs/1912.05992).

    Example:
        builder = tl.ObjectDetectorBuilder("EfficientNetLite0", head=tl.heads.RetinaNetHead())
    """

    width: int = 64
    depth: int = 3
    groups: int = 8
    prior: float = 0.01
    sizes: tuple[float, ...] = ()
    ratios: tuple[float, ...] = ()
    features: tuple[str, ...] = LEVELS

    def __post_init__(self) -> None:
        check_towers(self.width, self.depth, self.groups, self.prior)
        for name in ("sizes", "ratios"):
            values = tuple(number(name, value, above=0) for value in getattr(self, name))
            object.__setattr__(self, name, values)
        object.__setattr__(self, "features", tuple(self.features))
        check_strides(self.features)

    def for_boxes(self, sides: Sequence[float], ratios: Sequence[float]) -> Self:
        """Chooses the levels, sizes and ratios that objects need, where the user chose none.

        Args:
            sides: The sides in pixels below which 5%, 25%, 50%, 75% and 95% of the objects are;
                empty where they are not known.
            ratios: The ratios of height to width below which 1/6, 1/2 and 5/6 of the objects are.
        """
        if not sides:
            return self
        features = levels_for(sides) if self.features == LEVELS else self.features
        return replace(
            self,
            features=features,
            sizes=self.sizes or _sizes_for(sides, features),
            ratios=self.ratios or _distinct(ratios),
        )

    def __call__(
        self, features: Mapping[str, Tensor], outputs: Mapping[str, Output]
    ) -> Mapping[str, Tensor]:
        """Makes the layers, and gives `(batch, queries, classes + 10)`, in float32.

        For each query these are the logits of the classes, the logit of the overlap, the box
        `(x0, y0, x1, y1)` and the anchor (x and y of its middle, width and height) in shares of the
        image's width and height, and the stride of the level in pixels.
        """
        ((name, output),) = outputs.items()
        shapes = self._shapes()
        classes, count = output.units - BESIDE_CLASSES, len(shapes)
        of_classes = Tower(self.width, self.depth, self.groups, "classes")
        of_boxes = Tower(self.width, self.depth, self.groups, "boxes")
        bias = -math.log((1 - self.prior) / self.prior)
        to_classes = last_layer(count * classes, "classes", bias)
        to_offsets, to_overlap = last_layer(count * 4, "offsets"), last_layer(count, "overlap")
        found = []
        for stride, x in feature_pyramid(features, self.features, self.width):
            near = of_boxes(x)
            anchors = _anchors_of(x, shapes)
            logits = _by_anchor(to_classes(of_classes(x)), classes)
            overlap = _by_anchor(to_overlap(near), 1)
            boxes = corrected(anchors, _by_anchor(to_offsets(near), 4))
            found.append(as_queries(stride, logits, overlap, boxes, anchors))
        joined = keras.ops.concatenate(found, axis=1) if len(found) > 1 else found[0]
        return {name: joined}

    def _shapes(self) -> list[tuple[float, float]]:
        """Returns the `(width, height)` of each anchor in cells."""
        sizes = self.sizes or (4.0, 4.0 * math.sqrt(2))
        roots = [math.sqrt(ratio) for ratio in self.ratios or _RATIOS]
        return [(size / root, size * root) for size in sizes for root in roots]


def _sizes_for(sides: Sequence[float], features: Sequence[str]) -> tuple[float, ...]:
    """Returns sides of anchors in cells, so that those of all levels lie around the objects'."""
    strides = sorted(map(stride_of, features))
    step = 2 ** (1 / _PER_OCTAVE)
    middle = math.sqrt(strides[0] * strides[-1] * step ** (_PER_OCTAVE - 1))
    wanted = math.sqrt(max(sides[0], 1.0) * max(sides[-1], 1.0)) / middle
    first = min(max(wanted, _SIZES[0]), _SIZES[1])
    return tuple(round(first * step**i, 3) for i in range(_PER_OCTAVE))


def _distinct(ratios: Sequence[float]) -> tuple[float, ...]:
    """Returns the middle ratio, between the outer ones if these differ from it."""
    low, middle, high = ratios
    lower = (low,) if low * _ALIKE < middle else ()
    higher = (high,) if high > middle * _ALIKE else ()
    return (*lower, middle, *higher)


def _by_anchor(x: Tensor, units: int) -> Tensor:
    """Puts the anchors of a cell beside each other, as if each were a cell of its own."""
    rows, columns = rows_and_columns(x)
    return keras.ops.reshape(x, (-1, rows, columns * (x.shape[-1] // units), units))


def _anchors_of(level: Tensor, shapes: Sequence[tuple[float, float]]) -> Tensor:
    """Makes the anchors of a level, `(batch, rows, columns * shapes, 4)`, as `cells_of` does."""
    ops = keras.ops
    cells = cells_of(ops.cast(level[..., :1], "float32"))
    made = [
        ops.concatenate([cells[..., :2], cells[..., 2:3] * width, cells[..., 3:] * height], axis=-1)
        for width, height in shapes
    ]
    return _by_anchor(ops.concatenate(made, axis=-1), 4)
