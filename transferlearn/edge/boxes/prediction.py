"""Defines what a detector says of one photo: boxes, classes and scores; and draws it."""

import base64
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from transferlearn.atomic_files import written_whole
from transferlearn.edge.maps.folders import name_of, png
from transferlearn.edge.maps.palette import as_hex, colours
from transferlearn.edge.pictures import decode, decode_bytes, to_rgb
from transferlearn.json_fields import Json
from transferlearn.tables import as_html

_SHOWN = 480  # pixels; the longest side of a photo on a page
_Strip = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels of the photo
_LIGHT = 140  # of 255; on a colour that is lighter, names are written in black


@dataclass(frozen=True, kw_only=True, eq=False)
class BoxPrediction:
    """Holds the objects that a detector finds in one photo, the surest first.

    Attributes:
        labels: The class of each object.
        scores: How sure the model is of each, in [0, 1], float32 `(objects,)`.
        boxes: The box around each, x0, y0, x1, y1 in pixels of the photo, float32 `(objects, 4)`.
        class_names: The names of all classes.
        size: The `(height, width)` of the photo in pixels.
        path: The path of the photo's file, if it has one.
    """

    labels: tuple[str, ...]
    scores: np.ndarray = field(repr=False)
    boxes: np.ndarray = field(repr=False)
    class_names: Sequence[str] = field(repr=False)
    size: tuple[int, int]
    path: str | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def colours(self) -> dict[str, str]:
        """The colour of each class in pictures, such as `"#E69F00"`."""
        made = colours(len(self.class_names) + 1)[1:]
        return dict(zip(self.class_names, map(as_hex, made), strict=True))

    def picture(self, photo: object = None) -> Image.Image:
        """Draws the boxes on the photo, with class names and scores.

        Args:
            photo: The photo: a path, the bytes of a file, a Pillow picture, or an array
                `(height, width, 3)` of pixels in [0, 255]. `None`: it is read from `path` again;
                without a path, boxes are drawn on grey.

        Raises:
            OSError: The file is not there any more.
        """
        drawn = self._canvas(photo).copy()
        draw = ImageDraw.Draw(drawn)
        side = max(drawn.size)
        width, font = max(1, round(side / 300)), ImageFont.load_default(max(9, side / 45))
        pairs = zip(self.labels, self.scores.tolist(), strict=True)
        texts = [f"{label} {score:.2f}" for label, score in pairs]
        colour_of = self.colours
        strips: list[_Strip] = []  # those of the surest first
        for text, box in zip(texts, self.boxes.tolist(), strict=True):
            left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
            strips.append(_strip_for(box, (right - left, bottom - top), drawn.size, strips))
        ranks = range(len(self) - 1, -1, -1)
        for i in ranks:
            draw.rectangle(self.boxes[i].tolist(), outline=colour_of[self.labels[i]], width=width)
        for i in ranks:
            _write(draw, strips[i], texts[i], colour_of[self.labels[i]], font)
        return drawn

    def save(self, path: str | Path, photo: object = None) -> None:
        """Writes the photo with its boxes as a PNG or JPEG, or the boxes as JSON.

        Args:
            path: The file to write, which ends in `.png`, `.jpg` or `.json`; one that is there is
                replaced.
            photo: The photo, see `picture`.

        Raises:
            ValueError: The path has another ending.
            OSError: It cannot be written.
        """
        file = Path(path)
        endings = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
        if file.suffix.lower() == ".json":
            with written_whole(file) as draft:
                draft.write_text(json.dumps(coco_of([(name_of(self, 0), self)])), "utf-8")
            return
        if file.suffix.lower() not in endings:
            raise ValueError(
                'Boxes are saved as a picture, such as "boxes.png", or as "boxes.json". '
                f"Received: {file}"
            )
        with written_whole(file) as draft:
            self.picture(photo).save(draft, format=endings[file.suffix.lower()])

    def __repr__(self) -> str:
        found = str(self).replace("\t", ", ") if self.labels else "nothing"
        return f"{type(self).__name__}({found})"

    def __str__(self) -> str:
        objects = zip(self.labels, self.scores.tolist(), self.boxes.tolist(), strict=True)
        shown = (
            f"{label} {score:.2f} ({', '.join(f'{side:.0f}' for side in box)})"
            for label, score, box in objects
        )
        return "\t".join(shown) or "-"

    def _repr_html_(self) -> str:
        """Returns the drawn photo and a table of the objects, for notebooks."""
        image = self.picture()
        image.thumbnail((_SHOWN, _SHOWN))
        pixels = base64.b64encode(png(image)).decode()
        shown = f'<img alt="boxes" src="data:image/png;base64,{pixels}">'
        rows = [
            (label, f"{score:.2f}", *(f"{side:.0f}" for side in box))
            for label, score, box in zip(
                self.labels, self.scores.tolist(), self.boxes.tolist(), strict=True
            )
        ]
        table = as_html([("class", "score", "x0", "y0", "x1", "y1"), *rows], right=range(1, 6))
        caption = html.escape(self.path or "")
        return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>{table}"

    def _canvas(self, photo: Any) -> Image.Image:
        """Returns the photo to draw on."""
        if isinstance(photo, Image.Image):
            return to_rgb(photo)
        if isinstance(photo, bytes):
            return decode_bytes(photo)
        if photo is None and self.path is None:
            return Image.new("RGB", self.size[::-1], "#DDDDDD")
        if photo is None or isinstance(photo, (str, Path)):
            return decode(str(photo or self.path))
        return Image.fromarray(np.clip(np.rint(photo), 0, 255).astype(np.uint8))


