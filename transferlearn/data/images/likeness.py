"""Makes a short hash of how an image looks, by which near duplicates are found."""

import numpy as np
from PIL import Image

_WIDTH, _HEIGHT = 9, 8  # cells that are compared: each with its right neighbour, 64 comparisons
_FINER = 4  # pixels along each side of a cell, since one pixel of 8 bits is too coarse
_GAP = 3.0  # large pictures are first reduced to so many times the pixels, which is faster


def likeness(image: Image.Image) -> int | None:
    """Returns the difference hash of a picture: 64 bits, which resizing and recompressing keep.

    Args:
        image: A picture of mode `"RGB"`.

    Returns:
        A whole number in [0, 2**64), of which few bits differ between pictures that look alike;
        `None` for a picture of fewer pixels than cells are compared.

    Reference: [dHash](https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html).
    """
    if image.width < _WIDTH or image.height < _HEIGHT:
        return None
    size = _WIDTH * _FINER, _HEIGHT * _FINER
    small = image.convert("L").resize(size, Image.Resampling.BILINEAR, reducing_gap=_GAP)
    pixels = np.frombuffer(small.tobytes(), np.uint8)
    cells = pixels.reshape(_HEIGHT, _FINER, _WIDTH, _FINER).sum(axis=(1, 3), dtype=int)
    return int.from_bytes(np.packbits(cells[:, 1:] > cells[:, :-1]).tobytes(), "big")


def likeness_of_array(pixels: np.ndarray) -> int | None:
    """Returns the `likeness` of an array `(height, width, 3)`, uint8 or floats in [0, 255]."""
    rounded = pixels if pixels.dtype == np.uint8 else np.clip(np.rint(pixels), 0, 255)
    return likeness(Image.fromarray(rounded.astype(np.uint8, copy=False)))
