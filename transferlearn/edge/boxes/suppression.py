"""Compares boxes, and drops those of one object but the best, in NumPy."""

import numpy as np

OVERLAP = 0.6  # the IoU from which two boxes of one class are taken for one object


def intersections(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the area that each of some boxes shares with each of others, `(boxes, others)`.

    Args:
        boxes: Rows of x0, y0, x1, y1.
        others: Further ones.
    """
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:4], others[None, :, 2:4])
    return np.asarray(np.maximum(high - low, 0).prod(axis=-1))


def areas_of(boxes: np.ndarray) -> np.ndarray:
    """Returns the area of each box, `(boxes,)`."""
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def ious(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the intersection over union of each of some boxes with each of others."""
    both = intersections(boxes, others)
    either = areas_of(boxes)[:, None] + areas_of(others)[None] - both
    return np.asarray(both / np.maximum(either, 1e-12))


def best_of_tiles(rows: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Chooses among the detections of overlapping tiles, in which an object is seen several times.

    Whole boxes come before those that the edge of a tile cuts off. A cut one is dropped if most of
    it lies in a box of its class that is kept.

    Args:
        rows: Detections `(n, 6)`: box, score, class.
        cut: Whether the edge of a tile may have cut each of them off, bool `(n,)`.

    Returns:
        The numbers of those that are kept, the surest first.
    """
    order = np.lexsort((-rows[:, 4], cut))
    areas, kept = areas_of(rows), np.zeros(0, np.int64)
    for i in order:
        rivals = kept[rows[kept, 5] == rows[i, 5]]
        both = intersections(rows[i : i + 1], rows[rivals])[0]
        either = areas[i] + areas[rivals] - both
        least = np.minimum(areas[i], areas[rivals]) if cut[i] else either
        if not (both > OVERLAP * least).any():
            kept = np.append(kept, i)
    return kept[np.argsort(-rows[kept, 4], kind="stable")]
