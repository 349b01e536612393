"""Defines what a network that gives pictures says of one photo, and what makes it of pixels."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from transferlearn.atomic_files import written_whole
from transferlearn.edge.item_reader import Seen
from transferlearn.edge.maps.folders import check_new, png, write_pngs
from transferlearn.edge.maps.reading import MapReader
from transferlearn.edge.maps.tiling import Strip
from transferlearn.json_fields import Json


@dataclass(frozen=True, kw_only=True, eq=False)
class PicturePrediction:
    """Holds the picture that a network makes of one photo.

    Attributes:
        size: The `(height, width)` of the picture in pixels.
        path: The path of the photo's file, if it has one.
        pixels: The picture, uint8 `(height, width, 3)`: red, green and blue.
    """

    size: tuple[int, int]
    path: str | None = None
    pixels: np.ndarray = field(repr=False)

    def picture(self) -> Image.Image:
        """Returns the picture as one of Pillow's."""
        return Image.fromarray(self.pixels)

    def save(self, path: str | Path) -> None:
        """Writes the picture as a PNG, which loses nothing.

        Args:
            path: The file to write, which ends in `.png`; one that is there is replaced.

        Raises:
            ValueError: The path has another ending.
            OSError: It cannot be written.
        """
        file = Path(path)
        if file.suffix.lower() != ".png":
            raise ValueError(f'A picture is saved as a PNG, such as "x.png". Received: {file}')
        with written_whole(file) as draft:
            self.picture().save(draft, format="PNG")

    def __str__(self) -> str:
        return f"{self.size[0]} x {self.size[1]} pixels (high, wide)"

    def _repr_png_(self) -> bytes:
        """Returns the picture for notebooks."""
        return png(self.picture())


@dataclass(frozen=True)
class PictureReader(MapReader[PicturePrediction]):
    """Makes pictures of pixels in [0, 255].

    Args:
        scale: How many times larger a picture is than the photo that it is made of.
    """

    name: ClassVar[str] = "pictures"
    output: ClassVar[str] = "pictures"

    scale: int = 1

    def __post_init__(self) -> None:
        if self.scale < 1:
            raise ValueError(f"scale is a whole number of at least 1. Received: {self.scale}")

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of what `numbers` gives."""
        return ("red", "green", "blue")

    def numbers(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the mean colour of each picture, `(rows, 3)`."""
        return np.asarray(outputs[self.output].mean(axis=(1, 2)))

    def as_json(self, prediction: PicturePrediction) -> Json:
        """Returns the size, and the picture as a PNG, in base64."""
        encoded = base64.b64encode(png(prediction.picture())).decode()
        return {"size": list(prediction.size), "picture": encoded}

    def as_png(self, prediction: PicturePrediction, item: object) -> bytes:
        """Returns the picture as a PNG."""
        return png(prediction.picture())

    def check_place(self, path: Path, count: int) -> None:
        """Refuses what is there already, and one file for several pictures."""
        check_new(path, count, "pictures go into a new folder; a single one into a .png file.")

    def write_predictions(self, predictions: Sequence[PicturePrediction], path: Path) -> None:
        """Writes a PNG for each photo into a new folder; that of a single one into a `.png` file.

        Raises:
            OSError: The folder has files, or cannot be written.
            ValueError: Two photos would give pictures of one name.
        """
        self.check_place(path, len(predictions))
        write_pngs(predictions, path, "predict on one of them at a time.")

    def joined(self, strips: Iterator[Strip], seen: Seen) -> PicturePrediction:
        """Puts the strips of a picture together, and rounds its pixels."""
        assert seen.size is not None
        size = (seen.size[0] * self.scale, seen.size[1] * self.scale)
        pixels = np.zeros((*size, 3), np.uint8)
        for strip in strips:
            for i, channel in enumerate(strip.channels):
                pixels[strip.rows, :, i] = np.clip(np.rint(channel), 0, 255)
        return PicturePrediction(size=size, path=seen.path, pixels=pixels)
