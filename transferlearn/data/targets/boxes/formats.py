"""Converts boxes between the formats that Keras names."""

import numpy as np

# For each format, whether it gives two corners, a corner and sides, or a middle and sides; and
# whether y comes before x.
_LAYOUTS = {
    "xyxy": ("corners", False),
    "yxyx": ("corners", True),
    "xywh": ("sides", False),
    "center_xywh": ("middle", False),
    "center_yxhw": ("middle", True),
}
_RELATIVE = "rel_"
FORMATS = (*_LAYOUTS, *(f"{_RELATIVE}{name}" for name in _LAYOUTS if name != "center_yxhw"))


def check_format(name: str) -> str:
    """Returns the name of a format in small letters, and refuses a name that Keras does not have.

    Raises:
        ValueError: There is no such format.
    """
    found = str(name).lower()
    if found not in FORMATS:
        raise ValueError(
            f"bounding_box_format must be one of {', '.join(map(repr, FORMATS))}. "
            f"Received: bounding_box_format={name!r:.80}"
        )
    return found


def is_relative(name: str) -> bool:
    """Returns whether a format counts in shares of the photo's sides; else it counts in pixels."""
    return name.startswith(_RELATIVE)


def to_corners(boxes: np.ndarray, name: str, size: tuple[int, int]) -> np.ndarray:
    """Converts boxes of a format into rows of x0, y0, x1, y1 in pixels.

    Args:
        boxes: The boxes, float64 `(n, 4)`.
        name: The name of their format.
        size: The `(height, width)` of the photo in pixels.

    Returns:
        An array, float64 `(n, 4)`.
    """
    layout, y_first = _LAYOUTS[name.removeprefix(_RELATIVE)]
    found = boxes[:, [1, 0, 3, 2]] if y_first else boxes
    first, second = found[:, :2], found[:, 2:]
    if layout == "sides":
        second = first + second
    elif layout == "middle":
        first, second = first - second / 2, first + second / 2
    corners = np.concatenate([first, second], axis=1)
    return corners * ((size[1], size[0]) * 2) if is_relative(name) else corners
