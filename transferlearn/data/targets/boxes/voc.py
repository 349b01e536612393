"""Reads folders of Pascal VOC: an XML file for each photo."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from transferlearn.data.listed import ByRow, Listed
from transferlearn.data.messages import indented
from transferlearn.data.targets.boxes.drawn import NOTHING, Drawn, DrawnPhotos, none_drawn
from transferlearn.data.targets.boxes.files import (
    AnnotationError,
    files_below,
    read_text,
    say_lone,
    size_said,
)
from transferlearn.data.xml_tags import XmlError, XmlReader

_XML = ".xml"
_ANNOTATIONS = ("Annotations", "annotations", "labels")
_PHOTOS = ("JPEGImages", "images")
_LISTS = "ImageSets"  # the folder of lists of photos
_FORMAT = "xyxy"
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_LONGEST = 200  # characters of a tag's text


def voc_listed(path: Path, endings: Sequence[str], noun: str) -> Listed | None:
    """Lists the photos of a folder that have an XML file; `None` where there is none.

    An XML file lies beside its photo, or in `Annotations/` beside `JPEGImages/` or `images/`, or
    anywhere below the folder if just one photo has its name.

    Args:
        path: The folder; or a list of photos in it, such as `ImageSets/Main/train.txt`.
        endings: The endings of photos.
        noun: The word for a photo in messages.

    Raises:
        ValueError: An XML file could belong to several photos.
    """
    listed = _listed_names(path)
    root = path
    if listed is not None:
        root = next(parent.parent for parent in path.parents if parent.name == _LISTS)
    files = files_below(root, (_XML,))
    if not files:
        return None
    if listed is not None:
        files = [file for file in files if file.stem in listed]
        lost = sorted(listed - {file.stem for file in files})
        say_lone(path, [Path(name) for name in lost], "photo", "without annotations, not used")
    photos = files_below(root, endings)
    by_stem = defaultdict(list)
    for photo in photos:
        by_stem[photo.stem].append(photo)
    pairs, lone, unclear = [], [], []
    for file in files:
        found = _photos_of(file, by_stem[file.stem])
        if len(found) > 1:
            unclear.append(f"{file}: {' or '.join(map(str, found))}")
        elif found:
            pairs.append((found[0], file))
        else:
            lone.append(file)
    if unclear:
        raise ValueError(f"Annotations that may be of several photos:{indented(unclear)}")
    if not pairs:
        return None
    pairs.sort()
    say_lone(path, lone, "annotation", "without a photo, not used")
    used = {photo for photo, _ in pairs}
    others = [photo for photo in photos if listed is None and photo not in used]
    say_lone(path, others, "photo", "that no annotation names, not used")
    return Listed(
        items=[str(photo) for photo, _ in pairs],
        origin=ByRow(
            DrawnPhotos(photos=[_read(file) for _, file in pairs], format=_FORMAT, fixed=True)
        ),
        noun=noun,
        what=str(path),
    )


def voc_parts(path: Path) -> tuple[Path, Path | None] | None:
    """Returns the lists of photos to train and to validate on that a folder has, or `None`."""
    train, val = (path / _LISTS / "Main" / f"{name}.txt" for name in ("train", "val"))
    return (train, val if val.is_file() else None) if train.is_file() else None


def _listed_names(path: Path) -> set[str] | None:
    """Returns the names in a list of photos, without those that a class's list marks with -1.

    `None`: the path is no such list.
    """
    if path.suffix.lower() != ".txt" or _LISTS not in path.parent.parts or not path.is_file():
        return None
    try:
        lines = [line.split() for line in read_text(path).splitlines()]
    except AnnotationError as error:
        raise ValueError(f"{path}: {error}") from error
    return {cells[0] for cells in lines if cells and cells[1:2] != ["-1"]}


def _photos_of(file: Path, same: list[Path]) -> list[Path]:
    """Returns the photos that an XML file may belong to, of those of the same name."""
    places = [file.parent]
    for name in _ANNOTATIONS:
        if name in file.parts:
            place = len(file.parts) - 1 - file.parts[::-1].index(name)
            beside, below = Path(*file.parts[:place]), file.parent.parts[place + 1 :]
            places += [beside.joinpath(photos, *below) for photos in _PHOTOS]
    near = [photo for photo in same if photo.parent in places]
    return near or same


@dataclass
class _Object:
    """Holds what an XML file says of one object, and the line on which it begins."""

    line: int
    name: str = ""
    sides: dict[str, str] = field(default_factory=dict)


class _Reader(XmlReader):
    """Collects the objects of an XML file."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: list[_Object] = []
        self.size: dict[str, str] = {}
        self._text = ""

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """Notes where an object begins."""
        self._text = ""
        if self.path[1:] == ["object"]:
            self.objects.append(_Object(self.line))

    def end(self, name: str) -> None:
        """Notes what a tag holds."""
        text, path = self._text.strip(), self.path[1:]
        if path[:1] == ["size"] and len(path) == 2:
            self.size[name] = text
        elif path == ["object", "name"]:
            self.objects[-1].name = text
        elif path[:2] == ["object", "bndbox"] and len(path) == 3:
            self.objects[-1].sides[name] = text
        self._text = ""

    def add(self, text: str) -> None:
        """Collects the text of a tag."""
        self._text = (self._text + text)[:_LONGEST]


def _read(path: Path) -> Drawn:
    """Reads the boxes of one photo; its corners are counted from 1, and the last is inside."""
    reader = _Reader()
    try:
        reader.read(read_text(path).encode())
        boxes = [_box(one) for one in reader.objects]
        size = size_said(*(reader.size.get(name) for name in ("height", "width")))
    except (AnnotationError, XmlError) as error:
        return none_drawn(f"{path}: {error}")
    return Drawn(
        boxes=np.array(boxes) - (1, 1, 0, 0) if boxes else NOTHING,
        labels=[one.name for one in reader.objects],
        places=[f"{path.name}, line {one.line}" for one in reader.objects],
        size=size,
    )


def _box(one: _Object) -> list[float]:
    """Reads the corners of one object."""
    if not one.name:
        raise AnnotationError(f"line {one.line}: an object without a name")
    try:
        return [float(one.sides[name]) for name in _SIDES]
    except (KeyError, ValueError) as error:
        raise AnnotationError(
            f"line {one.line}: a bndbox has {', '.join(_SIDES)}, all numbers. Received: {one.sides}"
        ) from error
