"""Reads YOLO folders: a text file of boxes for each photo, and the class names in data.yaml."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transferlearn.data.listed import ByRow, Listed
from transferlearn.data.targets.boxes.data_yaml import read_data_yaml
from transferlearn.data.targets.boxes.drawn import (
    NOTHING,
    Drawn,
    DrawnPhotos,
    none_drawn,
)
from transferlearn.data.targets.boxes.files import AnnotationError, files_below, read_text, say_lone

_FORMAT = "rel_center_xywh"
_IMAGES, _LABELS, _TEXT = "images", "labels", ".txt"
_YAML = (".yaml", ".yml")
_CLASSES = "classes.txt"  # labelImg and Label Studio write one


class _Places(NamedTuple):
    """Holds the folder of photos and the folder of their boxes, which may be the same."""

    photos: Path
    labels: Path


def yolo_listed(path: Path, endings: Sequence[str], noun: str) -> Listed | None:
    """Lists the photos of a YOLO folder with their boxes; `None` where it is none.

    Args:
        path: A folder with `images/` and `labels/`, a folder of photos in `images/`, a folder that
            holds photos and text files, or a `data.yaml`, whose `train` is listed.
        endings: The endings of photos.
        noun: The word for a photo in messages.

    Raises:
        ValueError: The folder holds no photos, or its class names cannot be read.
    """
    yaml = read_data_yaml(path) if path.suffix.lower() in _YAML and path.is_file() else None
    if yaml is not None:
        if yaml.train is None:
            raise ValueError(f"{path} names no folder of photos to train on: write train: images.")
        path = yaml.train
    places = _places(path, endings)
    if places is None:
        return None
    photos = files_below(places.photos, endings)
    if not photos:
        raise ValueError(f"No {noun} in {places.photos}: expected *{endings[0]} with labels.")
    names = _names(places.photos) if yaml is None else yaml.names
    texts = [_text_of(photo, places) for photo in photos]
    known = set(texts)
    texts_there = files_below(places.labels, (_TEXT,))
    say_lone(
        path,
        [text for text in texts_there if text not in known and text.name != _CLASSES],
        "file of boxes",
        "without a photo, not used",
    )
    there = set(texts_there)
    alone = [photo for photo, text in zip(photos, texts, strict=True) if text not in there]
    say_lone(path, alone, "photo", "without a file of boxes, taken as photos without an object")
    drawn = [_read(text, names) if text in there else none_drawn() for text in texts]
    return Listed(
        items=[str(photo) for photo in photos],
        origin=ByRow(DrawnPhotos(photos=drawn, format=_FORMAT, names=names, fixed=True)),
        noun=noun,
        what=str(path),
    )


def yolo_parts(path: Path) -> tuple[Path, Path | None] | None:
    """Returns the folders to train and validate on that a `data.yaml` names; `None`: it is none."""
    file = path if path.suffix.lower() in _YAML and path.is_file() else _yaml_in(path)
    yaml = None if file is None else read_data_yaml(file)
    if yaml is None or yaml.train is None or not yaml.train.is_dir():
        return None
    return yaml.train, yaml.validation


def _places(path: Path, endings: Sequence[str]) -> _Places | None:
    """Finds the folders of photos and of text files; `None` where there are no text files."""
    places = [_Places(path / _IMAGES, path / _LABELS)]
    if _IMAGES in path.parts:
        parts = list(path.parts)
        parts[len(parts) - 1 - parts[::-1].index(_IMAGES)] = _LABELS
        places.append(_Places(path, Path(*parts)))
    for place in places:
        if place.photos.is_dir() and place.labels.is_dir() and files_below(place.labels, (_TEXT,)):
            return place
    stems = {file.with_suffix("") for file in files_below(path, endings)} if path.is_dir() else ()
    beside = any(text.with_suffix("") in stems for text in files_below(path, (_TEXT,)) if stems)
    return _Places(path, path) if beside else None


def _text_of(photo: Path, places: _Places) -> Path:
    """Returns the path of the text file that holds a photo's boxes."""
    return places.labels / photo.relative_to(places.photos).with_suffix(_TEXT)


def _yaml_in(folder: Path) -> Path | None:
    """Finds the one `data.yaml`, or another YAML file, in a folder."""
    if not folder.is_dir():
        return None
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _YAML)
    named = [path for path in found if path.stem in ("data", "dataset")]
    return next(iter(named or found), None)


def _names(folder: Path) -> tuple[str, ...] | None:
    """Finds the class names that belong to a folder of photos; `None`: they have none."""
    for place in (folder, *folder.parents[:3]):
        if (file := _yaml_in(place)) is not None and (found := read_data_yaml(file)).names:
            return found.names
        if (place / _CLASSES).is_file():
            lines = read_text(place / _CLASSES).splitlines()
            return tuple(line.strip() for line in lines if line.strip())
    return None


def _read(path: Path, names: tuple[str, ...] | None) -> Drawn:
    """Reads the boxes of one photo."""
    try:
        lines = read_text(path).splitlines()
    except AnnotationError as error:
        return none_drawn(f"{path}: {error}")
    boxes, labels, places = [], [], []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if not cells:
            continue
        place = f"{path.name}, line {number}"
        box = _box(cells[1:])
        if box is None or not cells[0].isdecimal() or len(cells[0]) > 6:
            expected = "the number of a class and 4 numbers, or the corners of a polygon"
            return none_drawn(f"{place}: expected {expected}. Received: {line[:80]!r}")
        boxes.append(box)
        labels.append(_label(cells[0], names))
        places.append(place)
    return Drawn(boxes=np.array(boxes) if boxes else NOTHING, labels=labels, places=places)


def _box(cells: Sequence[str]) -> list[float] | None:
    """Reads a box, or the box around a polygon, as its middle and sides."""
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        return None
    if len(values) == 4:
        return values
    if len(values) < 6 or len(values) % 2:
        return None
    low = [min(values[::2]), min(values[1::2])]
    high = [max(values[::2]), max(values[1::2])]
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    return [*middle, *(b - a for a, b in zip(low, high, strict=True))]


def _label(cell: str, names: tuple[str, ...] | None) -> object:
    """Returns the name of a class by its number; the number where it has no name."""
    number = int(cell)
    if names is None:
        return number
    return names[number] if number < len(names) else f"number {number}"
