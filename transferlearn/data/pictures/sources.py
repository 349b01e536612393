"""Opens the pictures that are to be learnt: files, which are checked, or arrays in memory."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from transferlearn.data.images.arrays import raw_pictures
from transferlearn.data.images.checking import KEPT_BYTES, Check, check_files
from transferlearn.data.images.items import FileItems, ImageItems, Print
from transferlearn.data.images.likeness import likeness_of_array
from transferlearn.data.images.options import ImageOptions
from transferlearn.data.images.pixels import fingerprint, fit_size
from transferlearn.data.items import decoding_pool
from transferlearn.data.listed import as_paths
from transferlearn.edge.pictures import Resizing

_UNREAD = (1, 1)  # the size until `resized` says another


class Opened(NamedTuple):
    """Holds pictures, and says of each what is known of it.

    Attributes:
        items: The pictures, read when they are needed.
        checks: For each its fingerprint, or why it cannot be used.
    """

    items: ImageItems
    checks: Sequence[Check]


def open_pictures(given: Any, options: ImageOptions) -> Opened:
    """Opens arrays, Pillow images, or paths of files, all of which are decoded once.

    Args:
        given: An array `(n, height, width, 3)`, a list of arrays or Pillow images of any size, or a
            list of paths, `None` where there is none.
        options: Says in which range float pixels are, and by which filter they will be resized.
    """
    how = options.resizing
    paths = as_paths([path for path in given if path is not None])
    if paths is None:
        items = RowItems(raw_pictures(list(given), options, "y"), how)
        return Opened(items, [Check(one, "") for one in items.prints])
    found = zip(paths, check_files(paths), strict=True)
    checked = (
        check._replace(reason=f"its target {path}: {check.reason}") if check.reason else check
        for path, check in found
    )
    missing = Check(Print("", None), "no target of the same name")
    checks = [missing if path is None else next(checked) for path in given]
    prints = [check.fingerprint for check in checks]
    names = ["" if path is None else str(path) for path in given]
    return Opened(KeptFiles(names, prints, _UNREAD, how, {}), checks)


class KeptFiles(FileItems):
    """Holds files, and keeps the resized pictures in memory while there is room."""

    def image(self, i: int) -> np.ndarray:
        """Returns file `i`, decoded and resized, from memory if it was kept there."""
        picture, kept = super().image(i), self._kept
        assert isinstance(kept, dict)
        if (len(kept) + 1) * picture.nbytes <= KEPT_BYTES:
            kept[self._paths[i]] = picture
        return picture


class RowItems(ImageItems):
    """Holds pictures of any size that are in memory, and resizes each when it is read.

    Args:
        rows: The pictures, raw RGB `(height, width, 3)`.
        how: Says how they are resized.
        size: The `(height, width)` in pixels to resize to.
    """

    def __init__(
        self, rows: list[np.ndarray], how: Resizing, size: tuple[int, int] = _UNREAD
    ) -> None:
        self._rows = rows
        self._how = how
        self._size = size

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def reading(self) -> str:
        """Returns how the pictures are resized."""
        return f"{self._size[0]}x{self._size[1]} {self._how}"

    @property
    def prints(self) -> list[Print]:
        """Computes the fingerprints of the pictures, in threads."""
        return list(decoding_pool().map(_print, self._rows))

    @property
    def held_bytes(self) -> int:
        """Counts the bytes of the pictures."""
        return sum(row.nbytes for row in self._rows)

    def image(self, i: int) -> np.ndarray:
        """Returns picture `i`, resized."""
        return fit_size(self._rows[i][None], self._size, self._how)[0]

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Returns a function that resizes the pictures `rows`."""
        return lambda: np.stack([self.image(int(i)) for i in rows])

    def subset(self, rows: np.ndarray) -> Self:
        """Returns the pictures `rows`, in that order."""
        return type(self)([self._rows[i] for i in rows], self._how, self._size)

    def resized(self, size: tuple[int, int]) -> Self:
        """Returns the same pictures for another size."""
        return type(self)(self._rows, self._how, size)


def _print(picture: np.ndarray) -> Print:
    """Computes the fingerprint of a picture."""
    height, width, _ = picture.shape
    return Print(fingerprint(picture), likeness_of_array(picture), (height, width))
