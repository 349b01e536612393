"""Finds a picture to learn for each picture that goes in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, NoReturn, Self

import numpy as np

from transferlearn.data.images.items import ImageItems
from transferlearn.data.listed import ByColumn, ByFolder, ByRow, Listed
from transferlearn.data.messages import indented, notice
from transferlearn.data.pictures.pairing import partners, size_before, times_larger
from transferlearn.data.pictures.sources import Opened, open_pictures
from transferlearn.data.targets.base import ByBatch, Target, Targets
from transferlearn.wording import counted

_INPUTS, _TARGETS = "inputs", "targets"  # the names of the two folders


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureTargets(Targets):
    """Holds pictures, which are read and resized when they are needed.

    Raw targets are pixels in [0, 255], `(n, height, width, 3)`: uint8, or float32 where arrays of
    floats were given.

    Attributes:
        pictures: The pictures, of which these targets are some; `None`: they are not known yet.
        rows: The number in `pictures` of each target, int64 `(n,)`.
        scale: How many times larger a target is than the picture that goes in.
        originals: Whether what goes in is made of these pictures.
        reasons: Says, by item number, why an item's picture cannot be used.
    """

    pictures: ImageItems | None
    rows: np.ndarray
    scale: int = 1
    originals: bool = False
    reasons: Mapping[int, str] = field(default_factory=dict)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Reads pictures `(n, height, width, 3)`, in the size that `of_shape` set."""
        return self._known.start(self.rows[rows])()

    @property
    def size(self) -> tuple[int, int]:
        """Gives the `(height, width)` in pixels in which the pictures are read."""
        height, width, _ = self._known.image(int(self.rows[0])).shape
        return height, width

    @property
    def count(self) -> int:
        """Counts the pictures."""
        return len(self.rows)

    @property
    def absent(self) -> Mapping[int, str]:
        """Says, by item number, why an item has no picture that can be used."""
        return self.reasons

    def take(self, rows: np.ndarray) -> Self:
        """Gives the pictures of the items `rows`, in that order."""
        return replace(self, rows=self.rows[rows], reasons={})

    def of_shape(self, shape: tuple[int, ...]) -> Self:
        """Gives the same pictures, `scale` times as large as items `(height, width, channels)`."""
        if self.pictures is None:
            return self
        size = (shape[0] * self.scale, shape[1] * self.scale)
        return replace(self, pictures=self.pictures.resized(size))

    def as_opened(self, some: Self, shape: tuple[int, ...]) -> Self:
        """Gives `some`, where only they are known to be the originals of items."""
        return some if self.originals else super().as_opened(some, shape)

    def of_items(self, pictures: ImageItems, scale: int) -> Self:
        """Gives as targets these pictures, one for each row, of which what goes in is made."""
        return replace(self, pictures=pictures, rows=np.arange(len(pictures)), scale=scale)

    def parse(self, given: np.ndarray) -> np.ndarray:
        """Gives pictures as they are; no stream gives any yet."""
        return given

    def summary(self) -> str:
        """Says how many pictures there are, and how large they are."""
        larger = f", {self.scale} times as large as what goes in" if self.scale > 1 else ""
        return f"{counted(self.count, 'picture')}{larger}"

    def told(self) -> tuple[object, ...]:
        """Gives the scale, and the hash of each picture."""
        return self.scale, self.originals, tuple(self._hashes())

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
                "There is nothing to learn: each picture that goes in is its own target. To learn "
                "from good pictures alone, name what makes them worse: "
                "degradation=tl.data.denoise(0.1)."
            )
        if same:
            notice(f"{counted(len(same), 'picture')} equal to its target:{indented(same)}")

    @property
    def _known(self) -> ImageItems:
        """Gives the pictures, and refuses originals that no kind has read."""
        if self.pictures is None:
            raise ValueError(
                "A degradation makes what goes in, which this cannot do: pass pairs, (x, y) or "
                "inputs/ and targets/, to a builder without a degradation."
            )
        return self.pictures

    def _hashes(self) -> list[str]:
        """Gives the hash of each picture's content."""
        hashes = self._known.content_hashes()
        return [hashes[i] for i in self.rows]


