"""Holds pictures as targets, which are read when they are needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from PIL import Image

from transferlearn.data.images.items import ImageItems
from transferlearn.data.images.pixels import (
    check_numbers,
    check_range,
    check_shape,
    fit_size,
    raw_rgb,
    undo_rescale,
)
from transferlearn.data.messages import indented, notice
from transferlearn.data.pictures.pairing import ADVICE, times_larger
from transferlearn.data.targets.base import Encoded, Encoder, Targets
from transferlearn.data.targets.moving import AsMaps
from transferlearn.edge.pictures import Resizing
from transferlearn.wording import counted

_PICTURES = AsMaps(0, Image.Resampling.BILINEAR)
_OF_BATCH = "A batch of targets"
_FILTER = Resizing(
    "bilinear"
)  # by which the pictures of a stream are resized, as those of files are


@dataclass(frozen=True)
class Pixels(Encoder):
    """Returns pictures as they were read: those of a stream checked and resized."""

    def __call__(self, rows: np.ndarray) -> Encoded:
        """Returns the pixels `(batch, height, width, 3)`."""
        return Encoded(rows, moves=_PICTURES)


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureTargets(Targets):
    """Holds pictures, which are read and resized when they are needed.

    Raw targets are pixels in [0, 255], `(n, height, width, 3)`: uint8, or float32 where arrays of
    floats were given.

    Attributes:
        pictures: The pictures, of which these targets are some; `None`: they are not known yet, or
            a stream gives them batch by batch.
        rows: The number in `pictures` of each target, int64 `(n,)`; none for a stream.
        scale: How many times larger a target is than the picture that goes in.
        originals: Whether what goes in is made of these pictures.
        reasons: Says, by item number, why an item's picture cannot be used.
        size: The `(height, width)` in pixels in which the pictures are read.
        value_range: The range of float pixels, as `ImageOptions` takes it.
        divided: Whether a stream gives pixels that were divided by 255.
    """

    pictures: ImageItems | None
    rows: np.ndarray
    scale: int = 1
    originals: bool = False
    reasons: Mapping[int, str] = field(default_factory=dict)
    size: tuple[int, int] = (1, 1)
    value_range: tuple[int, int] | None = None
    divided: bool = False

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Reads pictures `(n, height, width, 3)`, in the size that `of_shape` set."""
        return self._known.start(self.rows[rows])()

    @property
    def count(self) -> int | None:
        """Counts the pictures; `None` for a stream."""
        return None if self._in_stream else len(self.rows)

    @property
    def absent(self) -> Mapping[int, str]:
        """Returns why items have no picture that can be used, by the item's number."""
        return self.reasons

    def take(self, rows: np.ndarray) -> Self:
        """Returns the pictures of the items `rows`, in that order."""
        return replace(self, rows=self.rows[rows], reasons={})

    def of_shape(self, shape: tuple[int, ...], *, letterboxed: bool | None = None) -> Self:
        """The same pictures, `scale` times as large as items `(height, width, channels)`."""
        if letterboxed:
            raise ValueError('Pictures are stretched with what goes in: fit="stretch".')
        size = (shape[0] * self.scale, shape[1] * self.scale)
        pictures = None if self.pictures is None else self.pictures.resized(size)
        return replace(self, pictures=pictures, size=size)

    def of_items(self, pictures: ImageItems, scale: int) -> Self:
        """Returns as targets these pictures, one for each row, of which what goes in is made."""
        size = pictures.image(0).shape[:2]
        rows = np.arange(len(pictures))
        return replace(self, pictures=pictures, rows=rows, scale=scale, size=size)

    def parse(self, given: np.ndarray) -> np.ndarray:
        """Checks the pictures that a stream gives with a batch, and resizes them."""
        check_shape(given, "targets")
        check_numbers(given, _OF_BATCH)
        raw = undo_rescale(given, 1 / 255) if self.divided else given
        check_range(raw, _OF_BATCH)
        return fit_size(raw_rgb(raw, divided=False), self.size, _FILTER)

    def check_beside(self, items: np.ndarray, given: np.ndarray) -> None:
        """Refuses pictures of a stream that are not `scale` times as large as what goes in."""
        size, target = items.shape[1:3], given.shape[1:3]
        if times_larger(size, target) != self.scale:
            raise ValueError(
                f"A stream gives images of {size[0]} x {size[1]} pixels with targets of "
                f"{target[0]} x {target[1]}, and in its first batch targets were {self.scale} "
                "times as large."
            )

    def summary(self) -> str:
        """Describes how many pictures there are, and how large they are."""
        larger = f", {self.scale} times as large as what goes in" if self.scale > 1 else ""
        count = "pictures" if self.count is None else counted(self.count, "picture")
        return f"{count}{larger}"

    def identity(self) -> tuple[object, ...]:
        """Returns the scale, and the hash of each picture."""
        hashes = () if self.pictures is None else tuple(self._hashes())
        return self.scale, self.originals, hashes

    def check_pair(self, other: Self, noun: str, left_out: str, *, split: bool) -> None:
        """Refuses pictures to validate on that are enlarged by another factor."""
        if other.scale != self.scale:
            raise ValueError(
                f"Pictures to train on are {self.scale} times as large as what goes in, and those "
                f"to validate on {other.scale} times.{left_out}"
            )

    def compare_copies(self, names: Sequence[str], hashes: Sequence[str]) -> None:
        """Names pairs of two equal pictures, and refuses data of nothing else."""
        if self.originals:
            return
        same = [name for name, a, b in zip(names, hashes, self._hashes(), strict=True) if a == b]
        if same and len(same) == len(names):
            raise ValueError(
                f"There is nothing to learn: each picture that goes in is its own target. {ADVICE}"
            )
        if same:
            notice(f"{counted(len(same), 'picture')} equal to its target:{indented(same)}")

    @property
    def _in_stream(self) -> bool:
        """Returns whether a stream gives the pictures, with what goes in."""
        return self.pictures is None and not self.originals

    @property
    def _known(self) -> ImageItems:
        """The pictures, and refuses originals that no kind has read."""
        if self.pictures is None:
            raise ValueError(
                "A degradation makes what goes in, which this cannot do: pass pairs, (x, y) or "
                "inputs/ and targets/, to a builder without a degradation."
            )
        return self.pictures

    def _hashes(self) -> list[str]:
        """Returns the hash of each picture's content."""
        hashes = self._known.content_hashes()
        return [hashes[i] for i in self.rows]
