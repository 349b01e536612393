"""Defines the loss of detectors: which class, which box, and how good the box is."""

from collections.abc import Sequence

import keras

from transferlearn.checks import number, whole
from transferlearn.json_fields import Json
from transferlearn.tasks.detection.assignment import Assigned, assign, sides_of
from transferlearn.tasks.detection.packed import Queries, area, overlaps
from transferlearn.types import Tensor

TINY = 1e-7


@keras.saving.register_keras_serializable("transferlearn")
class DetectionLoss(keras.losses.Loss):
    """Adds the focal loss of classes, GIoU of boxes, and cross-entropy of the centreness.

    Each part is summed over a batch's queries, and divided by how many of these have an object.
    Override `assign` to let other queries find an object. Targets are `(batch, objects, 7)`: box
    `(x0, y0, x1, y1)` in shares of the image's width and height, class or -1 for padding, area, and
    1 for a crowd. Queries inside a crowd are left out, unless they have an object.

    Args:
        size: The `(height, width)` in pixels of the images that the network takes.
        alpha: The weight of what is of a class in the focal loss; what is not has the rest of 1.
        gamma: The power by which queries that are known well count less.
        boxes: The weight of the boxes' part.

    Reference: [Focal Loss](https://arxiv.org/abs/1708.02002), [GIoU](https://arxiv.org/abs/1902.09630),
    [FCOS](https://arxiv.org/abs/1904.01355).

    Example:
        loss = tl.tasks.DetectionLoss((256, 256), boxes=2.0)
        builder = tl.ObjectDetectorBuilder("EfficientNetLite0", image_size=(256, 256), loss=loss)
    """

    def __init__(
        self,
        size: Sequence[int],
        alpha: float = 0.25,
        gamma: float = 2.0,
        boxes: float = 1.0,
        name: str = "detection_loss",
        **options: object,
    ) -> None:
        super().__init__(name=name, **options)
        height, width = (whole("size", side, least=1) for side in size)
        self.size = (height, width)
        self.alpha = number("alpha", alpha)
        self.gamma = number("gamma", gamma)
        self.boxes = number("boxes", boxes)

    # Keras's own `__call__` would average over items; an item with many objects counts for more.
    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Computes the loss of a batch, a scalar.

        Args:
            y_true: The objects, `(batch, objects, 7)`.
            y_pred: What the head says, `(batch, queries, classes + 10)`.
            sample_weight: A weight for each item, `(batch,)`; `None`: all are 1.
        """
        ops = keras.ops
        targets, queries = ops.cast(y_true, "float32"), Queries.of(y_pred)
        assigned = Assigned(*map(ops.stop_gradient, self.assign(targets, queries)))
        weights = ops.ones_like(queries.strides)
        if sample_weight is not None:
            weights = weights * ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        found = weights * assigned.found
        count = ops.maximum(ops.sum(found), 1.0)
        classes = self._of_classes(queries, assigned, weights) / count
        truth = ops.stop_gradient(self._quality(queries, assigned.rows))
        quality = ops.sum(found * _entropy(truth, queries.quality)) / count
        boxes = self._of_boxes(queries, assigned.rows, found, truth)
        return classes + quality + self.boxes * boxes

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Computes the loss of a batch in which all items weigh the same."""
        return self(y_true, y_pred)

    def assign(self, targets: Tensor, queries: Queries) -> Assigned:
        """Returns which object each query has to find: the smallest that it is in the middle of."""
        return assign(targets, queries, self.size)

    def _quality(self, queries: Queries, rows: Tensor) -> Tensor:
        """Returns what the logit of the quality learns of each query: the centreness."""
        return _centreness(queries, rows, self.size)

    def _of_boxes(self, queries: Queries, rows: Tensor, found: Tensor, quality: Tensor) -> Tensor:
        """Returns the mean of 1 - GIoU, in which queries near the middle count more."""
        ops = keras.ops
        near = found * quality
        distance = 1 - giou(queries.boxes, rows[..., :4])
        return ops.sum(near * distance) / ops.maximum(ops.sum(near), 1e-3)

    def _of_classes(self, queries: Queries, assigned: Assigned, weights: Tensor) -> Tensor:
        """Sums the focal loss of all queries and classes."""
        ops = keras.ops
        ids = ops.cast(assigned.rows[..., 4], "int32")
        truth = ops.one_hot(ops.maximum(ids, 0), queries.logits.shape[-1], dtype="float32")
        truth = truth * assigned.found[..., None]
        share = ops.sigmoid(queries.logits)
        wrong = truth * (1 - share) + (1 - truth) * share
        balance = truth * self.alpha + (1 - truth) * (1 - self.alpha)
        surprise = balance * ops.power(wrong, self.gamma) * _entropy(truth, queries.logits)
        return ops.sum((weights * (1 - assigned.ignored))[..., None] * surprise)

    def get_config(self) -> Json:
        """Returns the settings that `from_config` takes."""
        parts = {"alpha": self.alpha, "gamma": self.gamma, "boxes": self.boxes}
        return {**super().get_config(), "size": list(self.size), **parts}


def giou(first: Tensor, second: Tensor) -> Tensor:
    """Returns the generalised IoU of pairs of boxes `(..., 4)`, from -1 to 1."""
    ops = keras.ops
    both, either = overlaps(first, second)
    low = ops.minimum(first[..., :2], second[..., :2])
    high = ops.maximum(first[..., 2:], second[..., 2:])
    around = area(ops.concatenate([low, high], axis=-1))
    return both / ops.maximum(either, TINY) - (around - either) / ops.maximum(around, TINY)


def _centreness(queries: Queries, rows: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns how near each query is to the middle of its object, from 0 at its border to 1."""
    ops = keras.ops
    sides = sides_of(queries.points[..., 0], queries.points[..., 1], rows, size)
    left, top, right, bottom = (ops.maximum(side, 0.0) for side in sides)
    across = ops.minimum(left, right) / ops.maximum(ops.maximum(left, right), TINY)
    down = ops.minimum(top, bottom) / ops.maximum(ops.maximum(top, bottom), TINY)
    return ops.sqrt(across * down)


def _entropy(truth: Tensor, logits: Tensor) -> Tensor:
    """Returns the cross-entropy of each logit, in a form without overflow."""
    return keras.ops.softplus(logits) - truth * logits
