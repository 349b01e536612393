"""Writes photos with boxes in the forms of COCO and YOLO, which tools for labelling read."""

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transferlearn.atomic_files import new_draft, written_whole
from transferlearn.json_fields import Json


class BoxedPhoto(NamedTuple):
    """Holds the boxes of one photo.

    Attributes:
        path: The path of the photo's file.
        size: Its `(height, width)` in pixels.
        boxes: Rows of x0, y0, x1, y1 in its pixels, `(n, 4)`.
        classes: The number of each box's class, `(n,)`.
        further: Further keys of each box in COCO, such as `area`, `iscrowd` and `score`.
    """

    path: str
    size: tuple[int, int]
    boxes: np.ndarray
    classes: np.ndarray
    further: Sequence[Json]


def write_coco(path: Path, photos: Iterable[BoxedPhoto], class_names: Sequence[str]) -> None:
    """Writes boxes as one COCO file.

    Names of photos are those below the folder of the file, where all are below it; else those below
    the folder that all photos share.

    Args:
        path: The file, which ends in `.json`; one that is there is replaced.
        photos: The photos with their boxes.
        class_names: The names of the classes, which get the ids 1, 2 and so on.

    Reference: [COCO's format](https://cocodataset.org/#format-data).
    """
    photos = list(photos)
    names = _names([photo.path for photo in photos], path.parent)
    images: list[Json] = []
    annotations: list[Json] = []
    for number, (photo, name) in enumerate(zip(photos, names, strict=True), start=1):
        height, width = photo.size
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        rows = zip(photo.boxes.tolist(), photo.classes.tolist(), photo.further, strict=True)
        for (x0, y0, x1, y1), label, further in rows:
            box = [round(value, 4) for value in (x0, y0, x1 - x0, y1 - y0)]
            found = {"id": len(annotations) + 1, "image_id": number, "category_id": label + 1}
            area = {"area": round(box[2] * box[3], 4), "iscrowd": 0}
            annotations.append({**found, "bbox": box, **area, **further})
    categories = [{"id": i, "name": name} for i, name in enumerate(class_names, start=1)]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    with written_whole(path) as draft:
        draft.write_text(json.dumps(coco), "utf-8")


def write_yolo(folder: Path, photos: Iterable[BoxedPhoto], class_names: Sequence[str]) -> None:
    """Writes boxes as a YOLO folder: `data.yaml`, `classes.txt`, `labels/` and `images/`.

    The photos are copied into `images/`.

    Args:
        folder: The folder, which is made; one that is there must be empty.
        photos: The photos with their boxes.
        class_names: The names of the classes, in the order of their numbers from 0 on.

    Raises:
        OSError: The folder has files already, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OSError(f"{folder} is there already: name a new folder.")
    photos = list(photos)
    names = _names([photo.path for photo in photos], None)
    draft = new_draft(folder.parent, f".{folder.name}.")
    try:
        for photo, name in zip(photos, names, strict=True):
            image, text = draft / "images" / name, (draft / "labels" / name).with_suffix(".txt")
            for file in (image, text):
                file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(photo.path, image)
            text.write_text(_lines(photo), "utf-8")
        numbered = "".join(
            f"  {i}: {json.dumps(name, ensure_ascii=False)}\n" for i, name in enumerate(class_names)
        )
        yaml = f"path: .\ntrain: images\nval: images\nnames:\n{numbered}"
        (draft / "data.yaml").write_text(yaml, "utf-8")
        (draft / "classes.txt").write_text("".join(f"{name}\n" for name in class_names), "utf-8")
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _lines(photo: BoxedPhoto) -> str:
    """Writes a line for each box: its class, its middle and its sides in shares of the photo's."""
    height, width = photo.size
    lines = []
    for (x0, y0, x1, y1), label in zip(photo.boxes.tolist(), photo.classes.tolist(), strict=True):
        middle = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height)
        sides = ((x1 - x0) / width, (y1 - y0) / height)
        lines.append(f"{label} {' '.join(f'{value:.8g}' for value in (*middle, *sides))}\n")
    return "".join(lines)


def _names(paths: Sequence[str], folder: Path | None) -> list[str]:
    """Returns names of files below a folder, or below the one that all share.

    Raises:
        ValueError: Two files have one name but for their ending.
    """
    whole = [Path(path).resolve() for path in paths]
    root = None if folder is None else folder.resolve()
    if root is None or not all(path.is_relative_to(root) for path in whole):
        root = Path(os.path.commonpath([path.parent for path in whole])) if whole else Path()
    names = [path.relative_to(root).as_posix() for path in whole]
    stems = {Path(name).with_suffix("") for name in names}
    if folder is None and len(stems) < len(names):
        raise ValueError("Two photos have one name but for their ending: rename one of them.")
    return names
