"""Images by number: from files or from an array."""

import abc
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .images import ImageFileError, decode, resize
from .pixels import fingerprint, fit_size, raw_rgb


@functools.cache
def decoding_pool() -> ThreadPoolExecutor:
    """The threads that decode, for the whole process; Pillow releases the GIL."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="transferlearn-decode")


class Items(abc.ABC):
    """A row of images of one size."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def image(self, i: int) -> np.ndarray:
        """Image `i`: `(height, width, 3)`, raw pixels."""

    @abc.abstractmethod
    def content_hash(self, i: int) -> str:
        """SHA-256 of the pixels of image `i`."""

    @abc.abstractmethod
    def start(self, rows: np.ndarray) -> Callable[[], np.ndarray]:
        """Begin to load `rows`; the call of what is returned waits for the batch."""

    @abc.abstractmethod
    def subset(self, rows: np.ndarray) -> "Items":
        """The images `rows`, in that order, nothing copied."""


class FileItems(Items):
    """Files that were checked, decoded each time they are needed."""

    def __init__(
        self, paths: list[str], hashes: list[str], size: tuple[int, int], interpolation: str
    ) -> None:
        self._paths = paths
        self._hashes = hashes
        self._size = size
        self._interpolation = interpolation

    def __len__(self) -> int:
        return len(self._paths)

    def image(self, i: int) -> np.ndarray:
        """Decode and resize file `i`: uint8."""
        path = self._paths[i]
        try:
            return np.array(resize(decode(path), self._size, self._interpolation))
        except ImageFileError as error:
            raise OSError(
                f"Cannot read {path} ({error}), which was readable when the data was checked. "
                "Files must stay as they are while they are used."
            ) from error

    def content_hash(self, i: int) -> str:
        """As it was when the files were checked."""
        return self._hashes[i]

    def start(self, rows: np.ndarray) -> Callable[[], np.ndarray]:
        """Hand the files to the threads that decode."""
        images = [decoding_pool().submit(self.image, i) for i in rows]
        return lambda: np.stack([image.result() for image in images])

    def subset(self, rows: np.ndarray) -> "FileItems":
        """The files `rows`, in that order."""
        paths, hashes = [self._paths[i] for i in rows], [self._hashes[i] for i in rows]
        return FileItems(paths, hashes, self._size, self._interpolation)


class ArrayItems(Items):
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

    def __len__(self) -> int:
        return len(self._rows)

    def image(self, i: int) -> np.ndarray:
        """Convert and resize image `i`: uint8 of integers, float32 of floats."""
        return self._take(np.array([i]))[0]

    def content_hash(self, i: int) -> str:
        """Of the raw pixels, before resizing."""
        return fingerprint(raw_rgb(self._pixels[self._rows[i]], divided=self._divided))

    def start(self, rows: np.ndarray) -> Callable[[], np.ndarray]:
        """Nothing to wait for: the batch is converted when it is asked for."""
        return functools.partial(self._take, rows)

    def subset(self, rows: np.ndarray) -> "ArrayItems":
        """The images `rows`, in that order, over the same array."""
        return ArrayItems(
            self._pixels, self._rows[rows], self._size, self._interpolation, divided=self._divided
        )

    def _take(self, rows: np.ndarray) -> np.ndarray:
        pixels = raw_rgb(self._pixels[self._rows[rows]], divided=self._divided)
        return fit_size(pixels, self._size, self._interpolation)
