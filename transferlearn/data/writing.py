"""Writes boxes of datasets and of predictions for tools that label photos."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.messages import notice
from transferlearn.data.targets import BoxTargets
from transferlearn.edge import box_files
from transferlearn.edge.box_files import BoxedPhoto
from transferlearn.wording import counted


class PredictedBoxes(Protocol):
    """Stands for what a detector predicts for one photo."""

    labels: tuple[str, ...]
    scores: np.ndarray
    boxes: np.ndarray
    class_names: Sequence[str]
    size: tuple[int, int]
    path: str | None


def write_coco(path: str | Path, source: Dataset | Sequence[PredictedBoxes]) -> None:
    """Writes boxes as a COCO file, with which one can go on in CVAT or Label Studio.

    Photos stay where they are. Predictions have a `score` in their annotations.

    Args:
        path: The `.json` file; one that is there is replaced.
        source: A dataset of photos with boxes, or what a detector predicts for photos.

    Raises:
        ValueError: The photos are no files, or there are none.

    Example:
        tl.data.write_coco("photos/found.json", fitted.predict("photos"))
    """
    photos, names = _boxed(source)
    box_files.write_coco(Path(path), photos, names)


def write_yolo(folder: str | Path, source: Dataset | Sequence[PredictedBoxes]) -> None:
    """Writes boxes as a YOLO folder with copies of the photos.

    It holds `images/`, `labels/`, `data.yaml` and `classes.txt`. Boxes around crowds have no form
    in YOLO, and are left out.

    Args:
        folder: The folder, which is made; one that is there must be empty.
        source: A dataset of photos with boxes, or what a detector predicts for photos.

    Raises:
        ValueError: The photos are no files, or there are none.
        OSError: The folder has files already.

    Example:
        tl.data.write_yolo("to-correct", fitted.predict("photos"))
    """
    photos, names = _boxed(source)
    kept = [np.array([not further.get("iscrowd") for further in p.further], bool) for p in photos]
    if crowds := sum(int((~some).sum()) for some in kept):
        notice(f"{counted(crowds, 'box')} around crowds, not written: YOLO has no form for them.")
    single = [
        photo._replace(boxes=photo.boxes[some], classes=photo.classes[some])
        for photo, some in zip(photos, kept, strict=True)
    ]
    box_files.write_yolo(Path(folder), single, names)


def _boxed(source: Any) -> tuple[list[BoxedPhoto], Sequence[str]]:
    """Returns the photos of a dataset or of predictions with their boxes, and the class names."""
    photos, names = _of_dataset(source) if isinstance(source, Dataset) else _of_predictions(source)
    if not photos:
        raise ValueError("There are no photos to write.")
    return photos, names


def _of_dataset(data: Dataset) -> tuple[list[BoxedPhoto], Sequence[str]]:
    """Returns the photos of a dataset with their boxes."""
    targets = data.targets
    if not isinstance(data, ItemDataset) or data.names is None:
        raise ValueError("Boxes are written for photos in files: load a folder or a table.")
    if not isinstance(targets, BoxTargets):
        raise ValueError("The dataset has no boxes: load it with target=tl.data.Boxes().")
    photos = []
    for path, one in zip(data.names, targets.of_photos(), strict=True):
        pairs = zip(one.areas.tolist(), one.crowd.tolist(), strict=True)
        further = [{"area": round(area, 4), "iscrowd": int(crowd)} for area, crowd in pairs]
        photos.append(BoxedPhoto(path, one.size, one.boxes, one.classes, further))
    return photos, targets.class_names


def _of_predictions(
    given: Sequence[PredictedBoxes],
) -> tuple[list[BoxedPhoto], Sequence[str]]:
    """Returns the photos of predictions with their boxes."""
    photos, names = [], [] if not given else list(given[0].class_names)
    for one in given:
        if one.path is None:
            raise ValueError("Boxes are written for photos in files: predict for their paths.")
        classes = np.array([names.index(label) for label in one.labels], int)
        further = [{"score": round(float(score), 6)} for score in one.scores]
        boxes = np.asarray(one.boxes, float).reshape(-1, 4)
        photos.append(BoxedPhoto(one.path, one.size, boxes, classes, further))
    return photos, names
