"""Turns what a head says into detections, in plain operations that any runtime has."""

import keras
import numpy as np

from transferlearn.tasks.detection.packed import Queries, overlaps
from transferlearn.types import Tensor

MOST = 100  # detections of a photo, as in COCO's evaluation
_CANDIDATES = 300  # pairs of a query and a class, of which detections are chosen
_OVERLAP = 0.6  # the IoU from which two boxes of one class are taken for one object
# Of boxes that each suppress the next one, so long a row is exact; of 400 random sets of 300 boxes
# the longest row had 9.
_ROUNDS = 20


def detections(packed: Tensor) -> Tensor:
    """Chooses the best boxes of each class, and drops those that overlap with a better one.

    Args:
        packed: A head's output, `(batch, queries, classes + 10)`.

    Returns:
        Box `(x0, y0, x1, y1)` in shares of the image's width and height, score in [0, 1] and class
        id of each detection, float32 `(batch, 100, 6)`, the surest first. Where there are fewer,
        scores are 0 and class ids -1.

    Reference: Greedy suppression, as in [Soft-NMS](https://arxiv.org/abs/1704.04503), figure 2.
    """
    ops = keras.ops
    queries = Queries.of(packed)
    classes = queries.logits.shape[-1]
    count = queries.logits.shape[1] * classes
    quality = ops.sigmoid(queries.quality)[..., None]
    scores = ops.sqrt(ops.sigmoid(queries.logits) * quality)
    scores, which = ops.top_k(ops.reshape(scores, (-1, count)), min(_CANDIDATES, count))
    which = ops.cast(which, "int32")
    boxes = ops.take_along_axis(queries.boxes, (which // classes)[..., None], axis=1)
    boxes, ids = ops.clip(boxes, 0.0, 1.0), ops.cast(which % classes, "float32")
    scores = scores * kept(boxes, ids)
    scores, best = ops.top_k(scores, min(MOST, scores.shape[1]))
    boxes = ops.take_along_axis(boxes, best[..., None], axis=1)
    ids = ops.take_along_axis(ids, best, axis=1)
    there = ops.cast(scores > 0, "float32")
    beside = ops.stack([scores, ids * there - (1 - there)], axis=-1)
    found = ops.concatenate([boxes * there[..., None], beside], axis=-1)
    missing = MOST - found.shape[1]
    return ops.pad(found, ((0, 0), (0, missing), (0, 0))) if missing else found


def kept(boxes: Tensor, ids: Tensor) -> Tensor:
    """Marks boxes that overlap with no better box of their class that is kept itself.

    Greedy suppression, box after box, is the one fixed point of `keep = not (suppresses @ keep)`.
    Its first n boxes are right after n rounds at most.

    Args:
        boxes: Boxes in the order of their scores, the best first, `(batch, boxes, 4)`.
        ids: The class of each, float32 `(batch, boxes)`.

    Returns:
        1 for those that are kept, else 0, float32 `(batch, boxes)`.
    """
    ops = keras.ops
    both, either = overlaps(boxes[:, :, None], boxes[:, None])
    alike = ops.logical_and(both > _OVERLAP * either, ids[:, :, None] == ids[:, None])
    better = np.tril(np.ones((boxes.shape[1],) * 2, "float32"), -1)
    suppresses = ops.cast(alike, "float32") * better
    keep = ops.ones_like(ids)[..., None]
    for _ in range(_ROUNDS):
        keep = 1.0 - ops.minimum(ops.matmul(suppresses, keep), 1.0)
    return keep[..., 0]