def coco_of(predictions: Sequence[tuple[str, BoxPrediction]]) -> Json:
    """Returns predictions in COCO's form: photos, boxes with scores, and classes.

    Args:
        predictions: The name of each photo's file, and what was found in it.

    Reference: [COCO's format](https://cocodataset.org/#format-data).
    """
    images: list[Json] = []
    annotations: list[Json] = []
    names: list[str] = list(predictions[0][1].class_names) if predictions else []
    for number, (name, one) in enumerate(predictions, start=1):
        height, width = one.size
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        objects = zip(one.labels, one.scores.tolist(), one.boxes.tolist(), strict=True)
        for label, score, (x0, y0, x1, y1) in objects:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": names.index(label) + 1,
                    "bbox": [round(side, 2) for side in (x0, y0, x1 - x0, y1 - y0)],
                    "area": round((x1 - x0) * (y1 - y0), 2),
                    "iscrowd": 0,
                    "score": round(score, 4),
                }
            )
    categories = [{"id": i, "name": name} for i, name in enumerate(names, start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _strip_for(
    box: Sequence[float], text: tuple[float, float], photo: tuple[int, int], taken: Sequence[_Strip]
) -> _Strip:
    """Returns where the name of a box stands: within the photo, and on no other name if it can.

    Args:
        box: The box.
        text: The text's `(width, height)`.
        photo: The photo's `(width, height)`.
        taken: The places of other names.
    """
    wide, high = text[0] + 4, text[1] + 4
    x = max(0.0, min(box[0], photo[0] - wide - 1))
    places = [box[1] - high, box[3], box[1], box[3] - high]  # above, below, within
    inside = [(x, y, x + wide, y + high) for y in places if 0 <= y < photo[1] - high]
    free = [one for one in inside if not any(_cross(one, other) for other in taken)]
    return (free or inside or [(x, 0.0, x + wide, high)])[0]


def _cross(first: _Strip, second: _Strip) -> bool:
    """Returns whether two rectangles overlap."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    return bool((low < high).all())


def _write(
    draw: ImageDraw.ImageDraw,
    strip: _Strip,
    text: str,
    colour: str,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
) -> None:
    """Writes a text on a strip of its colour."""
    draw.rectangle(strip, fill=colour)
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    ink = "black" if np.dot(parts, (0.3, 0.59, 0.11)) > _LIGHT else "white"
    left, top, _, _ = draw.textbbox((0, 0), text, font=font)
    draw.text((strip[0] + 2 - left, strip[1] + 2 - top), text, fill=ink, font=font)
