"""Holds boxes as targets: their classes, and the boxes of each photo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from transferlearn.data.messages import indented, notice
from transferlearn.data.targets.base import Encoded, Encoder, Targets
from transferlearn.data.targets.boxes.checking import Notes
from transferlearn.data.targets.boxes.columns import AREA, CLASS, COUNT, CROWD
from transferlearn.data.targets.boxes.drawn import Found
from transferlearn.data.targets.boxes.moving import AsBoxes
from transferlearn.data.targets.boxes.streams import BoxStream
from transferlearn.edge.letterbox import Letterbox
from transferlearn.wording import counted

_BOXES = AsBoxes()


@dataclass(frozen=True)
class BoxRows(Encoder):
    """Returns padded boxes as they are, float32 `(batch, most, 7)`; see `BoxTargets`.

    Boxes are moved with the photos in views.
    """

    def __call__(self, rows: np.ndarray) -> Encoded:
        """Encodes rows of boxes `(batch, most, 7)`."""
        return Encoded(rows.astype(np.float32), moves=_BOXES)


@dataclass(frozen=True, kw_only=True, eq=False)
class BoxTargets(Targets):
    """Holds the boxes of photos.

    Raw targets are float32 `(n, most, 7)`. A row is x0, y0, x1, y1 in the frame that the network
    sees, whose sides are 1 long; the number of the class; the object's area in the photo's own
    pixels; and 1 for a box around a crowd, else 0. Each photo has padding rows behind its boxes, at
    least one: their class is -1, their box is the photo's place in the frame, and their area is
    that of the whole frame in the photo's pixels.

    Attributes:
        class_names: The name of each class.
        found: The boxes of photos, of which these targets are some.
        rows: The number in `found` of each photo, int64 `(n,)`.
        most: How many rows each photo has.
        reasons: Says, by item number, why a photo cannot be used.
        size: The `(height, width)` of the frame in pixels; `None`: each photo is its own frame.
        letterboxed: Whether photos keep their shape in the frame; else they fill it.
        stream: Says how the boxes in a stream's batches are read; `None`: there is no stream.
    """

    class_names: tuple[str, ...]
    found: Sequence[Found]
    rows: np.ndarray
    most: int
    reasons: Mapping[int, str]
    size: tuple[int, int] | None = None
    letterboxed: bool = False
    stream: BoxStream | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.summary()})"

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Returns the boxes of the photos `rows`, float32 `(n, most, 7)`."""
        return self._padded([self.found[row] for row in self.rows[rows]])

    def _padded(self, some: Sequence[Found]) -> np.ndarray:
        """Puts the boxes of some photos into the frame, and adds padding rows."""
        padded = np.zeros((len(some), self.most, COUNT), np.float32)
        padded[:, :, CLASS] = -1
        for boxes, one in zip(padded, some, strict=True):
            placed, count = self._placed(one), len(one.boxes)
            whole = placed.to_frame(np.array([[0, 0, one.size[1], one.size[0]]]))
            boxes[:count, :4] = np.clip(placed.to_frame(one.boxes), 0, 1)
            boxes[count:, :4] = whole
            boxes[:count, CLASS] = one.classes
            boxes[:count, AREA] = one.areas
            boxes[count:, AREA] = placed.frame_area
            boxes[:count, CROWD] = one.crowd
        return padded

    @property
    def count(self) -> int:
        """Returns the number of photos."""
        return len(self.rows)

    @property
    def absent(self) -> Mapping[int, str]:
        """Returns, by item number, why a photo cannot be used."""
        return self.reasons

    def take(self, rows: np.ndarray) -> Self:
        """Returns the boxes of the photos `rows`, in that order."""
        return replace(self, rows=self.rows[rows], reasons={})

    def of_shape(self, shape: tuple[int, ...], *, letterboxed: bool | None = None) -> Self:
        """Returns the same boxes for a frame `(height, width, channels)`."""
        how = self.letterboxed if letterboxed is None else letterboxed
        return replace(self, size=(shape[0], shape[1]), letterboxed=how)

    def parse(self, given: np.ndarray) -> np.ndarray:
        """Reads the boxes of a stream's batch, `(batch, boxes, 7)`."""
        assert self.stream is not None
        found = self.stream.found([given], "A batch", Notes())
        if (most := max(len(one.boxes) for one in found)) >= self.most:
            raise ValueError(
                f"A batch has a photo with {most} boxes, and when the stream was read first no "
                f"photo had more than {self.most - 1}."
            )
        return self._padded(found)

    def sides(self) -> np.ndarray:
        """Returns the height and width of each box in pixels of the frame, float32 `(n, 2)`."""
        parts = []
        for one in self.of_photos():
            placed = self._placed(one)
            height, width = placed.frame
            x0, y0, x1, y1 = placed.to_frame(one.boxes).T
            parts.append(np.stack([(y1 - y0) * height, (x1 - x0) * width], axis=1))
        return np.concatenate([np.empty((0, 2)), *parts]).astype(np.float32)

    @property
    def boxes_of_classes(self) -> np.ndarray:
        """Returns how many boxes each class has, int64 `(classes,)`."""
        return self._counts.sum(axis=0)

    def summary(self) -> str:
        """Names the classes, with the number of boxes of each."""
        pairs = zip(self.class_names, self.boxes_of_classes, strict=True)
        named = ", ".join(f"{name} {count:,}" for name, count in pairs)
        boxes, empty = (
            int(self.boxes_of_classes.sum()),
            sum(not len(x.boxes) for x in self.of_photos()),
        )
        without = f", {counted(empty, 'photo')} without one" if empty else ""
        return (
            f"{counted(boxes, 'box')} of {counted(len(self.class_names), 'class')} ({named}) in "
            f"{counted(len(self.rows), 'photo')}{without}"
        )

    def table(self) -> list[list[str]]:
        """Returns for each class the number of its boxes, and of the photos that show it."""
        shown = (self._counts > 0).sum(axis=0)
        rows = zip(self.class_names, self.boxes_of_classes, shown, strict=True)
        return [["class", "boxes", "images"], *([name, f"{n:,}", f"{k:,}"] for name, n, k in rows)]

    def strata(self) -> np.ndarray:
        """Returns for each photo the one of its classes that the fewest photos show.

        Photos without a box have a number of their own.
        """
        shown = self._counts > 0
        counts = np.where(shown, shown.sum(axis=0), np.inf)
        without = np.full((len(shown), 1), len(shown) + 0.5)  # is the least where no class is shown
        return np.concatenate([counts, without], axis=1).argmin(axis=1)

    def compare_copies(self, names: Sequence[str], hashes: Sequence[str]) -> None:
        """Names photos with the same content whose boxes differ: one of them lacks objects."""
        first: dict[str, int] = {}
        differing = []
        photos = self.of_photos()
        for i, (content, one) in enumerate(zip(hashes, photos, strict=True)):
            before = first.setdefault(content, i)
            if _as_set(one) != _as_set(photos[before]):
                differing.append(f"{names[before]} = {names[i]}")
        if differing:
            notice(
                f"{counted(len(differing), 'photo')} with the same content as another, but with "
                f"other boxes:{indented(differing)}"
            )

    def identity(self) -> tuple[object, ...]:
        """Returns the classes, and all that is known of the boxes."""
        some = self.of_photos()
        counts = np.array([len(one.boxes) for one in some], np.int64)
        parts = [np.concatenate([np.empty((0, 4)), *(one.boxes for one in some)])]
        for name in ("classes", "areas", "crowd"):
            parts.append(np.concatenate([np.empty(0), *(getattr(one, name) for one in some)]))
        return self.class_names, self.letterboxed, counts, *parts

    def check(self, noun: str, left_out: str) -> None:
        """Refuses photos without a single box, and names classes that no box has."""
        counts = self.boxes_of_classes
        if not counts.any():
            raise ValueError(
                f"There is nothing to learn: none of {counted(len(self.rows), noun)} has a box."
                f"{left_out}"
            )
        if none := [name for name, n in zip(self.class_names, counts, strict=True) if not n]:
            notice(f"{counted(len(none), 'class')} without a box: {', '.join(none[:20])}.")

    def check_pair(self, other: Self, noun: str, left_out: str, *, split: bool) -> None:
        """Refuses boxes to validate on that have other classes."""
        if other.class_names != self.class_names:
            raise ValueError(
                f"Boxes to train on have the classes {list(self.class_names[:20])}, and those to "
                f"validate on {list(other.class_names[:20])}. Name all of them: "
                f"class_names={list(self.class_names[:20])}.{left_out}"
            )

    def of_photos(self) -> list[Found]:
        """Returns the boxes of each of these photos, in its own pixels."""
        return [self.found[row] for row in self.rows]

    def _placed(self, one: Found) -> Letterbox:
        """Returns where a photo lies in the frame."""
        return Letterbox(one.size, self.size or one.size, not self.letterboxed)

    @cached_property
    def _counts(self) -> np.ndarray:
        """Returns how many boxes of each class each photo has, int64 `(n, classes)`."""
        width = len(self.class_names)
        rows = [np.bincount(one.classes, minlength=width) for one in self.of_photos()]
        return np.array(rows, np.int64).reshape(len(rows), width)


def _as_set(one: Found) -> set[tuple[float, ...]]:
    """Returns the boxes of a photo with their classes, in no order."""
    rows = np.column_stack([one.boxes, one.classes]).round(3)
    return {tuple(row) for row in rows.tolist()}
