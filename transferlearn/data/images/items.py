"""Loads images by their numbers, from files or an array; each is resized when it is read."""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from transferlearn.data.images.likeness import likeness_of_array
from transferlearn.data.images.pixels import fingerprint, fit_size, raw_rgb
from transferlearn.data.items import RawItems, decoding_pool
from transferlearn.edge.pictures import ImageFileError, Resizing, decode, resize
from transferlearn.monitoring.traits import Traits, of_sizes


class Print(NamedTuple):
    """Holds what an image is known by.

    Attributes:
        content_hash: The hash of its pixels.
        likeness: The hash of how it looks, or `None`.
        size: Its `(height, width)` in pixels before resizing.
    """

    content_hash: str
    likeness: int | None
    size: tuple[int, int] = (0, 0)


class ImageItems(RawItems):
    """Holds images that are resized to one size, each loaded by its number."""

    @property
    @abc.abstractmethod
    def prints(self) -> Sequence[Print]:
        """The fingerprints of the images as raw RGB before resizing."""

    def content_hashes(self) -> list[str]:
        """Returns the SHA-256 of each image's raw RGB before resizing."""
        return [one.content_hash for one in self.prints]

    def likenesses(self) -> list[int | None]:
        """Returns the difference hash of each image; `None` for images of fewer than 9x8 pixels."""
        return [one.likeness for one in self.prints]

    def original_sizes(self) -> list[tuple[int, int]]:
        """Returns the `(height, width)` in pixels of each image before resizing."""
        return [one.size for one in self.prints]

    @abc.abstractmethod
    def image(self, i: int) -> np.ndarray:
        """Returns image `i`: `(height, width, 3)`, raw pixels in [0, 255]."""

    @abc.abstractmethod
    def resized(self, size: tuple[int, int]) -> Self:
        """Returns the same images, resized to `(height, width)` from their original size."""


class FileItems(ImageItems):
    """Holds files that were checked, and decodes them when they are needed.

    Args:
        paths: The paths of the files.
        prints: The fingerprints of the files, as they were when the files were checked.
        size: The `(height, width)` in pixels to resize to.
        how: Says how they are resized.
        kept: Resized pixels by path, uint8; these files need not be decoded again.
    """

    def __init__(
        self,
        paths: list[str],
        prints: list[Print],
        size: tuple[int, int],
        how: Resizing,
        kept: Mapping[str, np.ndarray],
    ) -> None:
        self._paths = paths
        self._prints = prints
        self._size = size
        self._how = how
        self._kept = kept

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def reading(self) -> str:
        """Returns how the images are resized, such as `"224x224 bilinear"`."""
        return f"{self._size[0]}x{self._size[1]} {self._how}"

    def image(self, i: int) -> np.ndarray:
        """Returns file `i`, decoded and resized: uint8."""
        path = self._paths[i]
        if path in self._kept:
            return self._kept[path]
        try:
            return np.array(resize(decode(path), self._size, self._how))
        except ImageFileError as error:
            raise OSError(
                f"Cannot read {path} ({error}), which was readable when the data was checked. "
                "Files must stay as they are while they are used."
            ) from error

    @property
    def prints(self) -> list[Print]:
        """The fingerprints of the files, as they were when the files were checked."""
        return self._prints

    @property
    def held_bytes(self) -> int:
        """Counts the bytes of the resized images that are kept in memory."""
        return sum(self._kept[path].nbytes for path in self._paths if path in self._kept)

    def traits(self, rows: np.ndarray) -> Traits:
        """Measures the sizes that the images have in their files."""
        sizes = np.array([self._prints[row].size for row in rows])
        return of_sizes(sizes[:, 0], sizes[:, 1])

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Begins to decode the files in threads, and gives a function that waits for them."""
        images = [decoding_pool().submit(self.image, i) for i in rows]
        return lambda: np.stack([image.result() for image in images])

    def subset(self, rows: np.ndarray) -> Self:
        """Returns the files `rows`, in that order."""
        paths, prints = [self._paths[i] for i in rows], [self._prints[i] for i in rows]
        return type(self)(paths, prints, self._size, self._how, self._kept)

    def resized(self, size: tuple[int, int]) -> Self:
        """The same files at another size; none is in memory, so each is decoded when read."""
        return type(self)(self._paths, self._prints, size, self._how, {})


class ArrayItems(ImageItems):
    """Holds one array `(n, height, width, channels)`, and converts it batch by batch.

    The array is never copied as a whole.
    """

    def __init__(
        self,
        pixels: np.ndarray,
        rows: np.ndarray,
        size: tuple[int, int],
        how: Resizing,
        *,
        divided: bool,
        sizes: list[tuple[int, int]] | None = None,
        prints: list[Print] | None = None,
    ) -> None:
        self._sizes = sizes  # of the images that the array was made of, by its rows
        self._pixels = pixels
        self._rows = rows
        self._size = size
        self._how = how
        self._divided = divided
        self._prints = prints

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def reading(self) -> str:
        """Returns how images are resized, and whether from floats, which are not rounded then."""
        kind = "floats" if self._pixels.dtype.kind == "f" else ""
        return f"{self._size[0]}x{self._size[1]} {self._how} {kind}".strip()

    def image(self, i: int) -> np.ndarray:
        """Converts and resizes image `i`: uint8 from integers, float32 from floats."""
        return self._take(np.array([i]))[0]

    @property
    def prints(self) -> list[Print]:
        """The fingerprints of the images, which are computed once, in threads."""
        if self._prints is None:
            self._prints = list(decoding_pool().map(self._print, self._rows))
        return self._prints

    def original_sizes(self) -> list[tuple[int, int]]:
        """Returns the size of the array's images, or of those that it was made of."""
        if self._sizes is not None:
            return [self._sizes[row] for row in self._rows]
        return [self._pixels.shape[1:3]] * len(self)

    def _print(self, row: int) -> Print:
        """Computes the fingerprint of the image in a row of the array."""
        image = raw_rgb(self._pixels[row], divided=self._divided)
        return Print(fingerprint(image), likeness_of_array(image), image.shape[:2])

    @property
    def held_bytes(self) -> int:
        """Counts the bytes of the whole array, also where only some of its images are used."""
        return self._pixels.nbytes

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Begins to convert and resize the batch in a thread, and gives a function that waits."""
        return decoding_pool().submit(self._take, rows).result

    def subset(self, rows: np.ndarray) -> Self:
        """Returns the images `rows`, in that order, from the same array."""
        prints = None if self._prints is None else [self._prints[row] for row in rows]
        return self._of(self._rows[rows], self._size, prints)

    def resized(self, size: tuple[int, int]) -> Self:
        """Returns the same images for another size, from the same array."""
        return self._of(self._rows, size, self._prints)

    def _of(self, rows: np.ndarray, size: tuple[int, int], prints: list[Print] | None) -> Self:
        """Returns the images in these rows of the array, for a size, with their fingerprints."""
        options: dict[str, Any] = {"divided": self._divided, "sizes": self._sizes}
        return type(self)(self._pixels, rows, size, self._how, **options, prints=prints)

    def _take(self, rows: np.ndarray) -> np.ndarray:
        """Returns the images `rows` as raw RGB, resized."""
        pixels = raw_rgb(self._pixels[self._rows[rows]], divided=self._divided)
        return fit_size(pixels, self._size, self._how)
