"""Reads boxes that are passed beside photos, as arrays or lists."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from transferlearn.data.targets.boxes.drawn import NOTHING, Drawn

_FORM = (
    'Boxes go in as (x, {"boxes": boxes, "labels": labels}), where boxes are (n, boxes, 4) and '
    "labels (n, boxes), or lists with an array for each photo."
)


def drawn_rows(given: object) -> list[Drawn]:
    """Reads the boxes of each photo.

    Args:
        given: A mapping with `boxes` and `labels`, each with an entry a photo; or a list of such
            mappings, one a photo.

    Raises:
        ValueError: It has another form.
        TypeError: It is of another type.
    """
    if isinstance(given, Mapping):
        boxes, labels = _part(given, "boxes"), _part(given, "labels")
        if len(boxes) != len(labels):
            raise ValueError(
                f"There must be labels for the boxes of each photo. Received: boxes of "
                f"{len(boxes)} photos, labels of {len(labels)}"
            )
        return [_drawn(*row, i) for i, row in enumerate(zip(boxes, labels, strict=True))]
    if isinstance(given, (list, tuple)) and all(isinstance(row, Mapping) for row in given):
        rows = [(_part(row, "boxes"), _part(row, "labels")) for row in given]
        return [_drawn(*row, i) for i, row in enumerate(rows)]
    raise TypeError(f"{_FORM} Received: {type(given).__name__}")


def _part(given: Mapping[str, object], name: str) -> Any:
    """Returns a part of what was passed, and refuses one that is missing or no list."""
    if name not in given or not hasattr(given[name], "__len__"):
        raise ValueError(f"{_FORM} Received: {sorted(map(str, given))[:10]}")
    return given[name]


def _drawn(boxes: Any, labels: Any, photo: int) -> Drawn:
    """Reads the boxes of one photo, and leaves padding out: rows of the label -1."""
    try:
        rows = np.asarray(boxes, float)
        rows = rows.reshape(-1, 4) if rows.ndim == 2 or not rows.size else rows
    except (TypeError, ValueError):
        rows = np.empty(0)  # refused below
    names = list(np.asarray(labels, object).ravel()) if np.ndim(labels) else [labels]
    if rows.ndim != 2 or np.shape(boxes)[-1:] not in ((4,), (0,)) or len(rows) != len(names):
        raise ValueError(
            f"The boxes of photo {photo} must be (boxes, 4) numbers, with (boxes,) labels. "
            f"Received: boxes {np.shape(boxes)}, labels {np.shape(labels)}"
        )
    kept = [i for i, label in enumerate(names) if not _is_padding(label)]
    return Drawn(
        boxes=rows[kept] if kept else NOTHING,
        labels=[names[i] for i in kept],
        places=[f"box {i}" for i in kept],
    )


def _is_padding(label: object) -> bool:
    """Returns whether a label stands for no box."""
    return isinstance(label, (int, float, np.number)) and label == -1
