"""Finds the boxes around the objects in each photo."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from transferlearn.checks import whole
from transferlearn.data.listed import ByAnnotation, ByColumn, ByFolder, ByRow, Listed
from transferlearn.data.messages import indented, notice
from transferlearn.data.targets.base import ByBatch, Target, Targets
from transferlearn.data.targets.boxes.arrays import drawn_rows
from transferlearn.data.targets.boxes.checking import Notes, check_format_fits, checked
from transferlearn.data.targets.boxes.coco import drawn_annotations, say_unnamed
from transferlearn.data.targets.boxes.drawn import DrawnPhotos, Found, none_found
from transferlearn.data.targets.boxes.formats import check_format
from transferlearn.data.targets.boxes.naming import check_named, names_of, numbering
from transferlearn.data.targets.boxes.photos import is_unclear, photos_of, upright_corners
from transferlearn.data.targets.boxes.streams import (
    BoxStream,
    stream_names,
    with_packed_boxes,
)
from transferlearn.data.targets.boxes.tables import drawn_columns
from transferlearn.data.targets.boxes.targets import BoxTargets
from transferlearn.data.targets.boxes.voc import voc_listed, voc_parts
from transferlearn.data.targets.boxes.yolo import yolo_listed, yolo_parts
from transferlearn.data.targets.labels import check_names
from transferlearn.types import TfData
from transferlearn.wording import counted


@dataclass(frozen=True)
class Boxes(Target):
    """Learns boxes around objects, each with a class, any number in a photo.

    Args:
        class_names: The names of the classes in the order of their numbers; by default those found
            in the data.
        bounding_box_format: The format of boxes in arrays, streams and tables, as Keras names it:
            `"xyxy"`, `"yxyx"`, `"xywh"`, `"center_xywh"`, `"center_yxhw"` in pixels, or with
            `"rel_"` before it in shares of the photo's sides.
        most: How many boxes of a photo are learnt; of more, the largest.

    Sources are a COCO file such as `annotations.json` or its folder; a YOLO folder, `images/` and
    `labels/`, or its `data.yaml`; a folder of Pascal VOC, an `.xml` for each photo; a table with
    the columns `path`, `xmin`, `ymin`, `xmax`, `ymax` and `label` and a row for each box, whose
    cells are empty where a photo shows nothing; arrays; and `tf.data`. Corners in Pascal VOC are
    counted from 1, in all else from 0.

    Arrays go in as `(x, {"boxes": boxes, "labels": labels})`, where boxes are `(n, boxes, 4)` and
    labels `(n, boxes)`, of which -1 is padding; or lists of arrays of any length.

    Example:
        target = tl.data.Boxes(class_names=["car", "dog"], bounding_box_format="xywh")
        data = tl.data.load((photos, {"boxes": boxes, "labels": labels}), target=target)
        print(data.targets.summary())
    """

    class_names: Sequence[str] | None = None
    bounding_box_format: str = "xyxy"
    most: int = 100

    items_folder: ClassVar[str | None] = "images"
    reads_annotations: ClassVar[bool] = True
    several_rows: ClassVar[bool] = True
    expected: ClassVar[str] = (
        "a COCO file or its folder, a YOLO folder with images/ and labels/ or its data.yaml, a "
        "folder of Pascal VOC with an .xml for each photo"
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", check_names(self.class_names))
        object.__setattr__(self, "bounding_box_format", check_format(self.bounding_box_format))
        whole("most", self.most, least=1)

    @property
    def columns(self) -> tuple[str, ...]:
        """Returns the usual names of the columns of boxes."""
        return ("xmin", "ymin", "xmax", "ymax", "label")

    def listed(self, path: Path, endings: Sequence[str], noun: str) -> Listed | None:
        """Lists the photos of a YOLO folder, a `data.yaml`, or a folder of Pascal VOC."""
        return voc_listed(path, endings, noun) or yolo_listed(path, endings, noun)

    def parts(self, source: Path) -> tuple[Path, Path | None] | None:
        """Finds what a `data.yaml`, or the lists of a folder of VOC, train and validate on."""
        return yolo_parts(source) or voc_parts(source)

    def like(self, targets: Targets) -> Self:
        """Returns a target with the classes of other boxes, in their order."""
        assert isinstance(targets, BoxTargets)
        return replace(self, class_names=targets.class_names)

    def as_rows(self, given: object) -> DrawnPhotos:
        """Reads the boxes of each photo that were passed beside the photos."""
        return DrawnPhotos(photos=drawn_rows(given))

    def of_folders(self, origin: ByFolder, listed: Listed) -> Targets:
        """Refuses photos without a file of boxes."""
        raise ValueError(f"{listed.what} holds no boxes: expected {self.expected}.")

    def of_columns(self, origin: ByColumn, listed: Listed) -> BoxTargets:
        """Reads the columns of boxes, of which a photo may have several rows."""
        return self._targets(drawn_columns(origin, listed, self.bounding_box_format), listed)

    def of_annotations(self, origin: ByAnnotation, listed: Listed) -> BoxTargets:
        """Reads the boxes of a COCO file."""
        say_unnamed(listed)
        return self._targets(drawn_annotations(origin), listed)

    def of_rows(self, origin: ByRow) -> Targets:
        """Refuses boxes without photos, since they are checked with these."""
        raise ValueError("Boxes are found with their photos: pass (x, y) to tl.data.load.")

    @property
    def ranks(self) -> tuple[int, ...]:
        """Returns how many axes the boxes of a photo have in a stream."""
        return (2,)

    def packed(self, source: TfData) -> TfData:
        """Puts the boxes and labels of each element into one tensor."""
        return with_packed_boxes(source, self.most, self.class_names)

    def of_stream(self, origin: ByBatch) -> BoxTargets:
        """Reads the whole stream once, and checks its boxes."""
        if origin.first.ndim != 3 or origin.rows is not None:
            raise ValueError(f"{origin.what} gives no boxes: pass a tf.data.Dataset, or (x, y).")
        batches = list(origin.read())
        names, notes = tuple(self.class_names or stream_names(batches)), Notes()
        stream = BoxStream(self.bounding_box_format, names)
        found = stream.found(batches, origin.what, notes)
        notes.say(origin.what)
        most = max((len(one.boxes) for one in found), default=0)
        if most > self.most:
            raise ValueError(
                f"{origin.what} has a photo with {most} boxes: pass most={most} to learn all."
            )
        return BoxTargets(
            class_names=names,
            found=found,
            rows=np.arange(len(found)),
            most=most + 1,
            reasons={},
            stream=stream,
        )

    def gather(self, listed: Listed) -> Targets:
        """Finds the boxes of all photos, and checks them."""
        origin = listed.origin
        if isinstance(origin, ByRow):
            return self._targets(origin.rows, listed)
        return super().gather(listed)

    def _targets(self, given: DrawnPhotos, listed: Listed) -> BoxTargets:
        """Checks all boxes, and makes targets that say which photos cannot be used."""
        drawn, name = given.photos, given.format or self.bounding_box_format
        check_format_fits(drawn, name, chosen=not given.fixed)
        known = self.class_names or given.names
        names = tuple(known or names_of([label for one in drawn for label in one.labels]))
        if self.class_names:
            check_named(names, [label for one in drawn for label in one.labels])
        number_of = numbering(names)
        notes = Notes()
        found: list[Found] = []
        reasons: dict[int, str] = {}
        for i, (one, photo) in enumerate(zip(drawn, photos_of(listed.items), strict=True)):
            boxes, reason = none_found(), one.reason
            if photo is not None and not reason:
                corners, reason = upright_corners(one, photo, name)
                if not reason:
                    called = listed.called(i)
                    boxes, reason = checked(one, corners, photo, number_of, called, notes)
                    if len(boxes.boxes) and is_unclear(one, photo):
                        notes.turned.append(called)
            found.append(boxes)
            if reason:
                reasons[i] = reason
        notes.say(listed.what)
        found = self._at_most(found, listed)
        return BoxTargets(
            class_names=names,
            found=found,
            rows=np.arange(len(found)),
            most=max((len(one.boxes) for one in found), default=0) + 1,
            reasons=reasons,
        )

    def _at_most(self, found: list[Found], listed: Listed) -> list[Found]:
        """Leaves out the smallest boxes of photos that have more than `most`, and says so."""
        full = [i for i, one in enumerate(found) if len(one.boxes) > self.most]
        if not full:
            return found
        kept = list(found)
        for i in full:
            largest = np.argsort(-found[i].areas, kind="stable")[: self.most]
            kept[i] = found[i].take(np.sort(largest))
        named = [f"{listed.called(i)}: {len(found[i].boxes)}" for i in full]
        notice(
            f"{listed.what}: {counted(len(full), 'photo')} with more than {self.most} boxes, of "
            f"which the largest {self.most} are learnt; most={max(len(x.boxes) for x in found)} "
            f"learns all:{indented(named)}"
        )
        return kept
