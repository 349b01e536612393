"""Decodes image files into RGB by documented rules, and resizes them."""

import contextlib

import numpy as np
from PIL import Image, ImageOps

from transferlearn.data.opening import ENDINGS as ENDINGS
from transferlearn.data.opening import FORMATS as FORMATS
from transferlearn.data.opening import ImageFileError as ImageFileError
from transferlearn.data.opening import open_picture

_AT_ONCE = 2**22  # pixels that are composed on white at a time


def decode(path: str, *, any_name: bool = False, least: int | None = None) -> Image.Image:
    """Reads, checks and fully decodes one file into an upright 8-bit RGB picture.

    - EXIF orientation is applied; of several frames the first is taken.
    - Transparency (RGBA, LA, palette, PNG tRNS) is composed on white.
    - Grey, palette, CMYK and YCCK become RGB, by Pillow's conversion.
    - 16-bit grey and 32-bit integers are divided by 257 (65535 becomes 255), then rounded and
      clipped; 16-bit colour is cut to its high byte by Pillow.
    - 32-bit floats are taken as [0, 1] if none is above 1, else as [0, 255].
    - 1-bit pictures become 0 and 255.

    Args:
        path: The file.
        any_name: Whether the file's ending may name another format than its content has.
        least: Where a smaller picture is enough, how many pixels its sides need to have: a JPEG is
            then decoded at a half, a quarter or an eighth of its size; `None`: at its own size.

    Returns:
        A picture of mode `"RGB"`.

    Raises:
        ImageFileError: The file is empty, unreadable, no image, misnamed, oversized, truncated or
            corrupt.
    """
    image = open_picture(path, any_name=any_name)
    if least is not None:
        image.draft(None, (least, least))
    try:
        image.load()  # Pillow's `verify` lets half a JPEG pass: only decoding finds it
        return to_rgb(image)
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ImageFileError(f"truncated or corrupt: {reason}") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Makes an upright RGB copy of a Pillow picture, by the rules of `decode`."""
    image.load()
    with contextlib.suppress(Exception):  # broken EXIF says nothing about the pixels
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        return _from_integers(image)
    if image.mode == "F":
        return _from_floats(image)
    if image.has_transparency_data:
        return _on_white(image)
    return image.convert("RGB")


def _on_white(image: Image.Image) -> Image.Image:
    """Composes a picture with transparency on white, some rows at a time."""
    # At once, the largest picture that Pillow allows took 1.6 GB, and each thread has its own.
    found = Image.new("RGB", image.size)
    rows = max(1, _AT_ONCE // image.width)
    for top in range(0, image.height, rows):
        box = (0, top, image.width, min(top + rows, image.height))
        rgba = image.crop(box).convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        found.paste(Image.alpha_composite(white, rgba).convert("RGB"), box)
    return found


def _from_integers(image: Image.Image) -> Image.Image:
    """Makes 8-bit RGB of 16-bit grey or 32-bit integers."""
    values = np.asarray(image)
    grey = np.clip(np.rint(values / 257), 0, 255).astype(np.uint8)
    # A PNG's tRNS names one grey value that is transparent; it shows the white behind it.
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[values == transparent] = 255
    return Image.fromarray(grey).convert("RGB")


def _from_floats(image: Image.Image) -> Image.Image:
    """Makes 8-bit RGB of floats, which are in [0, 1] or in [0, 255]."""
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise ImageFileError("NaN or infinite pixels")
    scale = 255 if values.max() <= 1 else 1
    return Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)).convert("RGB")


def resize(image: Image.Image, size: tuple[int, int], interpolation: str) -> Image.Image:
    """Resizes a picture to `(height, width)` in pixels, by Pillow's filter of that name."""
    height, width = size
    return image.resize((width, height), Image.Resampling[interpolation.upper()], reducing_gap=None)


def resize_array(pixels: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """Resizes an array `(height, width, 3)`, uint8 or float32 in [0, 255], as `resize` does."""
    if pixels.dtype == np.uint8:
        return np.array(resize(Image.fromarray(pixels), size, interpolation))
    # Pillow's pictures of floats have one channel, so each is resized alone.
    channels = [Image.fromarray(pixels[..., channel]) for channel in range(pixels.shape[-1])]
    resized = [np.asarray(resize(channel, size, interpolation)) for channel in channels]
    # Bicubic and Lanczos overshoot; on 8-bit pictures Pillow clips by itself.
    return np.clip(np.stack(resized, axis=-1), 0, 255)
