"""Loads images by their numbers, from files or an array; each is resized when it is read."""

import abc
from collections.abc import Callable, Mapping
from typing import Self

import numpy as np

from transferlearn.data.images.files import ImageFileError, decode, resize
from transferlearn.data.images.pixels import fingerprint, fit_size, raw_rgb
from transferlearn.data.items import RawItems, decoding_pool


class ImageItems(RawItems):
    """Holds images that are resized to one size, each loaded by its number."""

    @abc.abstractmethod
    def image(self, i: int) -> np.ndarray:
        """Gives image `i`: `(height, width, 3)`, raw pixels in [0, 255]."""

    @abc.abstractmethod
    def resized(self, size: tuple[int, int]) -> Self:
        """Gives the same images, resized to `(height, width)` from their original size."""


class FileItems(ImageItems):
    """Holds files that were checked, and decodes them when they are needed.

    Args:
        paths: The paths of the files.
        hashes: The hashes of their decoded pixels before resizing, one a file.
        size: The `(height, width)` in pixels to resize to.
        interpolation: The name of Pillow's filter that resizes.
        kept: Resized pixels by path, uint8; these files need not be decoded again.
    """

    def __init__(
        self,
        paths: list[str],
        hashes: list[str],
        size: tuple[int, int],
        interpolation: str,
        kept: Mapping[str, np.ndarray],
    ) -> None:
        self._paths = paths
        self._hashes = hashes
        self._size = size
        self._interpolation = interpolation
        self._kept = kept

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def reading(self) -> str:
        """Says how the images are resized, such as `"224x224 bilinear"`."""
        return f"{self._size[0]}x{self._size[1]} {self._interpolation}"

    def image(self, i: int) -> np.ndarray:
        """Gives file `i`, decoded and resized: uint8."""
        path = self._paths[i]
        if path in self._kept:
            return self._kept[path]
        try:
            return np.array(resize(decode(path), self._size, self._interpolation))
        except ImageFileError as error:
            raise OSError(
                f"Cannot read {path} ({error}), which was readable when the data was checked. "
                "Files must stay as they are while they are used."
            ) from error

    def content_hashes(self) -> list[str]:
        """Gives the hashes of the pixels as they were when the files were checked."""
        return self._hashes

    @property
    def held_bytes(self) -> int:
        """Counts the bytes of the resized images that are kept in memory."""
        return sum(self._kept[path].nbytes for path in self._paths if path in self._kept)

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Begins to decode the files in threads, and gives a function that waits for them."""
        images = [decoding_pool().submit(self.image, i) for i in rows]
        return lambda: np.stack([image.result() for image in images])

    def subset(self, rows: np.ndarray) -> Self:
        """Gives the files `rows`, in that order."""
        paths, hashes = [self._paths[i] for i in rows], [self._hashes[i] for i in rows]
        return type(self)(paths, hashes, self._size, self._interpolation, self._kept)

    def resized(self, size: tuple[int, int]) -> Self:
        """Gives the same files at another size; none is in memory, so each is decoded when read."""
        return type(self)(self._paths, self._hashes, size, self._interpolation, {})


class ArrayItems(ImageItems):
    """Holds one array `(n, height, width, channels)`, and converts it batch by batch.

    The array is never copied as a whole.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        rows: np.ndarray,
        size: tuple[int, int],
        interpolation: str,
        *,
        divided: bool,
    ) -> None:
        self._pixels = pixels
        self._rows = rows
        self._size = size
        self._interpolation = interpolation
        self._divided = divided
        self._hashes: list[str] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def reading(self) -> str:
        """Says how images are resized, and whether from floats, which are not rounded then."""
        kind = "floats" if self._pixels.dtype.kind == "f" else ""
        return f"{self._size[0]}x{self._size[1]} {self._interpolation} {kind}".strip()

    def image(self, i: int) -> np.ndarray:
        """Converts and resizes image `i`: uint8 from integers, float32 from floats."""
        return self._take(np.array([i]))[0]

    def content_hashes(self) -> list[str]:
        """Gives the hashes of the images as raw RGB before resizing, which are computed once."""
        if self._hashes is None:
            images = (raw_rgb(self._pixels[i], divided=self._divided) for i in self._rows)
            self._hashes = [fingerprint(image) for image in images]
        return self._hashes

    @property
    def held_bytes(self) -> int:
        """Counts the bytes of the whole array, also where only some of its images are used."""
        return self._pixels.nbytes

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Begins to convert and resize the batch in a thread, and gives a function that waits."""
        return decoding_pool().submit(self._take, rows).result

    def subset(self, rows: np.ndarray) -> Self:
        """Gives the images `rows`, in that order, from the same array."""
        return type(self)(
            self._pixels, self._rows[rows], self._size, self._interpolation, divided=self._divided
        )

    def resized(self, size: tuple[int, int]) -> Self:
        """Gives the same images for another size, from the same array."""
        return type(self)(
            self._pixels, self._rows, size, self._interpolation, divided=self._divided
        )

    def _take(self, rows: np.ndarray) -> np.ndarray:
        """Gives the images `rows` as raw RGB, resized."""
        pixels = raw_rgb(self._pixels[self._rows[rows]], divided=self._divided)
        return fit_size(pixels, self._size, self._interpolation)
