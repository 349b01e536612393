"""Makes a short hash of how an image looks, by which near duplicates are found."""

import numpy as np
from PIL import Image

_WIDTH, _HEIGHT = 9, 8  # pixels that are compared: each with its right neighbour, 64 comparisons


def likeness(image: Image.Image) -> int | None:
    """Gives the difference hash of a picture: 64 bits, which resizing and recompressing keep.

    Args:
        image: A picture of mode `"RGB"`.

    Returns:
        A whole number in [0, 2**64), of which few bits differ between pictures that look alike;
        `None` for a picture of fewer pixels than are compared.

    Reference: [dHash](https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html).
    """
    if image.width < _WIDTH or image.height < _HEIGHT:
        return None
    # Colours are averaged before they become grey, which is several times faster.
    small = image.resize((_WIDTH, _HEIGHT), Image.Resampling.BOX, reducing_gap=1.0).convert("L")
    grey = np.frombuffer(small.tobytes(), np.uint8).reshape(_HEIGHT, _WIDTH)
    return int.from_bytes(np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes(), "big")


def likeness_of_array(pixels: np.ndarray) -> int | None:
    """Gives the `likeness` of an array `(height, width, 3)`, uint8 or floats in [0, 255]."""
    rounded = pixels if pixels.dtype == np.uint8 else np.clip(np.rint(pixels), 0, 255)
    return likeness(Image.fromarray(rounded.astype(np.uint8, copy=False)))