class _WithoutTables(Target):
    """Refuses what pictures are not read from yet."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Gives the usual names of a column of pictures."""
        return ("target",)

    def of_columns(self, told: ByColumn, listed: Listed) -> NoReturn:
        """Refuses tables."""
        raise _unread(listed.what)

    def of_stream(self, told: ByBatch) -> NoReturn:
        """Refuses streams."""
        raise _unread(told.what)


def _unread(what: str) -> ValueError:
    """Makes the error for a source that pictures are not read from."""
    return ValueError(
        f"Pairs of pictures come from a folder with {_INPUTS}/ and {_TARGETS}/, or as (x, y), two "
        "arrays or lists; good pictures to be made worse from a folder, a list or an array. "
        f"Received: {what}"
    )


@dataclass(frozen=True)
class Pictures(_WithoutTables):
    """Learns to make one picture of another, from pairs of pictures.

    A folder holds `inputs/` and, beside it, `targets/` with a file of the same name but for its
    ending (`inputs/a/1.jpg`, `targets/a/1.png`). Arrays and lists go in as `(x, y)`. A target is as
    large as its input, or a whole multiple of it, the same for all.

    Example:
        data = tl.data.load("scans", target=tl.data.Pictures())
        print(data.targets.summary())
    """

    items_folder: ClassVar[str | None] = _INPUTS
    targets_folder: ClassVar[str | None] = _TARGETS

    def of_folders(self, told: ByFolder, listed: Listed) -> PictureTargets:
        """Finds the target of each picture in the folder `targets` beside `inputs`."""
        folder = Path(told.folder)
        paths = partners(listed.items, folder / _INPUTS, folder / _TARGETS)
        return _paired(open_pictures(paths), listed.items)

    def of_rows(self, told: ByRow) -> PictureTargets:
        """Takes the pictures that were passed, without looking at what goes in."""
        opened = open_pictures(told.rows)
        return _paired(opened, [None] * len(opened.checks))

    def gather(self, listed: Listed) -> Targets:
        """Finds the targets, and compares their sizes with those of what goes in."""
        if isinstance(listed.told, ByRow):
            return _paired(open_pictures(listed.told.rows), listed.items)
        return super().gather(listed)


@dataclass(frozen=True)
class Originals(_WithoutTables):
    """Learns to make good pictures of worse ones, which `DegradedImages` makes of them.

    The source is a folder of pictures, in folders below it or not, a list or an array.
    """

    items_folder: ClassVar[str | None] = "."
    alone: ClassVar[bool] = True

    def of_folders(self, told: ByFolder, listed: Listed) -> PictureTargets:
        """Takes each picture itself."""
        return self._of(len(listed))

    def of_rows(self, told: ByRow) -> PictureTargets:
        """Takes each picture itself."""
        return self._of(len(told.rows))

    def gather(self, listed: Listed) -> Targets:
        """Takes each picture itself."""
        return self._of(len(listed))

    def _of(self, count: int) -> PictureTargets:
        """Makes targets of pictures that are not opened yet."""
        return PictureTargets(pictures=None, rows=np.arange(count), originals=True)


def _paired(opened: Opened, inputs: Sequence[Any]) -> PictureTargets:
    """Makes targets of opened pictures, and says which of them do not fit their inputs.

    Args:
        opened: The targets.
        inputs: What goes in, one for each: paths, pictures, or `None` for one that is not known.
    """
    reasons = [check.reason for check in opened.checks]
    times = [0] * len(reasons)
    for i, (item, check) in enumerate(zip(inputs, opened.checks, strict=True)):
        if not check.reason and (size := size_before(item)) is not None:
            target = check.fingerprint.size
            times[i] = times_larger(size, target)
            if not times[i]:
                reasons[i] = (
                    f"the input is {size[0]} x {size[1]} pixels high and wide, its target "
                    f"{target[0]} x {target[1]}: neither the same size nor a whole multiple"
                )
    known = Counter(number for number in times if number)
    scale = max(known, key=lambda number: known[number], default=1)
    for i, number in enumerate(times):
        if number not in (0, scale):
            reasons[i] = f"its target is {number} times as large, and most others {scale} times"
    return PictureTargets(
        pictures=opened.items,
        rows=np.arange(len(reasons)),
        scale=scale,
        reasons={i: reason for i, reason in enumerate(reasons) if reason},
    )
