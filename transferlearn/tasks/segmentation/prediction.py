"""Defines what a model says of one photo: a mask."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from transferlearn.drafts import written_whole
from transferlearn.tables import as_html

_GOLDEN = 0.618034  # of the colour wheel: neighbours in the list of classes differ clearly


@dataclass(frozen=True, kw_only=True, eq=False)
class MaskPrediction:
    """Holds what a segmenter says of one photo.

    Attributes:
        shares: The share of the photo's pixels that each class has, by name.
        path: The path of the photo's file, if it has one.
        mask: The class of each pixel in the photo's own size, uint8 `(height, width)`: the place
            of the class in `shares`, counted from 0.
        mask_values: The value that each class has in masks that are files.
    """

    shares: dict[str, float]
    path: str | None = None
    mask: np.ndarray = field(repr=False)
    mask_values: Sequence[int] = field(repr=False)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Gives the names of the classes, in the order of their ids in `mask`."""
        return tuple(self.shares)

    def save(self, path: str | Path) -> None:
        """Writes the mask as a PNG with a palette, in the values of the masks trained on.

        So what it writes can be corrected by hand, and be trained on. Black is the first class.

        Args:
            path: The file to write, which ends in `.png`; one that is there is replaced.

        Raises:
            ValueError: The path has another ending.
            OSError: It cannot be written.
        """
        file = Path(path)
        if file.suffix.lower() != ".png":
            raise ValueError(
                f'A mask is saved as a PNG, such as "mask.png": others lose ids. Received: {file}'
            )
        table = np.zeros(256, np.uint8)
        table[: len(self.mask_values)] = self.mask_values
        image = Image.fromarray(table[self.mask]).convert("P")
        image.putpalette(_palette(self.mask_values))
        with written_whole(file) as draft:
            image.save(draft, format="PNG")

    def __str__(self) -> str:
        shown = sorted(self.shares.items(), key=lambda pair: -pair[1])
        return "\t".join(f"{name} {share:.1%}" for name, share in shown if share)

    def _repr_html_(self) -> str:
        """Gives a table of the shares for notebooks."""
        rows = [(name, f"{share:.1%}") for name, share in self.shares.items()]
        return as_html([("class", "pixels"), *rows], right=[1], caption=self.path or "")


def _palette(values: Sequence[int]) -> list[int]:
    """Gives a colour to each class, red, green and blue of all 256 values one after the other."""
    colours = np.zeros((256, 3), int)
    for i, value in enumerate(values):
        if i:
            colours[value] = np.rint(255 * np.array(colorsys.hsv_to_rgb(i * _GOLDEN % 1, 0.7, 0.9)))
    return [int(part) for part in colours.ravel()]
