"""Images by number: files, or rows of an array, each resized when it is read."""

import abc
from collections.abc import Callable, Mapping
from typing import Self

import numpy as np

from transferlearn.data.images.files import ImageFileError, decode, resize
from transferlearn.data.images.pixels import fingerprint, fit_size, raw_rgb
from transferlearn.data.items import RawItems, decoding_pool


class ImageItems(RawItems):
    """A row of images of one size."""

    @abc.abstractmethod
    def image(self, i: int) -> np.ndarray:
        """Image `i`: `(height, width, 3)`, raw pixels."""

    @abc.abstractmethod
    def resized(self, size: tuple[int, int]) -> Self:
        """The same images, resized to `(height, width)` from their own size."""


class FileItems(ImageItems):
    """Files that were checked, decoded when they are needed.

    Args:
        paths: Of the files.
        hashes: Of their pixels.
        size: `(height, width)` to resize to.
        interpolation: Of the resize.
        kept: Resized pixels, uint8, of paths that need not be decoded again.
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
        """The resize."""
        return f"{self._size[0]}x{self._size[1]} {self._interpolation}"

    def image(self, i: int) -> np.ndarray:
        """Decode and resize file `i`: uint8."""
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
        """As they were when the files were checked."""
        return self._hashes

    @property
    def held_bytes(self) -> int:
        """Of those that need not be decoded again."""
        return sum(self._kept[path].nbytes for path in self._paths if path in self._kept)

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Hand the files to the threads that decode."""
        images = [decoding_pool().submit(self.image, i) for i in rows]
        return lambda: np.stack([image.result() for image in images])

    def subset(self, rows: np.ndarray) -> Self:
        """The files `rows`, in that order."""
        paths, hashes = [self._paths[i] for i in rows], [self._hashes[i] for i in rows]
        return type(self)(paths, hashes, self._size, self._interpolation, self._kept)

    def resized(self, size: tuple[int, int]) -> Self:
        """The same files; what is kept has another size, so they are decoded again."""
        return type(self)(self._paths, self._hashes, size, self._interpolation, {})


class ArrayItems(ImageItems):
    """One array `(n, height, width, channels)`, converted batch by batch, never copied whole."""

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
        """The resize, which rounds pixels of integers only."""
        kind = "floats" if self._pixels.dtype.kind == "f" else ""
        return f"{self._size[0]}x{self._size[1]} {self._interpolation} {kind}".strip()

    def image(self, i: int) -> np.ndarray:
        """Convert and resize image `i`: uint8 of integers, float32 of floats."""
        return self._take(np.array([i]))[0]

    def content_hashes(self) -> list[str]:
        """Of the raw pixels; computed once."""
        if self._hashes is None:
            images = (raw_rgb(self._pixels[i], divided=self._divided) for i in self._rows)
            self._hashes = [fingerprint(image) for image in images]
        return self._hashes

    @property
    def held_bytes(self) -> int:
        """Of the array."""
        return self._pixels.nbytes

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Hand the batch to the threads that decode, for it may have to be resized."""
        return decoding_pool().submit(self._take, rows).result

    def subset(self, rows: np.ndarray) -> Self:
        """The images `rows`, in that order, over the same array."""
        return type(self)(
            self._pixels, self._rows[rows], self._size, self._interpolation, divided=self._divided
        )

    def resized(self, size: tuple[int, int]) -> Self:
        """The same images, over the same array."""
        return type(self)(
            self._pixels, self._rows, size, self._interpolation, divided=self._divided
        )

    def _take(self, rows: np.ndarray) -> np.ndarray:
        pixels = raw_rgb(self._pixels[self._rows[rows]], divided=self._divided)
        return fit_size(pixels, self._size, self._interpolation)
