"""Reads boxes in tables, one a row."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from transferlearn.data.listed import ByColumn, Listed
from transferlearn.data.targets.boxes.drawn import NOTHING, Drawn, DrawnPhotos, none_drawn
from transferlearn.data.targets.boxes.files import AnnotationError, size_said
from transferlearn.data.targets.columns import LABEL_COLUMNS
from transferlearn.data.targets.labels import is_missing

_CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"),
    ("x_min", "y_min", "x_max", "y_max"),
    ("x0", "y0", "x1", "y1"),
    ("x1", "y1", "x2", "y2"),
    ("left", "top", "right", "bottom"),
)
_SIDES = (("x", "y", "width", "height"), ("x", "y", "w", "h"))


def drawn_columns(origin: ByColumn, listed: Listed, name: str) -> DrawnPhotos:
    """Reads the boxes of each photo.

    Args:
        origin: The columns, whose cells are lists with an entry for each row of a photo.
        listed: The photos.
        name: The format that the user named, which says whether cells are shares of sides.

    Raises:
        ValueError: There are no columns of boxes or of labels.
    """
    by_name = {column.lower(): column for column in origin.columns}
    corners, sides = (
        next((names for names in choices if set(names) <= set(by_name)), None)
        for choices in (_CORNERS, _SIDES)
    )
    label = next((by_name[column] for column in LABEL_COLUMNS if column in by_name), None)
    chosen = corners or sides
    if chosen is None or label is None:
        raise ValueError(
            f"{listed.what} has no columns of boxes: expected xmin, ymin, xmax, ymax and label. "
            f"Received, besides the {listed.noun}s: columns {list(origin.columns)}"
        )
    if corners is not None and not name.endswith("xyxy"):
        raise ValueError(
            f"{listed.what} has the columns {', '.join(corners)}, which are two corners. Received: "
            f"bounding_box_format={name!r}. Leave it out, or call the columns x, y, width, height."
        )
    relative = "rel_" if name.startswith("rel_") else ""
    form = f"{relative}xyxy"
    if corners is None:
        form = name
        if not name.endswith("xywh"):
            raise ValueError(
                f"{listed.what} has the columns {', '.join(chosen)}: say whether x and y are the "
                "corner, bounding_box_format='xywh', or the middle of a box, 'center_xywh'."
            )
    cells = [origin.columns[by_name[column]] for column in chosen]
    size = None
    if corners is not None and {"width", "height"} <= set(by_name):
        size = [origin.columns[by_name["height"]], origin.columns[by_name["width"]]]
    photos = []
    for i, places in enumerate(origin.places or ()):
        of_size = None if size is None else [column[i][0] for column in size]
        columns = [column[i] for column in cells]
        photos.append(_photo(chosen, columns, origin.columns[label][i], places, of_size))
    return DrawnPhotos(photos=photos, format=form)


def _photo(
    names: Sequence[str],
    columns: Sequence[Sequence[object]],
    labels: Sequence[object],
    places: Sequence[str],
    size: Sequence[object] | None,
) -> Drawn:
    """Reads the boxes of one photo; a row whose cells are empty means that it shows nothing."""
    boxes, found, kept = [], [], []
    for cells, label, place in zip(zip(*columns, strict=True), labels, places, strict=True):
        if all(map(is_missing, (*cells, label))):
            continue
        values = [_number(cell) for cell in cells]
        for name, cell, value in zip(names, cells, values, strict=True):
            if value is None:
                return none_drawn(f"{place}: {name} must be a number. Received: {cell!r:.80}")
        if is_missing(label):
            return none_drawn(f"{place}: a box without a label")
        boxes.append(values)
        found.append(_label(label))
        kept.append(place)
    try:
        said = size_said(*size) if size is not None else None
    except AnnotationError as error:
        return none_drawn(f"{places[0]}: {error}")
    return Drawn(
        boxes=np.array(boxes, float) if boxes else NOTHING,
        labels=found,
        places=kept,
        size=said,
    )


def _label(cell: object) -> object:
    """Returns a label as a text; pandas reads whole numbers as floats where a cell is empty."""
    if isinstance(cell, (float, np.floating)) and math.isfinite(cell) and cell == int(cell):
        cell = int(cell)
    return str(cell)


def _number(cell: Any) -> float | None:
    """Returns a cell as a finite number, else `None`."""
    try:
        value = float(cell)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None
