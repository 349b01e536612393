"""Photos with boxes around objects, written in the forms in which boxes come."""

import json

import numpy as np
from PIL import Image

NAMES = ("car", "dog")
SIZE = (30, 50)
# Of each photo the boxes, x0, y0, x1, y1 in whole pixels, and their classes; the third has none.
BOXES = ([[5, 4, 20, 14], [30, 10, 50, 30]], [[1, 2, 11, 12]], [], [[0, 0, 50, 30]])
LABELS = (["dog", "car"], ["dog"], [], ["car"])


def photo(seed):
    """Returns a photo of noise, uint8 `(30, 50, 3)`."""
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def save_photos(folder):
    """Writes the four photos, and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(len(BOXES)):
        Image.fromarray(photo(i)).save(folder / f"{i}.png")
    return [folder / f"{i}.png" for i in range(len(BOXES))]


def coco(folder, **changes):
    """Writes `annotations.json` and `images/`; the ids have gaps."""
    save_photos(folder / "images")
    images = [
        {"id": 7 * i + 3, "file_name": f"{i}.png", "height": 30, "width": 50} for i in range(4)
    ]
    annotations = []
    for i, (boxes, labels) in enumerate(zip(BOXES, LABELS, strict=True)):
        for (x0, y0, x1, y1), label in zip(boxes, labels, strict=True):
            annotations.append(
                {
                    "id": 100 + 9 * len(annotations),
                    "image_id": 7 * i + 3,
                    "category_id": {"car": 2, "dog": 17}[label],
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "iscrowd": 0,
                }
            )
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 2, "name": "car"}, {"id": 17, "name": "dog"}],
    }
    (folder / "annotations.json").write_text(json.dumps({**content, **changes}))
    return content


def yolo(folder, names="names: [car, dog]"):
    """Writes `data.yaml`, `images/` and `labels/`, of which the third photo has an empty file."""
    save_photos(folder / "images")
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text(
        f"# drawn by hand\ntrain: images\nval: images\nnc: 2\n{names}\n"
    )
    for i, (boxes, labels) in enumerate(zip(BOXES, LABELS, strict=True)):
        lines = [
            f"{NAMES.index(label)} {(x0 + x1) / 100} {(y0 + y1) / 60} "
            f"{(x1 - x0) / 50} {(y1 - y0) / 30}"
            for (x0, y0, x1, y1), label in zip(boxes, labels, strict=True)
        ]
        (folder / "labels" / f"{i}.txt").write_text("\n".join(lines))


def voc(folder, photos="JPEGImages", annotations="Annotations"):
    """Writes an XML file for each photo, whose corners are counted from 1."""
    save_photos(folder / photos)
    (folder / annotations).mkdir(exist_ok=True)
    for i, (boxes, labels) in enumerate(zip(BOXES, LABELS, strict=True)):
        objects = "".join(
            f"<object>\n<name>{label}</name><part><bndbox><xmin>1</xmin></bndbox></part>"
            f"<bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
            f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>\n"
            for (x0, y0, x1, y1), label in zip(boxes, labels, strict=True)
        )
        (folder / annotations / f"{i}.xml").write_text(
            f"<annotation>\n<filename>/etc/passwd</filename>"
            f"<size><width>50</width><height>30</height></size>\n{objects}</annotation>"
        )


def table(folder):
    """Writes `boxes.csv` and `images/`; the third photo has a row of empty cells."""
    save_photos(folder / "images")
    lines = ["path,xmin,ymin,xmax,ymax,label"]
    for i, (boxes, labels) in enumerate(zip(BOXES, LABELS, strict=True)):
        lines += [
            f"images/{i}.png,{x0},{y0},{x1},{y1},{label}"
            for (x0, y0, x1, y1), label in zip(boxes, labels, strict=True)
        ] or [f"images/{i}.png,,,,,"]
    (folder / "boxes.csv").write_text("\n".join(lines) + "\n")
    return lines
