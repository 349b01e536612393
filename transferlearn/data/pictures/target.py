"""Finds a picture to learn for each picture that goes in."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn

import numpy as np

from transferlearn.data.images.options import ImageOptions
from transferlearn.data.images.pixels import check_shape, is_divided
from transferlearn.data.listed import ByColumn, ByFolder, ByRow, Listed, path_in
from transferlearn.data.pictures.pairing import ADVICE, partners, size_before, times_larger
from transferlearn.data.pictures.sources import open_pictures
from transferlearn.data.pictures.targets import PictureTargets
from transferlearn.data.targets.base import ByBatch, Target, Targets
from transferlearn.data.targets.columns import find_column
from transferlearn.data.targets.labels import is_missing

_INPUTS, _TARGETS = "inputs", "targets"  # the names of the two folders


@dataclass(frozen=True)
class Pictures(Target):
    """Learns to make one picture of another, from pairs of pictures.

    A folder holds `inputs/` and, beside it, `targets/` with a file of the same name but for its
    ending (`inputs/a/1.jpg`, `targets/a/1.png`). Tables have a column of paths, `target`, beside
    that of what goes in. Arrays and lists go in as `(x, y)`, and streams give such batches. A
    target is as large as its input, or a whole multiple of it, the same for all.

    Args:
        value_range: The range of float pixels in arrays and streams, see `ImageOptions`.

    Example:
        data = tl.data.load("scans", target=tl.data.Pictures())
        print(data.targets.summary())
    """

    value_range: tuple[int, int] | None = None

    items_folder: ClassVar[str | None] = _INPUTS
    targets_folder: ClassVar[str | None] = _TARGETS
    advice: ClassVar[str] = ADVICE

    @property
    def columns(self) -> tuple[str, ...]:
        """The usual names of a column of pictures to learn."""
        return ("target", "targets", "target_path", "output")

    @property
    def ranks(self) -> tuple[int, ...]:
        """Returns how many axes a picture has in a stream."""
        return (3,)

    def of_folders(self, origin: ByFolder, listed: Listed) -> PictureTargets:
        """Finds the target of each picture in the folder `targets` beside `inputs`."""
        folder = Path(origin.folder)
        paths = partners(listed.items, folder / _INPUTS, folder / _TARGETS)
        return self._paired(paths, listed.items)

    def of_columns(self, origin: ByColumn, listed: Listed) -> PictureTargets:
        """Takes the paths of pictures, or pictures themselves, from the column `target`."""
        name = find_column(origin, listed, self.columns, "target", "call it target")
        cells = [None if is_missing(cell) else cell for cell in origin.columns[name]]
        if all(cell is None or isinstance(cell, (str, Path)) for cell in cells):
            cells = [None if cell is None else path_in(cell, origin.folder) for cell in cells]
        return self._paired(cells, listed.items)

    def of_rows(self, origin: ByRow) -> PictureTargets:
        """Takes the pictures that were passed, without looking at what goes in."""
        return self._paired(origin.rows, [None] * len(origin.rows))

    def of_stream(self, origin: ByBatch) -> PictureTargets:
        """Looks at the first pictures of a stream; all others are checked as they come."""
        first = np.asarray(origin.first)
        check_shape(first, "targets")
        size, target = (origin.shape[0], origin.shape[1]), first.shape[1:3]
        scale = times_larger(size, target)
        if not scale:
            raise ValueError(
                f"{origin.what} gives images of {size[0]} x {size[1]} pixels with targets of "
                f"{target[0]} x {target[1]}: neither the same size nor a whole multiple."
            )
        divided = is_divided(first, self._options, f"{origin.what}'s targets")
        return PictureTargets(
            pictures=None,
            rows=np.arange(0),
            scale=scale,
            value_range=self.value_range,
            divided=divided,
        )

    def gather(self, listed: Listed) -> Targets:
        """Finds the targets, and compares their sizes with those of what goes in."""
        if isinstance(listed.origin, ByRow):
            return self._paired(listed.origin.rows, listed.items)
        return super().gather(listed)

    @property
    def _options(self) -> ImageOptions:
        """The settings by which pixels are read."""
        return ImageOptions(value_range=self.value_range)

    def _paired(self, given: Sequence[object], inputs: Sequence[object]) -> PictureTargets:
        """Opens pictures, makes targets of them, and says which do not fit their inputs.

        Args:
            given: The pictures, as `open_pictures` takes them.
            inputs: What goes in, one for each: paths, pictures, or `None` where it is not known.
        """
        opened = open_pictures(given, self._options)
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
                reasons[i] = (
                    f"its target is {number} times as large, where {known[scale]} others are "
                    f"{scale} times as large"
                )
        return PictureTargets(
            pictures=opened.items,
            rows=np.arange(len(reasons)),
            scale=scale,
            value_range=self.value_range,
            reasons={i: reason for i, reason in enumerate(reasons) if reason},
        )


@dataclass(frozen=True)
class Originals(Target):
    """Learns to make good pictures of worse ones, which `DegradedImages` makes of them.

    The source is a folder of pictures, in folders below it or not, a table with a column of paths,
    a list or an array.
    """

    items_folder: ClassVar[str | None] = "."
    alone: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...]:
        """No name: items are their own targets."""
        return ()

    def of_folders(self, origin: ByFolder, listed: Listed) -> PictureTargets:
        """Takes each picture itself."""
        return self._of(len(listed))

    def of_rows(self, origin: ByRow) -> PictureTargets:
        """Takes each picture itself."""
        return self._of(len(origin.rows))

    def of_columns(self, origin: ByColumn, listed: Listed) -> PictureTargets:
        """Takes each picture itself."""
        return self._of(len(listed))

    def of_stream(self, origin: ByBatch) -> NoReturn:
        """Refuses streams, of which it is not known how to make what goes in."""
        refuse_stream(origin.what)

    def gather(self, listed: Listed) -> Targets:
        """Takes each picture itself."""
        return self._of(len(listed))

    def _of(self, count: int) -> PictureTargets:
        """Makes targets of pictures that are not opened yet."""
        return PictureTargets(pictures=None, rows=np.arange(count), originals=True)


def refuse_stream(what: str) -> NoReturn:
    """Refuses a stream of good pictures, which no degradation is applied to."""
    raise ValueError(
        f"No degradation is applied to a stream. Make pairs in it, and leave the degradation out: "
        f"stream.map(lambda x: (worse(x), x)). Received: {what}"
    )
