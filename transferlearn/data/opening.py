"""Opens files of pictures safely: only formats that are known, of no more pixels than allowed."""

import stat
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

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
# Nothing else is ever opened: Pillow would start Ghostscript on an EPS renamed to .jpg.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


class ImageFileError(ValueError):
    """Is raised for an image file that cannot be used; says why, without its path."""


def open_picture(path: str, *, any_name: bool = False) -> Image.Image:
    """Opens one file without decoding its pixels, and checks its name, format and size.

    Args:
        path: The file.
        any_name: Whether the file's ending may name another format than its content has.

    Raises:
        ImageFileError: The file is empty, unreadable, no image, misnamed or oversized.
    """
    image = _open(_read(path))
    ending = Path(path).suffix.lower()
    if not any_name and image.format not in ENDINGS.get(ending, FORMATS):
        raise ImageFileError(f"misnamed: the content is {image.format}, the name ends in {ending}")
    # A small file can hold a huge picture: a PNG of 48 KB took 2.6 GB in Keras's own loader.
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and image.width * image.height > limit:
        raise _oversized(f"{image.width} x {image.height} pixels")
    return image


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
        return Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ImageFileError("not an image, or cut off in its header") from error
    except Image.DecompressionBombError as error:
        raise _oversized(str(error)) from error
    except Exception as error:
        raise ImageFileError(f"truncated or corrupt: {error}") from error


def _oversized(what: str) -> ImageFileError:
    """Makes the error for a picture with more pixels than Pillow allows."""
    return ImageFileError(
        f"oversized: {what}; the limit is PIL.Image.MAX_IMAGE_PIXELS={Image.MAX_IMAGE_PIXELS}"
    )
