"""Finds a mask for each image: for each pixel, which class it has."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from transferlearn.data.listed import ByColumn, ByFolder, ByRow, Listed, as_paths
from transferlearn.data.messages import indented
from transferlearn.data.targets.base import ByBatch, Target, Targets
from transferlearn.data.targets.labels import check_names
from transferlearn.data.targets.mask_sources import Examined, MaskFiles, MaskRows, MaskSource
from transferlearn.data.targets.pairing import pair_masks, size_differs
from transferlearn.wording import counted

_VOID = 255
_BINARY = (0, 255)  # the values of masks that show one thing, drawn white on black
_MOST = 200  # classes; more values than that are a photo, or a smeared mask


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskTargets(Targets):
    """Holds masks, which are read and resized when they are needed.

    Raw targets are uint8 `(n, height, width)`: the values that the masks have in their files.

    Attributes:
        class_names: The name of each class.
        values: The value that the pixels of each class have in a mask.
        void: The value of pixels that have no class, or `None`.
        source: The masks, of which these targets are some.
        rows: The number in `source` of each mask, int64 `(n,)`.
        examined: For each mask in `source` what was found out about it.
        reasons: Says, by item number, why an item's mask cannot be used.
        size: The `(height, width)` that masks are resized to; `None` leaves them as they are.
    """

    class_names: tuple[str, ...]
    values: tuple[int, ...]
    void: int | None
    source: MaskSource
    rows: np.ndarray
    examined: Sequence[Examined]
    reasons: Mapping[int, str]
    size: tuple[int, int] | None = None

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Reads masks, uint8 `(n, height, width)`; without a `size` all must have one."""
        return np.stack([self.source.resized(int(i), self.size) for i in self.rows[rows]])

    @property
    def count(self) -> int:
        """Counts the masks."""
        return len(self.rows)

    @property
    def absent(self) -> Mapping[int, str]:
        """Says, by item number, why an item has no mask that can be used."""
        return self.reasons

    def take(self, rows: np.ndarray) -> Self:
        """Gives the masks of the items `rows`, in that order."""
        return replace(self, rows=self.rows[rows], reasons={})

    def of_shape(self, shape: tuple[int, ...]) -> Self:
        """Gives the same masks in the size of images `(height, width, channels)`."""
        return replace(self, size=(shape[0], shape[1]))

    def parse(self, given: np.ndarray) -> np.ndarray:
        """Gives masks as they are; no stream gives any yet."""
        return given

    @property
    def pixels(self) -> np.ndarray:
        """Counts the pixels of each class in each mask, int64 `(n, classes)`."""
        counts = [self.examined[i].pixels[list(self.values)] for i in self.rows]
        return np.array(counts, np.int64).reshape(len(counts), len(self.values))

    @property
    def shares(self) -> np.ndarray:
        """Gives the share of all pixels that each class has, void left out: `(classes,)`."""
        pixels = self.pixels.sum(axis=0)
        return pixels / max(1, pixels.sum())

    def summary(self) -> str:
        """Names the classes, with their shares of all pixels."""
        pairs = zip(self.class_names, self.shares, strict=True)
        named = ", ".join(f"{name} {share:.1%}" for name, share in pairs)
        return f"{counted(len(self.class_names), 'class')} of pixels ({named})"

    def table(self) -> list[list[str]]:
        """Gives for each class its share of all pixels, and how many images show it."""
        shown = (self.pixels > 0).sum(axis=0)
        rows = zip(self.class_names, self.shares, shown, strict=True)
        listed = [[name, f"{share:.2%}", f"{images:,}"] for name, share, images in rows]
        return [["class", "pixels", "images"], *listed]

    def told(self) -> tuple[object, ...]:
        """Gives the classes, their values, and a checksum of each mask."""
        sums = np.array([self.examined[i].checksum for i in self.rows], np.int64)
        return self.class_names, self.values, self.void, sums

    def check(self, noun: str, left_out: str) -> None:
        """Refuses masks that show fewer than two classes."""
        seen = [n for n, share in zip(self.class_names, self.shares, strict=True) if share]
        if len(seen) < 2:
            raise ValueError(
                f"There is nothing to tell apart: of {len(self.rows)} masks all pixels are "
                f"{seen[0] if seen else 'void'}.{left_out}"
            )

    def check_pair(self, other: Self, noun: str, left_out: str, *, split: bool) -> None:
        """Refuses masks to validate on with a value that no class has."""
        known = {*self.values, *([] if self.void is None else [self.void])}
        if new := sorted({*other.values} - known):
            raise ValueError(
                f"Masks to validate on have the values {_listed(new)}, which masks to train on do "
                f"not have: these have {_listed(self.values)}.{left_out}"
            )
        if split:
            advice = " Others were held out: take another seed, or validation_split=0."
            self.check(noun, f"{advice}{left_out}")


