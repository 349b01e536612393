"""Reads masks by their numbers: from files, or from arrays in memory."""

import abc
import contextlib
import zlib
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from transferlearn.edge.pictures import ImageFileError, open_picture, orientation_of

# Other formats may be lossy: what they change a little is another id.
_EXACT = ("BMP", "GIF", "PNG", "TIFF")
_LARGEST = 255  # of a pixel's value
VOID = 255  # the value of void where masks do not say one
_KEPT_BYTES = 2**27  # of resized masks that are not decoded again in each epoch

Colour = tuple[int, int, int]


class Examined(NamedTuple):
    """Holds what was found out about a mask before training.

    Attributes:
        pixels: How many pixels have each value from 0 to 255, int64 `(256,)`; where a pixel may
            have several classes, how many have each of these, `(classes,)`.
        seen: How many pixels are no void; where a pixel has one class, that of all pixels.
        size: The `(height, width)` of the mask in pixels.
        checksum: The CRC-32 of its pixels.
        reason: Why the mask cannot be used; empty if it can be.
        smeared: Whether the reason is a format that loses ids.
        thin: The values that lie in thin lines only, one byte each.
    """

    pixels: np.ndarray
    seen: int
    size: tuple[int, int]
    checksum: int
    reason: str
    smeared: bool = False
    thin: bytes = b""


class SmearedMaskError(ImageFileError):
    """Is raised for a mask in a lossy format, whose ids are no longer those that were drawn."""


class MaskSource(abc.ABC):
    """Holds masks, each of which is read when it is needed.

    Attributes:
        names: The names of the classes, where the source itself has them.
        keeps: Whether resized masks are kept in memory while there is room.
    """

    names: Sequence[str] | None = None
    keeps: ClassVar[bool] = True

    def __init__(self) -> None:
        self._kept: dict[tuple[int, tuple[int, int] | None], np.ndarray] = {}
        self._bytes = 0

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def mask(self, i: int) -> np.ndarray:
        """Returns mask `i` in its own size.

        Returns:
            The value of each pixel, uint8 `(height, width)`; or, where a pixel may have several
            classes, `(height, width, classes)` of 1 for each that it has, 0, and 255 for void.

        Raises:
            ImageFileError: It cannot be used; the error says why.
        """

    def called(self, i: int) -> str:
        """Names mask `i` for messages."""
        return f"mask {i}"

    def says_upright(self, i: int) -> bool:
        """Returns whether mask `i` is a file that tells itself which way up it is, by its EXIF."""
        return False

    def resized(self, i: int, size: tuple[int, int] | None) -> np.ndarray:
        """Returns mask `i` in a size, where each pixel has the value of the nearest one."""
        if (kept := self._kept.get((i, size))) is not None:
            return kept
        try:
            mask = nearest(self.mask(i), size)
        except ImageFileError as error:
            raise OSError(
                f"Cannot read {self.called(i)} ({error}), which was readable when the data was "
                "checked. Files must stay as they are while they are used."
            ) from error
        if self.keeps and self._bytes + mask.nbytes <= _KEPT_BYTES:
            self._bytes += mask.nbytes
            self._kept[i, size] = mask
        return mask

    def examine(self, i: int) -> Examined:
        """Reads mask `i`, and says what values it has, or why it cannot be used."""
        try:
            return examined(self.mask(i))
        except ImageFileError as error:
            nothing = np.zeros(_LARGEST + 1, np.int64)
            return Examined(nothing, 0, (0, 0), 0, str(error), isinstance(error, SmearedMaskError))


class MaskFiles(MaskSource):
    """Reads masks from files.

    Args:
        paths: The path of each mask; `None` where there is none.
        void: The colour that is void, and gets the value 255; `None`: no colour is.
    """

    def __init__(self, paths: Sequence[str | None], void: Colour | None = None) -> None:
        super().__init__()
        self._paths = paths
        self._void = void

    def __len__(self) -> int:
        return len(self._paths)

    def mask(self, i: int) -> np.ndarray:
        """Decodes file `i`: of a palette, the ids and not the colours."""
        path = self._paths[i]
        if path is None:
            raise ImageFileError("no mask of this name")
        return read_mask(path, self._void)

    def says_upright(self, i: int) -> bool:
        """Looks into the file's EXIF."""
        path = self._paths[i]
        return path is not None and orientation_of(open_mask(path)) is not None

    def called(self, i: int) -> str:
        """Names the file."""
        return str(self._paths[i])


class MaskRows(MaskSource):
    """Takes masks from an array `(n, height, width)`, or from a list of arrays of any size.

    Args:
        rows: The masks.
        several: Whether a pixel may have several classes, in one axis more.
    """

    keeps = False

    def __init__(self, rows: Sequence[object] | np.ndarray, *, several: bool = False) -> None:
        super().__init__()
        self._rows = rows
        self._several = several

    def __len__(self) -> int:
        return len(self._rows)

    def mask(self, i: int) -> np.ndarray:
        """Returns the mask in row `i`."""
        take = as_layers if self._several else as_mask
        return take(np.asarray(self._rows[i]), f"mask {i}")


