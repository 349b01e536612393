"""Matches detections with objects as COCO's evaluation does, class by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from transferlearn.edge.boxes.suppression import areas_of, intersections

IOUS = np.linspace(0.5, 0.95, 10)  # from which a detection has found an object
RECALLS = np.linspace(0, 1, 101)  # at which precision is read
# Areas in pixels of the photo: all, small, medium and large.
AREAS = np.array([[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]])


@dataclass(frozen=True, eq=False)
class Matches:
    """Holds what became of the detections of one class in some photos.

    Attributes:
        scores: The score of each detection, float `(detections,)`.
        photos: The number of the photo that it is in, int `(detections,)`.
        right: Whether it found an object, by range of areas and IoU, bool
            `(areas, ious, detections)`.
        ignored: Whether it does not count, as one in a crowd does not, of the same shape.
        objects: How many objects there are to be found, by photo and range of areas, int
            `(photos, areas)`.
    """

    scores: np.ndarray
    photos: np.ndarray
    right: np.ndarray
    ignored: np.ndarray
    objects: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Puts the matches of several lots of photos into one."""
        begins = np.cumsum([0, *(len(one.objects) for one in parts[:-1])])
        photos = [one.photos + begin for one, begin in zip(parts, begins, strict=True)]
        return cls(
            np.concatenate([one.scores for one in parts]),
            np.concatenate(photos),
            np.concatenate([one.right for one in parts], axis=-1),
            np.concatenate([one.ignored for one in parts], axis=-1),
            np.concatenate([one.objects for one in parts]),
        )


def matches(values: np.ndarray, targets: np.ndarray, classes: int) -> list[Matches]:
    """Matches the detections of each class with the objects of that class.

    Args:
        values: Detections, `(photos, most, 6)`: box, score, class; a score of 0 is none.
        targets: Objects, `(photos, rows, 7)`, as `tl.data.BoxTargets` holds them, with a last row
            whose area is that of the frame.
        classes: How many classes there are.
    """
    found: list[list[Matches]] = [[] for _ in range(classes)]
    for said, rows in zip(values.astype(float), targets.astype(float), strict=True):
        pixels = rows[-1, 5]  # of the photo, in a frame whose sides are 1
        said, rows = said[said[:, 4] > 0], rows[rows[:, 4] >= 0]
        for i in range(classes):
            of_class = said[said[:, 5] == i]
            order = np.argsort(-of_class[:, 4], kind="stable")
            found[i].append(_in_photo(of_class[order], rows[rows[:, 4] == i], pixels))
    return [Matches.joined(parts) for parts in found]


def _in_photo(said: np.ndarray, rows: np.ndarray, pixels: float) -> Matches:
    """Matches the detections of one class in one photo, the surest first.

    Each takes the object that it overlaps with most among those that are left. One that does not
    count, as being a crowd or of another size, is taken only where no other is.
    """
    crowd = rows[:, 6] > 0.5
    both = intersections(said, rows)
    own = areas_of(said)
    either = np.where(crowd, own[:, None], own[:, None] + areas_of(rows) - both)
    overlap = both / np.maximum(either, 1e-12)
    outside = (rows[:, 5] < AREAS[:, :1]) | (rows[:, 5] > AREAS[:, 1:])
    skipped = crowd | outside  # (areas, objects)
    right = np.zeros((len(AREAS), len(IOUS), len(said)), bool)
    ignored = np.zeros_like(right)
    taken = np.zeros((len(AREAS), len(IOUS), len(rows)), bool)
    hits = np.flatnonzero(overlap.max(axis=1, initial=0) >= IOUS[0] - 1e-9)
    for i in hits:
        _take(overlap[i], taken, skipped, crowd, right[..., i], ignored[..., i])
    size = own * pixels
    away = (size < AREAS[:, :1]) | (size > AREAS[:, 1:])  # (areas, detections)
    ignored |= ~right & ~ignored & away[:, None]
    return Matches(
        said[:, 4], np.zeros(len(said), int), right, ignored, (~skipped).sum(axis=1)[None]
    )


def _take(
    overlap: np.ndarray,
    taken: np.ndarray,
    skipped: np.ndarray,
    crowd: np.ndarray,
    right: np.ndarray,
    ignored: np.ndarray,
) -> None:
    """Matches one detection at each range of areas and IoU, and notes its object as taken."""
    enough = overlap >= np.minimum(IOUS, 1 - 1e-10)[:, None]  # (ious, objects)
    free = enough & ~(taken & ~crowd)
    counts = np.where(free & ~skipped[:, None], overlap, -1.0)
    others = np.where(free & skipped[:, None], overlap, -1.0)
    best, other = counts.max(axis=-1), others.max(axis=-1)
    found, lost = best >= 0, (best < 0) & (other >= 0)
    right[:], ignored[:] = found, lost
    # Of equal overlaps COCO takes the last one.
    last = overlap.size - 1
    place = np.where(
        found, last - counts[..., ::-1].argmax(axis=-1), last - others[..., ::-1].argmax(axis=-1)
    )
    areas, levels = np.nonzero(found | lost)
    taken[areas, levels, place[areas, levels]] = True
