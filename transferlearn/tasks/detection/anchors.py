"""Defines the loss of detectors with anchors: an object is found where anchors overlap with it."""

from collections.abc import Sequence
from typing import Literal

import keras

from transferlearn.checks import share
from transferlearn.json_fields import Json
from transferlearn.tasks.detection.assignment import (
    Assigned,
    assigned_by,
    in_crowd,
    is_learnt,
    sides_of,
)
from transferlearn.tasks.detection.losses import TINY, DetectionLoss, giou
from transferlearn.tasks.detection.packed import Queries, overlaps
from transferlearn.types import Tensor

_BEND = 0.1  # the offset below which the smooth L1 loss is a square


@keras.saving.register_keras_serializable("transferlearn")
class AnchorLoss(DetectionLoss):
    """Adds the focal loss of classes, GIoU or smooth L1 of boxes, and cross-entropy of the overlap.

    An anchor finds the object that it overlaps with most, by an IoU of `positive` or more; and the
    anchor that overlaps most with an object finds it in any case. Others whose IoU reaches
    `negative` are not learnt. See `DetectionLoss` for the rest.

    Args:
        size, alpha, gamma, boxes: See `DetectionLoss`.
        positive: The IoU from which an anchor finds an object.
        negative: The IoU below which an anchor finds nothing.
        box_loss: `"giou"`, or `"smooth_l1"` of the offsets from anchors.

    Reference: [RetinaNet](https://arxiv.org/abs/1708.02002).

    Example:
        loss = tl.tasks.AnchorLoss((256, 256), box_loss="smooth_l1")
        head = tl.heads.RetinaNetHead()
        builder = tl.ObjectDetectorBuilder(
            "EfficientNetLite0", image_size=(256, 256), head=head, loss=loss
        )
    """

    def __init__(
        self,
        size: Sequence[int],
        alpha: float = 0.25,
        gamma: float = 2.0,
        boxes: float = 1.0,
        positive: float = 0.5,
        negative: float = 0.4,
        box_loss: Literal["giou", "smooth_l1"] = "giou",
        name: str = "anchor_loss",
        **options: object,
    ) -> None:
        super().__init__(size, alpha, gamma, boxes, name=name, **options)
        self.positive = share("positive", positive)
        self.negative = share("negative", negative)
        if negative > positive:
            raise ValueError(
                f"negative is at most positive. Received: negative={negative}, positive={positive}"
            )
        if box_loss not in ("giou", "smooth_l1"):
            raise ValueError(f'box_loss is "giou" or "smooth_l1". Received: {box_loss!r}')
        self.box_loss = box_loss

    def assign(self, targets: Tensor, queries: Queries) -> Assigned:
        """Returns which object each query has to find: the one that its anchor overlaps with."""
        ops = keras.ops
        corners = _corners(queries.anchors)

        def cost(rows: Tensor) -> tuple[Tensor, Tensor]:
            both, either = overlaps(corners[..., None, :], rows)
            overlap = ops.where(is_learnt(rows), both / ops.maximum(either, TINY), 0.0)
            best = ops.max(overlap, axis=1, keepdims=True)  # of each object
            nearest = ops.logical_and(overlap >= best, overlap > 0)
            x, y = queries.points[..., None, 0], queries.points[..., None, 1]
            crowd = in_crowd(sides_of(x, y, rows, self.size), rows)
            return -overlap - ops.cast(nearest, "float32"), crowd

        assigned, least = assigned_by(cost, targets, queries, -self.positive)
        unclear = ops.cast(least <= -self.negative, "float32") * (1 - assigned.found)
        return assigned._replace(ignored=ops.maximum(assigned.ignored, unclear))

    def _quality(self, queries: Queries, rows: Tensor) -> Tensor:
        """Returns the IoU of each box and the object that it has to find."""
        both, either = overlaps(queries.boxes, rows[..., :4])
        return keras.ops.clip(both / keras.ops.maximum(either, TINY), 0.0, 1.0)

    def _of_boxes(self, queries: Queries, rows: Tensor, found: Tensor, quality: Tensor) -> Tensor:
        """Returns the mean of the boxes' loss over all queries that have an object."""
        ops = keras.ops
        if self.box_loss == "giou":
            distance = 1 - giou(queries.boxes, rows[..., :4])
        else:
            truth = ops.where(found[..., None] > 0, rows[..., :4], _corners(queries.anchors))
            off = ops.abs(
                _offsets(queries.boxes, queries.anchors) - _offsets(truth, queries.anchors)
            )
            bent = ops.where(off < _BEND, off * off / (2 * _BEND), off - _BEND / 2)
            distance = ops.sum(bent, axis=-1)
        return ops.sum(found * distance) / ops.maximum(ops.sum(found), 1.0)

    def get_config(self) -> Json:
        """Returns the settings that `from_config` takes."""
        parts = {"positive": self.positive, "negative": self.negative, "box_loss": self.box_loss}
        return {**super().get_config(), **parts}


def _corners(anchors: Tensor) -> Tensor:
    """Returns anchors `(x, y, width, height)` as boxes `(x0, y0, x1, y1)`."""
    middles, halves = anchors[..., :2], anchors[..., 2:] / 2
    return keras.ops.concatenate([middles - halves, middles + halves], axis=-1)


def _offsets(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Returns how far boxes are from anchors, in sides of these, and logarithms of their sides."""
    ops = keras.ops
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], TINY)
    middles = (boxes[..., :2] + boxes[..., 2:]) / 2
    moved = (middles - anchors[..., :2]) / anchors[..., 2:]
    return ops.concatenate([moved, ops.log(sides / anchors[..., 2:])], axis=-1)
