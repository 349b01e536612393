"""Checks the boxes of photos, and says of each bad one where it stands and what is wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from transferlearn.data.messages import indented, notice
from transferlearn.data.targets.boxes.drawn import Drawn, Found, Photo, none_found
from transferlearn.data.targets.boxes.formats import FORMATS, is_relative
from transferlearn.edge.boxes.suppression import ious
from transferlearn.wording import counted

_ROUNDING = 1.0  # pixels by which a box may reach beyond the photo and is cut in silence
_OFTEN = 0.2  # the share of boxes with swapped corners from which on these are no corners
_ALIKE = 0.9  # the IoU from which two boxes of a class are taken for one object, drawn twice
_COMPARED = 1000  # boxes of a photo, up to which each is compared with each
_NAMED = 3  # bad boxes that the reason of one photo names


@dataclass
class Notes:
    """Collects what is done about boxes, to say it once at the end.

    Attributes:
        cut: Boxes that reach beyond their photo.
        empty: Boxes of no area.
        twice: Boxes that come twice.
        alike: Boxes that are nearly as another of their class in the photo.
        turned: Photos of which it is unclear whether their boxes are turned as they are.
    """

    cut: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)
    turned: list[str] = field(default_factory=list)

    def say(self, what: str) -> None:
        """Warns of what was done, if there was anything."""
        for found, done in (
            (self.cut, "beyond the photo, cut at its edge"),
            (self.empty, "of no area, left out"),
            (self.twice, "given a second time, left out"),
            (self.alike, f"nearly as another of its class (IoU above {_ALIKE:g}), all learnt"),
        ):
            if found:
                notice(f"{what}: {counted(len(found), 'box')} {done}:{indented(found)}")
        if self.turned:
            notice(
                f"{what}: EXIF turns {counted(len(self.turned), 'photo')}, and no annotation tells "
                "whether the boxes were drawn on the photo as it is seen, which is taken for true. "
                f"Annotations that say the photo's width and height tell it:{indented(self.turned)}"
            )


def check_format_fits(drawn: Sequence[Drawn], name: str, *, chosen: bool) -> None:
    """Refuses boxes that are clearly of another format than `name` says.

    Args:
        drawn: The boxes of all photos.
        name: The name of their format.
        chosen: Whether the user can choose another format; else the source decides it.

    Raises:
        ValueError: Boxes in pixels are all within [0, 1], shares of sides are mostly beyond, or
            what should be second corners are often before the first, as widths and heights are.
    """
    rows = [one.boxes for one in drawn if len(one.boxes)]
    if not rows:
        return
    values = np.concatenate(rows)
    values = values[np.isfinite(values).all(axis=1)]
    before = (values[:, 2:] < values[:, :2]).any(axis=1)
    other = ""
    if is_relative(name) and (np.abs(values) > 1.5).any(axis=1).sum() > len(values) / 2:
        said = f"are within [0, 1], and most of these are not: they reach {values.max():g}"
        other = name.removeprefix("rel_")
    elif not is_relative(name) and len(values) and np.abs(values).max() <= 1:
        said, other = "are in pixels, and all of these are within [0, 1]", f"rel_{name}"
    elif name.endswith("xyxy") and before.sum() >= max(3, _OFTEN * len(values)):
        said = f"are two corners, and the second is before the first in {before.sum()} of these"
        other = name.replace("xyxy", "xywh")
    if other:
        advice = f" Perhaps they fit bounding_box_format={other!r}." if chosen else ""
        raise ValueError(
            f"Boxes of the format {name!r} {said}.{advice if other in FORMATS else ''}"
        )


def checked(
    drawn: Drawn,
    corners: np.ndarray,
    photo: Photo,
    number_of: Callable[[object], int | None],
    called: str,
    notes: Notes,
) -> tuple[Found, str]:
    """Checks the boxes of one photo.

    Args:
        drawn: The boxes as the source gives them.
        corners: Their corners on the photo as it is seen, float64 `(n, 4)`.
        photo: What is known of the photo.
        number_of: Returns the number of a class, or `None` for an unknown one.
        called: The name of the photo for messages.
        notes: Collects what is done about boxes.

    Returns:
        The good boxes, and why the photo cannot be used; empty if it can be.
    """
    classes = [number_of(label) for label in drawn.labels]
    wrong = _wrong(corners, photo.size)
    bad = [
        f"{place}: {reason or f'unknown class {label!r:.80}'}"
        for place, reason, label, number in zip(
            drawn.places, wrong, drawn.labels, classes, strict=True
        )
        if reason or number is None
    ]
    if bad:
        more = f", and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        return none_found(photo.size), "; ".join(bad[:_NAMED]) + more
    limits = (photo.size[1], photo.size[0]) * 2
    inside = np.clip(corners, 0, limits)
    over = np.abs(inside - corners).max(axis=1, initial=0) > _ROUNDING
    sides = inside[:, 2:] - inside[:, :2]
    empty = (sides <= 0).any(axis=1)
    numbers = np.array(classes, np.int32)
    twice = _seen_before(np.column_stack([inside, numbers])) & ~empty
    for found, places in ((notes.cut, over & ~empty), (notes.empty, empty), (notes.twice, twice)):
        found += [f"{called}, {drawn.places[int(i)]}" for i in np.flatnonzero(places)]
    crowd = np.array(drawn.crowd or [False] * len(numbers), bool)
    kept = ~(empty | twice)
    notes.alike += [
        f"{called}, {drawn.places[i]} = {drawn.places[j]}"
        for i, j in _alike(inside, numbers, kept & ~crowd)
    ]
    good = Found(inside, numbers, _areas(drawn.areas, sides), crowd, photo.size)
    return good.take(kept), ""


def _wrong(corners: np.ndarray, size: tuple[int, int]) -> list[str]:
    """Describes what is wrong with each box; empty where nothing is."""
    reasons = []
    for x0, y0, x1, y1 in corners.tolist():
        reason = ""
        if not np.isfinite([x0, y0, x1, y1]).all():
            reason = "a box of numbers that are not finite"
        elif x1 < x0 or y1 < y0:
            reason = f"a box whose corners are swapped, from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g})"
        elif x0 > size[1] or y0 > size[0] or x1 < 0 or y1 < 0:
            reason = (
                f"a box from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) outside the photo, which is "
                f"{size[1]} x {size[0]} pixels wide and high"
            )
        reasons.append(reason)
    return reasons


def _seen_before(rows: np.ndarray) -> np.ndarray:
    """Returns whether each row is equal to one before it, bool `(n,)`."""
    before = np.ones(len(rows), bool)
    before[np.unique(rows, axis=0, return_index=True)[1]] = False
    return before


def _alike(boxes: np.ndarray, numbers: np.ndarray, kept: np.ndarray) -> list[tuple[int, int]]:
    """Returns the pairs of kept boxes that are probably of one object."""
    places = np.flatnonzero(kept)
    if len(places) > _COMPARED:
        return []
    some, of = boxes[places], numbers[places]
    same = (ious(some, some) > _ALIKE) & (of[:, None] == of)
    return [(int(places[i]), int(places[j])) for i, j in np.argwhere(np.triu(same, 1))]


def _areas(given: Sequence[float | None] | None, sides: np.ndarray) -> np.ndarray:
    """Returns the area of each object: what the source gives, else that of its box."""
    areas = sides.prod(axis=1)
    for i, area in enumerate(given or ()):
        if isinstance(area, (int, float)) and 0 < area < np.inf:
            areas[i] = area
    return areas
