"""Decodes image files into RGB by documented rules, and resizes them, in training and anywhere."""

import contextlib
import stat
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from transferlearn.edge.letterbox import Letterbox

# A file with one of these endings must hold one of these formats. Cameras write MPO (a JPEG with
# a second picture behind it) under .jpg.
ENDINGS = {
    ".jpg": ("JPEG", "MPO"),
    ".jpeg": ("JPEG", "MPO"),
    ".jpe": ("JPEG", "MPO"),
    ".png": ("PNG",),
    ".gif": ("GIF",),
    ".bmp": ("BMP",),
    ".webp": ("WEBP",),
    ".tif": ("TIFF",),
    ".tiff": ("TIFF",),
}
_AT_ONCE = 2**22  # pixels that are composed on white at a time
_MOST_PIXELS = 2**27  # of the size that images are resized to
# Nothing else is ever opened: Pillow would start Ghostscript on an EPS renamed to .jpg.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")

BARS = 114  # the grey of the bars beside a letterboxed photo, close to the mean of photos
FITS = ("stretch", "letterbox")


class Resizing(NamedTuple):
    """Describes how photos are brought to the size that a network takes.

    Attributes:
        interpolation: The name of Pillow's filter, such as `"bilinear"`; all but `"nearest"` are
            antialiased.
        fit: `"stretch"` fills the size, whatever the shape of the photo; `"letterbox"` keeps its
            shape, and puts it in the middle between two grey bars.
    """

    interpolation: str = "bilinear"
    fit: str = "stretch"

    def check(self) -> None:
        """Raises `ValueError` where there is no such filter or fit."""
        if self.interpolation.upper() not in Image.Resampling.__members__:
            choices = ", ".join(repr(name.lower()) for name in Image.Resampling.__members__)
            raise ValueError(
                f"interpolation must be one of {choices}. "
                f"Received: interpolation={self.interpolation!r:.99}"
            )
        if self.fit not in FITS:
            raise ValueError(
                f"fit must be {' or '.join(map(repr, FITS))}. Received: fit={self.fit!r:.99}"
            )

    def __str__(self) -> str:
        return self.interpolation if self.fit == "stretch" else " ".join(self)


class ImageFileError(ValueError):
    """Is raised for an image file that cannot be used; says why, without its path."""


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
    return _decoded(open_picture(path, any_name=any_name), least)


def open_picture(path: str, *, any_name: bool = False) -> Image.Image:
    """Opens one file without decoding its pixels, and checks its name, format and size.

    Args:
        path: The file.
        any_name: Whether the file's ending may name another format than its content has.

    Raises:
        ImageFileError: The file is empty, unreadable, no image, misnamed or oversized.
    """
    ending = Path(path).suffix.lower()
    formats = FORMATS if any_name else ENDINGS.get(ending, FORMATS)
    image = _open(_read(path))
    if image.format not in formats:
        raise ImageFileError(f"misnamed: the content is {image.format}, the name ends in {ending}")
    return image


def decode_bytes(content: bytes) -> Image.Image:
    """Decodes the content of a file, which need not be on a disk, by the rules of `decode`.

    Raises:
        ImageFileError: The content is empty, no image, oversized, truncated or corrupt.
    """
    if not content:
        raise ImageFileError("empty: 0 bytes")
    return _decoded(_open(content), None)


def _decoded(image: Image.Image, least: int | None) -> Image.Image:
    """Decodes all pixels of a picture that was opened."""
    if least is not None:
        image.draft(None, (least, least))
    try:
        image.load()  # Pillow's `verify` lets half a JPEG pass: only decoding finds it
        return to_rgb(image)
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ImageFileError(f"truncated or corrupt: {reason}") from error


def pixels_in(content: bytes) -> int:
    """Counts the pixels that the content of a file says it has, without decoding it; else 0."""
    try:
        image = _open(content)
    except ImageFileError:  # whoever decodes it says what it is
        return 0
    return image.width * image.height


def size_of(path: str) -> tuple[int, int]:
    """Returns the `(height, width)` in pixels of an upright picture, without decoding it."""
    with Image.open(path, formats=FORMATS) as image:
        return upright_size(image)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Returns the `(height, width)` in pixels of a picture once it is upright."""
    turned = (orientation_of(image) or 1) >= 5
    return (image.width, image.height) if turned else (image.height, image.width)


def orientation_of(image: Image.Image) -> int | None:
    """Returns the orientation that the EXIF of a picture tells, 1 to 8, of which 1 is upright."""
    with contextlib.suppress(Exception):  # broken EXIF says nothing about the pixels
        found = image.getexif().get(ExifTags.Base.Orientation)
        return found if found in range(1, 9) else None
    return None


def _read(path: str) -> bytes:
    """Reads all bytes of a file; refuses pipes, devices and empty files."""
    try:
        mode = Path(path).stat().st_mode
        special = not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
        data = b"" if special else Path(path).read_bytes()  # reading a pipe would never end
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise ImageFileError(f"unreadable: {reason}") from error
    if special:
        raise ImageFileError("unreadable: a pipe, socket or device")
    if not data:
        raise ImageFileError("empty: 0 bytes")
    return data


def _open(data: bytes) -> Image.Image:
    """Opens a picture without decoding its pixels yet."""
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageFileError("not an image, or cut off in its header") from error
    except Image.DecompressionBombError as error:
        raise _oversized(str(error)) from error
    except Exception as error:
        raise ImageFileError(f"truncated or corrupt: {error}") from error
    # A small file can hold a huge picture: a PNG of 48 KB took 2.6 GB in Keras's own loader.
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise _oversized(f"{image.width} x {image.height} pixels")
    return image


def _oversized(what: str) -> ImageFileError:
    """Makes the error for a picture with more pixels than Pillow allows."""
    return ImageFileError(
        f"oversized: {what}; the limit is PIL.Image.MAX_IMAGE_PIXELS={Image.MAX_IMAGE_PIXELS}"
    )


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


def resize(image: Image.Image, size: tuple[int, int], how: Resizing) -> Image.Image:
    """Resizes a picture to `(height, width)` in pixels."""
    resampling = Image.Resampling[how.interpolation.upper()]
    if how.fit == "stretch":
        return image.resize(size[::-1], resampling, reducing_gap=None)
    placed = Letterbox((image.height, image.width), size)
    frame = Image.new(image.mode, size[::-1], (BARS,) * 3 if image.mode == "RGB" else BARS)
    inner = image.resize(placed.inner[::-1], resampling, reducing_gap=None)
    frame.paste(inner, placed.corner[::-1])
    return frame


def resize_array(pixels: np.ndarray, size: tuple[int, int], how: Resizing) -> np.ndarray:
    """Resizes an array `(height, width, 3)`, uint8 or float32 in [0, 255], as `resize` does."""
    if pixels.dtype == np.uint8:
        return np.array(resize(Image.fromarray(pixels), size, how))
    # Pillow's pictures of floats have one channel, so each is resized alone.
    channels = [Image.fromarray(pixels[..., channel]) for channel in range(pixels.shape[-1])]
    resized = [np.asarray(resize(channel, size, how)) for channel in channels]
    # Bicubic and Lanczos overshoot; on 8-bit pictures Pillow clips by itself.
    return np.clip(np.stack(resized, axis=-1), 0, 255)


def check_pixels(size: tuple[int, int]) -> None:
    """Raises `ValueError` for an image size that no machine could compute with."""
    if size[0] * size[1] > _MOST_PIXELS:
        raise ValueError(
            f"An image_size has at most {_MOST_PIXELS:,} pixels. Received: {size[0]} x {size[1]}"
        )
