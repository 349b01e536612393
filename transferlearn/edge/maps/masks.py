"""Defines what a segmenter says of one photo, and what makes it of probabilities."""

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from transferlearn.atomic_files import written_whole
from transferlearn.edge.item_reader import Seen
from transferlearn.edge.maps.coco import write_coco
from transferlearn.edge.maps.folders import check_new, name_of, names_of, png, write_pngs
from transferlearn.edge.maps.palette import as_hex, colours
from transferlearn.edge.maps.reading import MapReader
from transferlearn.edge.maps.tiling import Strip
from transferlearn.json_fields import Json
from transferlearn.tables import as_html

_SHOWN = 320  # pixels; the longest side of a mask on a page


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
        """The names of the classes, in the order of their ids in `mask`."""
        return tuple(self.shares)

    @property
    def colours(self) -> dict[str, str]:
        """The colour of each class in pictures and in files, such as `"#E69F00"`."""
        made = colours(len(self.shares))
        return dict(zip(self.shares, map(as_hex, made), strict=True))

    def picture(self) -> Image.Image:
        """Returns the mask as a Pillow picture in the classes' colours, with a palette.

        Its pixels have the values of the masks that were trained on.
        """
        table, palette = np.zeros(256, np.uint8), np.zeros((256, 3), np.uint8)
        values = list(self.mask_values)
        table[: len(values)] = values
        palette[values] = colours(len(values))
        image = Image.fromarray(table[self.mask]).convert("P")
        image.putpalette(palette.ravel().tolist())
        return image

    def save(self, path: str | Path) -> None:
        """Writes the mask as a PNG with a palette, or as JSON in the form of COCO.

        The PNG has the values of the masks trained on, so it can be corrected by hand, and be
        trained on. In COCO's form each class is an area of runs, under the name of the photo.

        Args:
            path: The file to write, which ends in `.png` or `.json`; one that is there is replaced.

        Raises:
            ValueError: The path has another ending.
            OSError: It cannot be written.
        """
        file = Path(path)
        if file.suffix.lower() == ".json":
            write_coco(file, [(name_of(self, 0), self.mask)], self.class_names)
            return
        if file.suffix.lower() != ".png":
            raise ValueError(
                'A mask is saved as a PNG, such as "mask.png", since others lose ids, or in the '
                f'form of COCO, as "mask.json". Received: {file}'
            )
        self._write_png(file)

    def _write_png(self, file: Path) -> None:
        """Writes the mask with its palette."""
        with written_whole(file) as draft:
            self.picture().save(draft, format="PNG")

    def __str__(self) -> str:
        shown = sorted(self.shares.items(), key=lambda pair: -pair[1])
        return "\t".join(f"{name} {share:.1%}" for name, share in shown if share)

    def _repr_html_(self) -> str:
        """Returns the mask, and a table of the shares that says what its colours are."""
        image = self.picture().convert("RGB")
        image.thumbnail((_SHOWN, _SHOWN), Image.Resampling.NEAREST)
        pixels = base64.b64encode(png(image)).decode()
        shown = f'<img alt="mask" src="data:image/png;base64,{pixels}">'
        rows = [(name, f"{share:.1%}") for name, share in self.shares.items()]
        table = as_html([("class", "pixels"), *rows], right=[1])
        # A class's name comes from strangers; the table has escaped it, and colours are ours.
        for name, colour in self.colours.items():
            cell = f">{html.escape(name)}</td>"
            swatch = f'<span style="color:{colour}">\N{BLACK SQUARE}</span> '
            table = table.replace(cell, f">{swatch}{cell[1:]}", 1)
        caption = html.escape(self.path or "")
        return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>{table}"


@dataclass(frozen=True)
class MaskReader(MapReader[MaskPrediction]):
    """Makes masks of probabilities, one for each class and pixel.

    Args:
        class_names: The names of the classes, in the order of the outputs.
        mask_values: The value that each class has in masks that are files.
    """

    name: ClassVar[str] = "masks"
    output: ClassVar[str] = "probabilities"

    class_names: tuple[str, ...]
    mask_values: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.class_names) != len(self.mask_values):
            raise ValueError(
                f"there are {len(self.mask_values)} mask_values for {len(self.class_names)} classes"
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.class_names

    def joined(self, strips: Iterator[Strip], seen: Seen) -> MaskPrediction:
        """Takes the likeliest class of each pixel."""
        assert seen.size is not None
        mask, counts = np.zeros(seen.size, np.uint8), np.zeros(len(self.class_names), np.int64)
        for strip in strips:
            part, best = mask[strip.rows], np.float32(-np.inf)
            for i, channel in enumerate(strip.channels):
                part[channel > best] = i
                best = np.maximum(best, channel)
            # Strip by strip, since counting makes int64 of each pixel.
            counts += np.bincount(part.ravel(), minlength=len(counts))
        return MaskPrediction(
            shares=dict(zip(self.class_names, map(float, counts / mask.size), strict=True)),
            path=seen.path,
            mask=mask,
            mask_values=self.mask_values,
        )

    def same(
        self,
        expected: Mapping[str, np.ndarray],
        found: Mapping[str, np.ndarray],
        tolerance: float,
    ) -> np.ndarray:
        """Compares the likeliest class of each pixel, bool `(rows, height, width)`."""
        first, second = expected[self.output], found[self.output]
        chosen = np.take_along_axis(first, second.argmax(axis=-1)[..., None], axis=-1)[..., 0]
        return np.asarray(first.max(axis=-1) - chosen <= tolerance)

    def numbers(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the share of pixels that each class is the likeliest of, `(rows, classes)`."""
        return shares_of(outputs[self.output])

    def as_json(self, prediction: MaskPrediction) -> Json:
        """Returns the shares, the colours, and the mask as a PNG with a palette, in base64."""
        return {
            "shares": prediction.shares,
            "colours": prediction.colours,
            "mask": base64.b64encode(png(prediction.picture())).decode(),
        }

    def as_png(self, prediction: MaskPrediction, item: object) -> bytes:
        """Returns the mask as a PNG with a palette."""
        return png(prediction.picture())

    def check_place(self, path: Path, count: int) -> None:
        """Refuses what is there already, since it might be photos, and one file for several."""
        if path.suffix.lower() == ".json":
            return
        advice = "masks go into a new folder, or a .json file; that of one photo into a .png file."
        check_new(path, count, advice)

    def write_predictions(self, predictions: Sequence[MaskPrediction], path: Path) -> None:
        """Writes a PNG for each photo into a new folder, or one `.json` file in COCO's form.

        Of a single photo the place may be the `.png` file itself.

        Raises:
            OSError: The folder has files, or cannot be written.
            ValueError: Two photos would give masks of one name.
        """
        self.check_place(path, len(predictions))
        if path.suffix.lower() == ".json":
            pairs = zip(names_of(predictions), predictions, strict=True)
            write_coco(path, ((name, one.mask) for name, one in pairs), self.class_names)
            return
        write_pngs(predictions, path, "name a file such as masks.json, which holds both.")


def shares_of(values: np.ndarray) -> np.ndarray:
    """Returns the share of pixels that each class is the likeliest of, float `(items, classes)`.

    Args:
        values: Probabilities, `(items, height, width, classes)`.
    """
    said, count = values.argmax(axis=-1), values.shape[-1]
    pairs = said + count * np.arange(len(said))[:, None, None]
    found = np.bincount(pairs.ravel(), minlength=count * len(said)).reshape(len(said), count)
    return np.asarray(found / max(1, said[0].size if len(said) else 1))