class ReadBefore(MaskSource):
    """Stands for the masks of a stream, of which only counts are kept.

    Args:
        count: How many masks there are.
    """

    keeps = False

    def __init__(self, count: int) -> None:
        super().__init__()
        self._count = count

    def __len__(self) -> int:
        return self._count

    def mask(self, i: int) -> np.ndarray:
        """Refuses, since a stream gives its masks with its images only."""
        raise ImageFileError("a stream gives its masks with its images only")


def open_mask(path: str) -> Image.Image:
    """Opens the file of a mask, without decoding its pixels; its content counts, not its name.

    Raises:
        ImageFileError: It is no picture of a lossless format.
    """
    try:
        image = open_picture(path, any_name=True)
    except ImageFileError as error:
        raise ImageFileError(f"{path} is no mask: {error}") from error
    if image.format not in _EXACT:
        raise SmearedMaskError(f"{path} is a {image.format}")
    return image


def read_mask(path: str, void: Colour | None = None) -> np.ndarray:
    """Decodes the file of a mask, uint8 `(height, width)`.

    Args:
        path: The file.
        void: The colour whose pixels get the value 255, or `None`.

    Raises:
        ImageFileError: It is no picture of a lossless format, or holds colours.
    """
    image = open_mask(path)
    try:
        image.load()
        with contextlib.suppress(Exception):  # broken EXIF says nothing about the pixels
            image = ImageOps.exif_transpose(image)
        pixels = np.asarray(image)
        colours = None if void is None else np.asarray(image.convert("RGB"))
    except Exception as error:
        raise ImageFileError(f"{path} is truncated or corrupt: {error}") from error
    if colours is None:
        return as_mask(pixels, path)
    empty = (colours == void).all(axis=-1)
    pixels = np.where(empty if pixels.ndim == 2 else empty[..., None], 0, pixels)
    mask = as_mask(pixels, path)
    if (mask == VOID).any():
        raise ImageFileError(f"{path} has the value {VOID} in another colour than void has")
    return np.where(empty, np.uint8(VOID), mask)


def examined(mask: np.ndarray) -> Examined:
    """Counts the values of a mask that can be used."""
    size, checksum = (mask.shape[0], mask.shape[1]), zlib.crc32(np.ascontiguousarray(mask).data)
    if mask.ndim == 3:
        counts = (mask == 1).sum(axis=(0, 1)).astype(np.int64)
        return Examined(counts, int((mask != VOID).any(axis=-1).sum()), size, checksum, "")
    counts = np.bincount(mask.ravel(), minlength=_LARGEST + 1)
    return Examined(counts, mask.size, size, checksum, "", thin=_thin(mask, counts))


def _thin(mask: np.ndarray, counts: np.ndarray) -> bytes:
    """Returns the values of a mask whose pixels lie in thin lines: few are a corner of 2 x 2."""
    corner = mask[:-1, :-1]
    same = (corner == mask[:-1, 1:]) & (corner == mask[1:, :-1]) & (corner == mask[1:, 1:])
    blocks = np.bincount(corner[same], minlength=_LARGEST + 1)
    return bytes(np.flatnonzero(4 * blocks < counts).tolist())


def as_mask(pixels: np.ndarray, what: str) -> np.ndarray:
    """Turns pixels into a mask, uint8 `(height, width)`.

    Raises:
        ImageFileError: They are no whole numbers from 0 to 255, or are colours.
    """
    if pixels.ndim == 3 and pixels.shape[-1] in (2, 4) and (pixels[..., -1] == _LARGEST).all():
        pixels = pixels[..., :-1]
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]  # grey that was written as RGB
    if pixels.ndim != 2 or not pixels.size:
        raise ImageFileError(
            f"{what} has the shape {pixels.shape}; a mask has one id a pixel, (height, width), and "
            "no colours. Ids of an array with a colour for each class: "
            "(mask[:, :, None, :3] == colours).all(-1).argmax(-1).astype('uint8')"
        )
    if pixels.dtype.kind not in "biu":
        raise ImageFileError(f"{what} holds {pixels.dtype} and no whole numbers")
    if pixels.dtype != np.uint8 and (pixels.min() < 0 or pixels.max() > _LARGEST):
        raise ImageFileError(
            f"{what} has values from {pixels.min()} to {pixels.max()}; they go from 0 to 255"
        )
    return pixels.astype(np.uint8, copy=False)


def as_layers(pixels: np.ndarray, what: str) -> np.ndarray:
    """Turns pixels into layers of classes, uint8 `(height, width, classes)` of 0, 1 and 255.

    Raises:
        ImageFileError: They have another shape, or other values.
    """
    if pixels.ndim != 3 or not pixels.size or pixels.dtype.kind not in "biuf":
        raise ImageFileError(
            f"{what} has the shape {pixels.shape} of {pixels.dtype}; with several classes a pixel "
            "it is (height, width, classes) of 0 and 1"
        )
    if not np.isin(pixels, (0, 1, VOID)).all():
        raise ImageFileError(f"{what} has other values than 0, 1 and 255 for void")
    return pixels.astype(np.uint8, copy=False)


def nearest(mask: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Resizes a mask to `(height, width)` by the nearest pixel; `None` leaves it as it is."""
    if size is None or mask.shape[:2] == size:
        return mask
    if mask.ndim == 2:
        return np.array(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST))
    return np.stack([nearest(layer, size) for layer in np.moveaxis(mask, -1, 0)], axis=-1)
