"""Reads the boxes in the annotations of a COCO file."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from transferlearn.data.listed import ByAnnotation, Listed
from transferlearn.data.targets.boxes.drawn import NOTHING, Drawn, DrawnPhotos, none_drawn
from transferlearn.data.targets.boxes.files import AnnotationError, say_lone, size_said
from transferlearn.edge.folders import is_hidden
from transferlearn.edge.pictures import ENDINGS
from transferlearn.json_fields import Json

_FORMAT = "xywh"
_MOST_BYTES = 2**28  # of another COCO file that is looked through


def drawn_annotations(origin: ByAnnotation) -> DrawnPhotos:
    """Reads the boxes of each image of a COCO file."""
    photos = [
        _photo(annotations, origin.categories, size)
        for annotations, size in zip(origin.annotations, origin.sizes, strict=True)
    ]
    return DrawnPhotos(
        photos=photos, format=_FORMAT, names=tuple(origin.categories.values()), fixed=True
    )


def _photo(
    annotations: Sequence[Json], categories: Mapping[object, str], size: tuple[object, object]
) -> Drawn:
    """Reads the boxes of one image."""
    boxes, labels, places = [], [], []
    for annotation in annotations:
        place = f"annotation {annotation.get('id')!r:.40}"
        box = annotation.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or None in map(_number, box):
            return none_drawn(f"{place}: bbox must be 4 numbers. Received: {box!r:.80}")
        category = annotation.get("category_id")
        known = categories.get(category) if isinstance(category, (int, str)) else None
        boxes.append([_number(value) for value in box])
        labels.append(f"category {category!r:.40}" if known is None else known)
        places.append(place)
    try:
        said = size_said(*size)
    except AnnotationError as error:
        return none_drawn(f"its image entry: {error}")
    return Drawn(
        boxes=np.array(boxes, float) if boxes else NOTHING,
        labels=labels,
        places=places,
        areas=[_number(annotation.get("area")) for annotation in annotations],
        crowd=[annotation.get("iscrowd") in (1, True) for annotation in annotations],
        size=said,
    )


def _number(value: object) -> float | None:
    """Returns a finite number as a float, else `None`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def say_unnamed(listed: Listed) -> None:
    """Warns of photos beside those that a COCO file names, which are not used."""
    named = {Path(item) for item in listed.items}
    found: list[Path] = []
    for folder in sorted({path.parent for path in named}):
        if folder.is_dir():
            found += [path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS]
    others = [path for path in found if path not in named and not is_hidden(path.name)]
    if others:  # train.json and test.json may lie beside each other, of the same folder of photos
        elsewhere = _named_beside(Path(listed.what))
        others = [path for path in others if path.name not in elsewhere]
    say_lone(listed.what, others, "photo", "that no image entry names, not used")


def _named_beside(path: Path) -> set[str]:
    """Returns the names of the photos that the other COCO files in a file's folder name."""
    found: set[str] = set()
    for file in path.parent.glob("*.json"):
        if file == path or file.stat().st_size > _MOST_BYTES:
            continue
        try:
            content = json.loads(file.read_text("utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            continue
        images = content.get("images") if isinstance(content, dict) else None
        entries = images if isinstance(images, list) else []
        names = [entry.get("file_name") for entry in entries if isinstance(entry, dict)]
        found |= {Path(name).name for name in names if isinstance(name, str)}
    return found
