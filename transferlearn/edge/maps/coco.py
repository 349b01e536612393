"""Writes masks in the form of COCO: JSON with the runs of pixels of each class."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from transferlearn.atomic_files import written_whole
from transferlearn.json_fields import Json


def write_coco(
    path: Path, masks: Iterable[tuple[str, np.ndarray]], class_names: Sequence[str]
) -> None:
    """Writes masks as one file, with uncompressed runs, as COCO has it for areas.

    Each class of each photo is an annotation; the first class, mostly the background, is one, too,
    so that what is in no annotation is void.

    Args:
        path: The file, which ends in `.json`; one that is there is replaced.
        masks: The name of each photo's file, and the class of each of its pixels,
            `(height, width)`, or whether each has each class, bool `(height, width, classes)`.
        class_names: The names of the classes, which get the ids 1, 2 and so on.

    Reference: [COCO's format](https://cocodataset.org/#format-data).
    """
    images: list[Json] = []
    annotations: list[Json] = []
    for number, (name, mask) in enumerate(masks, start=1):
        height, width = mask.shape[:2]
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for i, shown in _areas(mask):
            found = _annotation(shown)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": number, "category_id": i + 1, **found}
            )
    categories = [{"id": i, "name": name} for i, name in enumerate(class_names, start=1)]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    with written_whole(path) as draft:
        draft.write_text(json.dumps(coco), "utf-8")


def _areas(mask: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the place of each class that a mask shows, and its pixels, bool `(height, width)`."""
    if mask.ndim == 3:
        yield from ((i, mask[..., i]) for i in range(mask.shape[-1]) if mask[..., i].any())
    else:
        yield from ((i, mask == i) for i in np.unique(mask).tolist())


def _annotation(shown: np.ndarray) -> Json:
    """Describes the pixels of one class, bool `(height, width)`."""
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    box = [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]
    return {
        "segmentation": {"size": list(shown.shape), "counts": runs(shown)},
        "area": int(shown.sum()),
        "bbox": box,
        "iscrowd": 1,  # one area of any number of things, which is how COCO has runs
    }


def runs(shown: np.ndarray) -> list[int]:
    """Returns how many pixels in turn are not shown, and are, column by column from the left."""
    flat = shown.ravel(order="F")
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    return [int(n) for n in np.diff([0, *changes, flat.size])]
