"""Holds masks as targets: their classes, and what was found out about each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from transferlearn.data.messages import notice
from transferlearn.data.targets.base import Targets
from transferlearn.data.targets.masks.layers import GROUND
from transferlearn.data.targets.masks.sources import (
    VOID,
    Examined,
    MaskSource,
    as_layers,
    as_mask,
    nearest,
)
from transferlearn.edge.pictures import ImageFileError
from transferlearn.wording import counted


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskTargets(Targets):
    """Holds masks, which are read and resized when they are needed.

    Raw targets are uint8 `(n, height, width)`: the values that the masks have in their files. Where
    a pixel may have several classes, they are `(n, height, width, classes)`: 1 for each that it
    has, 0, and 255 for void.

    Attributes:
        class_names: The name of each class.
        values: The value that the pixels of each class have in a mask.
        void: The value or the colour of pixels that have no class, or `None`.
        several: Whether a pixel may have several classes.
        source: The masks, of which these targets are some.
        rows: The number in `source` of each mask, int64 `(n,)`.
        examined: For each mask in `source` what was found out about it.
        reasons: Says, by item number, why an item's mask cannot be used.
        size: The `(height, width)` that masks are resized to; `None` leaves them as they are.
    """

    class_names: tuple[str, ...]
    values: tuple[int, ...]
    void: int | str | None
    several: bool = False
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
        """Returns why items have no mask that can be used, by the item's number."""
        return self.reasons

    def take(self, rows: np.ndarray) -> Self:
        """Returns the masks of the items `rows`, in that order."""
        return replace(self, rows=self.rows[rows], reasons={})

    def of_shape(self, shape: tuple[int, ...], *, letterboxed: bool | None = None) -> Self:
        """Returns the same masks in the size of images `(height, width, channels)`."""
        if letterboxed:
            raise ValueError('Masks are stretched with their photos: fit="stretch".')
        return replace(self, size=(shape[0], shape[1]))

    def parse(self, given: np.ndarray) -> np.ndarray:
        """Checks the masks that a stream gives with a batch, and resizes them."""
        take = as_layers if self.several else as_mask
        try:
            masks = np.stack([nearest(take(mask, "a mask"), self.size) for mask in given])
        except ImageFileError as error:
            raise ValueError(f"A mask of the stream cannot be used: {error}.") from error
        if not self.several and (new := unknown(masks, self.values, void_value(self.void))):
            raise ValueError(
                f"A mask of the stream has the values {listed(new)}, which no class has: "
                f"{listed(self.values)} have."
            )
        return masks

    def check_beside(self, items: np.ndarray, given: np.ndarray) -> None:
        """Refuses masks of another size than the images that a stream gives them with."""
        if given.shape[1:3] != items.shape[1:3]:
            raise ValueError(
                f"A stream gives images of {items.shape[1]} x {items.shape[2]} pixels with masks "
                f"of {given.shape[1]} x {given.shape[2]}."
            )

    def present(self, given: np.ndarray) -> np.ndarray:
        """Returns which masks of a stream's batch are more than void, bool `(batch,)`."""
        void = VOID if self.several else void_value(self.void)
        return (given != (-1 if void is None else void)).reshape(len(given), -1).any(axis=1)

    @property
    def pixels(self) -> np.ndarray:
        """Counts the pixels of each class in each mask, int64 `(n, classes)`."""
        counts = [self.examined[i].pixels for i in self.rows]
        if not self.several:
            counts = [values[list(self.values)] for values in counts]
        return np.array(counts, np.int64).reshape(len(counts), len(self.values))

    @property
    def shares(self) -> np.ndarray:
        """The share of all pixels that each class has, void left out: `(classes,)`."""
        pixels = self.pixels.sum(axis=0)
        total = sum(self.examined[i].seen for i in self.rows) if self.several else pixels.sum()
        return pixels / max(1, total)

    def summary(self) -> str:
        """Names the classes, with their shares of all pixels."""
        pairs = zip(self.class_names, self.shares, strict=True)
        named = ", ".join(f"{name} {share:.1%}" for name, share in pairs)
        return f"{counted(len(self.class_names), 'class')} of pixels ({named})"

    def table(self) -> list[list[str]]:
        """Returns for each class its share of all pixels, and how many images show it."""
        shown = (self.pixels > 0).sum(axis=0)
        rows = zip(self.class_names, self.shares, shown, strict=True)
        listed = [[name, f"{share:.2%}", f"{images:,}"] for name, share, images in rows]
        return [["class", "pixels", "images"], *listed]

    def identity(self) -> tuple[object, ...]:
        """Returns the classes, their values, and a checksum of each mask."""
        sums = np.array([self.examined[i].checksum for i in self.rows], np.int64)
        return self.class_names, self.values, self.void, sums

    def check(self, noun: str, left_out: str) -> None:
        """Refuses masks that show fewer than two classes, or of several a pixel none."""
        seen = [n for n, share in zip(self.class_names, self.shares, strict=True) if share]
        if len(seen) < (1 if self.several else 2):
            nothing = "of no class" if self.several else "void"
            raise ValueError(
                f"There is nothing to tell apart: of {len(self.rows)} masks all pixels are "
                f"{seen[0] if seen else nothing}.{left_out}"
            )

    def check_pair(self, other: Self, noun: str, left_out: str, *, split: bool) -> None:
        """Refuses masks to validate on with other classes, or a value that no class has."""
        void = void_value(self.void)
        known = {*self.values, *([] if void is None else [void])}
        if new := sorted({*other.values} - known):
            raise ValueError(
                f"Masks to validate on have the values {listed(new)}, which masks to train on do "
                f"not have: these have {listed(self.values)}.{left_out}"
            )
        named = dict(zip(self.values, self.class_names, strict=True))
        theirs = dict(zip(other.values, other.class_names, strict=True))
        if other.source.names is not None and not theirs.items() <= named.items():
            raise ValueError(
                f"Masks to validate on have the classes {', '.join(other.class_names)}, masks to "
                f"train on {', '.join(self.class_names)}. Name all of them to have them in one "
                f"order: class_names={list(self.class_names)}.{left_out}"
            )
        if split:
            advice = " Others were held out: take another seed, or validation_split=0."
            self.check(noun, f"{advice}{left_out}")


def void_value(void: int | str | None) -> int | None:
    """Returns the value that void has once masks are read: a colour is read as 255."""
    return VOID if isinstance(void, str) else void


def unknown(mask: np.ndarray, values: Sequence[int], void: int | None) -> list[int]:
    """Returns the values of a mask that neither a class nor void has, in order."""
    return unknown_of(np.bincount(mask.ravel(), minlength=256), values, void)


def unknown_of(pixels: np.ndarray, values: Sequence[int], void: int | None) -> list[int]:
    """Returns the values with pixels that neither a class nor void has, in order."""
    known = {*values, *([] if void is None else [void])}
    return [value for value in np.flatnonzero(pixels).tolist() if value not in known]


def listed(values: Sequence[object]) -> str:
    """Writes at most ten values with commas between them."""
    more = f" and {len(values) - 10} more" if len(values) > 10 else ""
    return ", ".join(map(str, values[:10])) + more


def say_void_ground(names: Sequence[str] | None) -> None:
    """Warns where the user's class names leave out the background, which may be a slip."""
    if names is not None and GROUND not in names:
        notice(
            f"class_names have no {GROUND!r}, so pixels of no class are void: they count neither "
            "in training nor in figures, and predictions give them some class. "
            f"Received: {', '.join(names)}"
        )
