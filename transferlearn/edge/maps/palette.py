"""Chooses the colours of classes, in files, pictures and pages alike."""

import colorsys

import numpy as np

# Those of Okabe and Ito (jfly.uni-koeln.de/color), told apart by those who see no red or no green.
# The first class is mostly the background, and is dark.
_FIRST = (
    "#303030",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
_GOLDEN = 0.618034  # of the colour wheel: neighbours in the list of classes differ clearly
VOID, VOID_STRIPES = "#B0B0B0", "#7A7A7A"  # pixels of no class are striped


def colours(count: int) -> np.ndarray:
    """Returns the colours of so many classes, uint8 `(count, 3)`, red, green and blue.

    Of the first eight, no two look alike to anybody; further ones also differ in lightness.
    """
    return np.array([_colour(i) for i in range(count)], np.uint8).reshape(count, 3)


def as_hex(colour: np.ndarray) -> str:
    """Writes a colour as pages take it, such as `"#E69F00"`."""
    return "#" + "".join(f"{part:02X}" for part in colour)


def of_hex(written: str) -> tuple[int, int, int]:
    """Reads a colour that is written as `"#E69F00"`."""
    red, green, blue = (int(written[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _colour(i: int) -> tuple[int, int, int]:
    """Returns the colour of a class."""
    if i < len(_FIRST):
        return of_hex(_FIRST[i])
    lightness = (0.55, 0.95, 0.75)[i % 3]
    red, green, blue = colorsys.hsv_to_rgb(i * _GOLDEN % 1, 0.6, lightness)
    return round(255 * red), round(255 * green), round(255 * blue)
