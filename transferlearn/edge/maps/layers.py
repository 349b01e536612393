"""Defines what a segmenter says of a photo where a pixel may have several classes."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from transferlearn.atomic_files import written_whole
from transferlearn.edge.item_reader import Seen
from transferlearn.edge.maps.folders import png
from transferlearn.edge.maps.masks import MaskPrediction, MaskReader
from transferlearn.edge.maps.palette import as_hex, colours
from transferlearn.edge.maps.tiling import Strip
from transferlearn.json_fields import Json

THRESHOLD = 0.5  # a pixel has each class of at least this probability


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerPrediction(MaskPrediction):
    """Holds what a segmenter says of one photo whose pixels may have several classes, or none.

    Attributes:
        shares: The share of the photo's pixels that have each class, by name; in sum they may be
            more than 1, or less.
        path: The path of the photo's file, if it has one.
        mask: Whether each pixel has each class, in the photo's own size and in the order of
            `shares`, bool `(height, width, classes)`.
        mask_values: The places of the classes, 0, 1, 2 and so on.
    """

    @property
    def masks(self) -> dict[str, np.ndarray]:
        """The pixels that have each class, by name, bool `(height, width)`."""
        return {name: self.mask[..., i] for i, name in enumerate(self.class_names)}

    @property
    def colours(self) -> dict[str, str]:
        """The colour of each class in pictures; the first colour is that of no class."""
        made = colours(len(self.shares) + 1)[1:]
        return dict(zip(self.shares, map(as_hex, made), strict=True))

    def picture(self) -> Image.Image:
        """Returns all classes as one picture with a palette: where some overlap, the smallest."""
        image = Image.fromarray(flattened(self.mask)).convert("P")
        image.putpalette(colours(len(self.shares) + 1).ravel().tolist())
        return image

    def save(self, path: str | Path) -> None:
        """Writes a PNG for each class, or one JSON file in the form of COCO.

        `"mask.png"` gives `mask.<class>.png` for each class: 255 where a pixel has it, else 0.
        Letters, digits, spaces, `-` and `_` of a class's name stay as they are in a file's name,
        others are written as in `%2E`.

        Args:
            path: The file to write, which ends in `.png` or `.json`; those that are there are
                replaced.

        Raises:
            ValueError: The path has another ending.
            OSError: It cannot be written.
        """
        super().save(path)

    def _write_png(self, file: Path) -> None:
        """Writes a file for each class, beside where a single one would lie."""
        for name, mask in self.masks.items():
            with written_whole(file.with_name(f"{file.stem}.{_in_file(name)}.png")) as draft:
                _white(mask).save(draft, format="PNG")


@dataclass(frozen=True)
class LayerReader(MaskReader):
    """Makes masks of probabilities, each of which says whether a pixel has one class.

    Args:
        class_names: The names of the classes, in the order of the outputs.
        mask_values: The places of the classes.
    """

    name: ClassVar[str] = "layers"

    def joined(self, strips: Iterator[Strip], seen: Seen) -> LayerPrediction:
        """Takes for each pixel the classes with a probability of at least 0.5."""
        assert seen.size is not None
        masks = np.zeros((*seen.size, len(self.class_names)), bool)
        for strip in strips:
            for i, channel in enumerate(strip.channels):
                masks[strip.rows, :, i] = channel >= THRESHOLD
        shares = map(float, masks.mean(axis=(0, 1)))
        return LayerPrediction(
            shares=dict(zip(self.class_names, shares, strict=True)),
            path=seen.path,
            mask=masks,
            mask_values=self.mask_values,
        )

    def same(
        self,
        expected: Mapping[str, np.ndarray],
        found: Mapping[str, np.ndarray],
        tolerance: float,
    ) -> np.ndarray:
        """Compares the classes that each pixel has, bool `(rows, height, width)`."""
        first, second = expected[self.output], found[self.output]
        equal = (first >= THRESHOLD) == (second >= THRESHOLD)
        return np.asarray((equal | (np.abs(first - THRESHOLD) <= tolerance)).all(axis=-1))

    def numbers(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the share of pixels that have each class, `(rows, classes)`."""
        return layer_shares(outputs[self.output])

    def as_json(self, prediction: MaskPrediction) -> Json:
        """Returns the shares, the colours, one picture, and a PNG of each class, in base64."""
        assert isinstance(prediction, LayerPrediction)
        drawn = {name: png(_white(mask)) for name, mask in prediction.masks.items()}
        masks = {name: base64.b64encode(data).decode() for name, data in drawn.items()}
        return {**super().as_json(prediction), "masks": masks}


def flattened(layers: np.ndarray) -> np.ndarray:
    """Returns a single class a pixel: of those that it has, the one of the fewest pixels.

    Args:
        layers: Whether each pixel has each class, bool `(height, width, classes)`.

    Returns:
        The place of the class, counted from 1, or 0 for none, uint8 `(height, width)`.
    """
    shown = np.zeros(layers.shape[:2], np.uint8)
    for i in np.argsort(-layers.mean(axis=(0, 1)), kind="stable"):
        shown[layers[..., i]] = i + 1
    return shown


def layer_shares(values: np.ndarray) -> np.ndarray:
    """Returns the share of pixels that have each class, float `(items, classes)`.

    Args:
        values: Probabilities, `(items, height, width, classes)`.
    """
    return np.asarray((values >= THRESHOLD).mean(axis=(1, 2)))


def _white(mask: np.ndarray) -> Image.Image:
    """Draws a mask in white on black."""
    return Image.fromarray(mask.astype(np.uint8) * 255)


def _in_file(name: str) -> str:
    """Writes a class's name, which may be a stranger's, so that it can be a part of a file's."""
    return "".join(c if c.isalnum() or c in " -_" else _escaped(c) for c in name)


def _escaped(character: str) -> str:
    """Writes a character by its bytes, as addresses of pages do."""
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
