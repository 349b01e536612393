"""Reads masks by their numbers: from files, or from arrays in memory."""

import abc
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from transferlearn.edge.pictures import ImageFileError, open_picture

# Other formats may be lossy: what they change a little is another id.
_EXACT = ("BMP", "GIF", "PNG", "TIFF")
_LARGEST = 255  # of a pixel's value
_KEPT_BYTES = 2**27  # of resized masks that are not decoded again in each epoch


class Examined(NamedTuple):
    """Holds what was found out about a mask before training.

    Attributes:
        pixels: How many pixels have each value from 0 to 255, int64 `(256,)`.
        size: The `(height, width)` of the mask in pixels.
        checksum: The CRC-32 of its pixels.
        reason: Why the mask cannot be used; empty if it can be.
        smeared: Whether the reason is a format that loses ids.
    """

    pixels: np.ndarray
    size: tuple[int, int]
    checksum: int
    reason: str
    smeared: bool = False


class SmearedMaskError(ImageFileError):
    """Is raised for a mask in a lossy format, whose ids are no longer those that were drawn."""


class MaskSource(abc.ABC):
    """Holds masks, each of which is read when it is needed."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def mask(self, i: int) -> np.ndarray:
        """Gives mask `i` in its own size, uint8 `(height, width)`.

        Raises:
            ImageFileError: It cannot be used; the error says why.
        """

    def resized(self, i: int, size: tuple[int, int] | None) -> np.ndarray:
        """Gives mask `i` in a size, where each pixel has the value of the nearest one."""
        return _nearest(self.mask(i), size)

    def examine(self, i: int) -> Examined:
        """Reads mask `i`, and says what values it has, or why it cannot be used."""
        try:
            mask = self.mask(i)
        except ImageFileError as error:
            nothing = np.zeros(_LARGEST + 1, np.int64)
            return Examined(nothing, (0, 0), 0, str(error), isinstance(error, SmearedMaskError))
        counts = np.bincount(mask.ravel(), minlength=_LARGEST + 1)
        checksum = zlib.crc32(np.ascontiguousarray(mask).data)
        return Examined(counts, (mask.shape[0], mask.shape[1]), checksum, "")


class MaskFiles(MaskSource):
    """Reads masks from files; the resized ones are kept while there is room.

    Args:
        paths: The path of each mask; `None` where there is none.
    """

    def __init__(self, paths: Sequence[str | None]) -> None:
        self._paths = paths
        self._kept: dict[tuple[int, tuple[int, int] | None], np.ndarray] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._paths)

    def mask(self, i: int) -> np.ndarray:
        """Decodes file `i`: of a palette, the ids and not the colours."""
        path = self._paths[i]
        if path is None:
            raise ImageFileError("no mask of this name")
        image = open_picture(path)
        if image.format not in _EXACT:
            raise SmearedMaskError(f"{path} is a {image.format}")
        try:
            image.load()
            pixels = np.asarray(image)
        except Exception as error:
            raise ImageFileError(f"{path} is truncated or corrupt: {error}") from error
        return as_mask(pixels, path)

    def resized(self, i: int, size: tuple[int, int] | None) -> np.ndarray:
        """Gives mask `i` in a size, from memory if it was kept there."""
        if (kept := self._kept.get((i, size))) is not None:
            return kept
        try:
            mask = super().resized(i, size)
        except ImageFileError as error:
            raise OSError(
                f"Cannot read {self._paths[i]} ({error}), which was readable when the data was "
                "checked. Files must stay as they are while they are used."
            ) from error
        if self._bytes + mask.nbytes <= _KEPT_BYTES:
            self._bytes += mask.nbytes
            self._kept[i, size] = mask
        return mask


class MaskRows(MaskSource):
    """Takes masks from an array `(n, height, width)`, or from a list of arrays of any size.

    Args:
        rows: The masks.
    """

    def __init__(self, rows: Sequence[Any] | np.ndarray) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def mask(self, i: int) -> np.ndarray:
        """Gives the mask in row `i`."""
        return as_mask(np.asarray(self._rows[i]), f"mask {i}")


def as_mask(pixels: np.ndarray, what: str) -> np.ndarray:
    """Turns pixels into a mask, uint8 `(height, width)`.

    Raises:
        ImageFileError: They are no whole numbers from 0 to 255, or are colours.
    """
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():  # grey, written as RGB
        pixels = pixels[..., 0]
    if pixels.ndim != 2 or not pixels.size:
        raise ImageFileError(
            f"{what} has the shape {pixels.shape}; a mask has one id a pixel, (height, width), and "
            "no colours"
        )
    if pixels.dtype.kind not in "biu":
        raise ImageFileError(f"{what} holds {pixels.dtype} and no whole numbers")
    if pixels.dtype != np.uint8 and (pixels.min() < 0 or pixels.max() > _LARGEST):
        raise ImageFileError(f"{what} has values from {pixels.min()} to {pixels.max()}, over 255")
    return pixels.astype(np.uint8, copy=False)


def _nearest(mask: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Resizes a mask to `(height, width)` by the nearest pixel; `None` leaves it as it is."""
    if size is None or mask.shape == size:
        return mask
    return np.array(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST))