@dataclass(frozen=True)
class Masks(Target):
    """Learns the class of each pixel, by a mask for each image.

    Args:
        class_names: The names of the classes in the order of their values 0, 1, 2 and so on; by
            default the values found in the masks are the names.
        void: The value of pixels that have no class, which neither count in training nor in
            figures; `None`: there are no such pixels.
        values: The value that the pixels of each class have in a mask; by default 0, 1, 2 and so
            on, or what is found.

    A folder holds `images/` and, beside it, `masks/` with a file of the same name but for its
    ending (`images/a/1.jpg`, `masks/a/1.png`): ids in grey or in a palette. Masks of 0 and 255
    alone show one thing, the foreground. Arrays hold whole numbers, `(n, height, width)`.

    Example:
        data = tl.data.load("photos", target=tl.data.Masks(class_names=["road", "sky", "car"]))
        print(data.targets.summary())
    """

    class_names: Sequence[str] | None = None
    void: int | None = _VOID
    values: Sequence[int] | None = None

    items_folder: ClassVar[str | None] = "images"

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", check_names(self.class_names))
        if self.values is not None:
            object.__setattr__(self, "values", tuple(map(int, self.values)))
        if self.void is not None and not 0 <= self.void <= 255:
            raise ValueError(f"void is a value from 0 to 255, or None. Received: void={self.void}")

    @property
    def columns(self) -> tuple[str, ...]:
        """Gives the usual names of a column of masks."""
        return ("mask",)

    def of_folders(self, told: ByFolder, listed: Listed) -> MaskTargets:
        """Finds the mask of each image in the folder `masks` beside the folder `images`."""
        folder = Path(told.folder)
        paths = pair_masks(listed.items, folder / "images", folder / "masks")
        return self._targets(MaskFiles(paths), listed)

    def of_columns(self, told: ByColumn, listed: Listed) -> MaskTargets:
        """Refuses tables, which are not read yet."""
        raise ValueError(
            "Masks come from a folder with images/ and masks/, or as (x, masks). "
            f"Received: {listed.what}"
        )

    def gather(self, listed: Listed) -> Targets:
        """Finds the masks, and compares their sizes with those of the images."""
        told = listed.told
        if isinstance(told, ByRow):
            return self._targets(_source_of(told), listed)
        return super().gather(listed)

    def of_rows(self, told: ByRow) -> MaskTargets:
        """Takes the masks that were passed, without looking at the images."""
        return self._targets(_source_of(told), None)

    def of_stream(self, told: ByBatch) -> Targets:
        """Refuses streams, which are not read yet."""
        raise ValueError(
            "Masks come from a folder with images/ and masks/, or as arrays (x, masks). "
            f"Received: {told.what}"
        )

    def _targets(self, source: MaskSource, listed: Listed | None) -> MaskTargets:
        """Examines all masks, and makes targets of them that say which cannot be used."""
        with ThreadPoolExecutor() as threads:
            examined = list(threads.map(source.examine, range(len(source))))
        _refuse_smeared(examined)
        reasons = [one.reason for one in examined]
        if listed is not None:
            differ = (
                size_differs(item, one.size) if not one.reason else one.reason
                for item, one in zip(listed.items, examined, strict=True)
            )
            reasons = list(differ)
        good = [one for one, reason in zip(examined, reasons, strict=True) if not reason]
        found = np.flatnonzero(sum((one.pixels for one in good), np.zeros(256, np.int64))).tolist()
        values, void = self._values(found)
        for i, one in enumerate(examined):
            reasons[i] = reasons[i] or _unusable(one.pixels, values, void)
        return MaskTargets(
            class_names=self._names(values),
            values=values,
            void=void,
            source=source,
            rows=np.arange(len(source)),
            examined=examined,
            reasons={i: reason for i, reason in enumerate(reasons) if reason},
        )

    def _values(self, found: list[int]) -> tuple[tuple[int, ...], int | None]:
        """Gives the value of each class, and the value of void, by the values that there are."""
        names = self.class_names
        if self.values is not None:
            return tuple(self.values), self.void
        if 255 in found and {*found} <= {*_BINARY} and (names is None or len(names) == 2):
            return _BINARY, None
        if names is not None:
            return tuple(i for i in range(len(names) + 1) if i != self.void)[
                : len(names)
            ], self.void
        classes = tuple(value for value in found if value != self.void)
        if len(classes) > _MOST:
            raise ValueError(
                f"The masks have {len(classes)} different values, too many for ids of classes: "
                "were they resized or compressed? Name the classes to have others named: "
                'class_names=["background", "road"].'
            )
        return classes, self.void

    def _names(self, values: tuple[int, ...]) -> tuple[str, ...]:
        """Gives the names of the classes with these values."""
        if self.class_names is not None:
            if len(self.class_names) != len(values):
                raise ValueError(
                    f"There are {len(self.class_names)} class names for {len(values)} values: "
                    f"{_listed(values)}."
                )
            return tuple(self.class_names)
        return ("background", "foreground") if values == _BINARY else tuple(map(str, values))


def _source_of(told: ByRow) -> MaskSource:
    """Gives the source of masks that were passed, as arrays or as paths."""
    paths = as_paths(told.rows)
    return MaskRows(told.rows) if paths is None else MaskFiles(paths)


def _refuse_smeared(examined: Sequence[Examined]) -> None:
    """Refuses masks of a lossy format, all of which were written in the same wrong way."""
    if smeared := [one.reason for one in examined if one.smeared]:
        raise ValueError(
            "Masks must be PNG files: a lossy format changes ids a little, which makes other "
            f"classes of them. Write masks anew, from what these were made of:{indented(smeared)}"
        )


def _unusable(pixels: np.ndarray, values: tuple[int, ...], void: int | None) -> str:
    """Says why a mask with so many pixels of each value cannot be used; empty if it can be."""
    known = {*values, *([] if void is None else [void])}
    if new := [value for value in np.flatnonzero(pixels).tolist() if value not in known]:
        return (
            f"its mask has the values {_listed(new)}, which no class has ({_listed(values)} have)"
        )
    return "" if pixels[list(values)].any() else "all of its mask is void"


def _listed(values: Sequence[Any]) -> str:
    """Writes at most ten values with commas between them."""
    more = f" and {len(values) - 10} more" if len(values) > 10 else ""
    return ", ".join(map(str, values[:10])) + more
