"""Detectors learn the same from the same scenes, whatever form their boxes come in."""

import json
import warnings

import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import small_backbone

HEIGHT, WIDTH = 24, 32
NAMES = ("blue", "red")
QUARTER = 6  # what EXIF says of a photo that is stored a quarter turn to the left
HEAD = tl.heads.FCOSHead(width=16, depth=1, groups=4, features=("stride_2", "stride_4"))


def scenes():
    """Returns photos, and of each its boxes, x0, y0, x1, y1 in whole pixels, and their classes."""
    random = np.random.default_rng(0)
    photos = random.integers(100, 150, (12, HEIGHT, WIDTH, 3)).astype(np.uint8)
    boxes, labels = [], []
    for i, photo in enumerate(photos):
        boxes.append([])
        labels.append([])
        for half in range(i % 3):  # each third photo is empty
            x, y = random.integers((16 * half, 0), (16 * half + 6, 6))
            width, height = random.integers(5, 10, 2)
            id_ = random.integers(2)
            photo[y : y + height, x : x + width] = [(40, 60, 220), (220, 40, 40)][id_]
            boxes[-1].append([int(v) for v in (x, y, x + width, y + height)])
            labels[-1].append(NAMES[id_])
    return photos, boxes, labels


def stored(i, boxes):
    """Returns boxes as they lie in the file: each second photo is stored turned."""
    return [
        [y0, WIDTH - x1, y1, WIDTH - x0] if i % 2 else [x0, y0, x1, y1] for x0, y0, x1, y1 in boxes
    ]


def size(i):
    """Returns width and height of a file before EXIF turns it."""
    return (HEIGHT, WIDTH) if i % 2 else (WIDTH, HEIGHT)


def save(folder, photos):
    """Writes the photos, each second one turned, with an EXIF tag that turns it back."""
    folder.mkdir(parents=True)
    turned = Image.Exif()
    turned[0x0112] = QUARTER
    for i, photo in enumerate(photos):
        given = (np.rot90(photo), turned) if i % 2 else (photo, None)
        Image.fromarray(given[0].copy()).save(folder / f"{i:02}.png", exif=given[1])


def coco(folder, boxes, labels):
    images, annotations = [], []
    for i, (rows, names) in enumerate(zip(boxes, labels, strict=True)):
        width, height = size(i)
        images.append({"id": 7 * i, "file_name": f"{i:02}.png", "width": width, "height": height})
        for (x0, y0, x1, y1), name in zip(stored(i, rows), names, strict=True):
            place = {"image_id": 7 * i, "bbox": [x0, y0, x1 - x0, y1 - y0]}
            category = 5 * NAMES.index(name)
            annotations.append({"id": len(annotations), "category_id": category, **place})
    categories = [{"id": 5 * i, "name": name} for i, name in enumerate(NAMES)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))


def yolo(folder, boxes, labels):
    """Writes shares of the photos as one sees them: no line says how a photo is stored."""
    (folder / "labels").mkdir()
    (folder / "classes.txt").write_text("\n".join(NAMES))
    for i, (rows, names) in enumerate(zip(boxes, labels, strict=True)):
        lines = [
            f"{NAMES.index(name)} {(x0 + x1) / 2 / WIDTH} {(y0 + y1) / 2 / HEIGHT} "
            f"{(x1 - x0) / WIDTH} {(y1 - y0) / HEIGHT}"
            for (x0, y0, x1, y1), name in zip(rows, names, strict=True)
        ]
        (folder / "labels" / f"{i:02}.txt").write_text("\n".join(lines))


def voc(folder, boxes, labels):
    (folder / "Annotations").mkdir()
    for i, (rows, names) in enumerate(zip(boxes, labels, strict=True)):
        width, height = size(i)
        objects = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
            f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for (x0, y0, x1, y1), name in zip(stored(i, rows), names, strict=True)
        )
        (folder / "Annotations" / f"{i:02}.xml").write_text(
            f"<annotation><size><width>{width}</width><height>{height}</height></size>"
            f"{objects}</annotation>"
        )


def table(folder, boxes, labels):
    lines = ["path,xmin,ymin,xmax,ymax,label,width,height"]
    for i, (rows, names) in enumerate(zip(boxes, labels, strict=True)):
        cells = [(*box, name) for box, name in zip(stored(i, rows), names, strict=True)]
        for row in cells or [("",) * 5]:
            lines.append(",".join(map(str, [f"images/{i:02}.png", *row, *size(i)])))
    (folder / "boxes.csv").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def weights(backbone, source):
    """Returns the weights of a detector that was trained on a source."""
    builder = tl.ObjectDetectorBuilder(
        backbone, head=HEAD, image_size=(32, 32), freeze="all", class_names=NAMES, seed=0
    )
    return builder.fit(source, epochs=2, verbose=0).model.get_weights()


@pytest.fixture(scope="module")
def of_arrays(backbone):
    photos, boxes, labels = scenes()
    arrays = [np.array(rows, float).reshape(-1, 4) for rows in boxes]
    return weights(backbone, (photos, {"boxes": arrays, "labels": labels}))


@pytest.mark.full
@pytest.mark.parametrize(
    ("write", "source"),
    [(coco, "annotations.json"), (yolo, "."), (voc, "."), (table, "boxes.csv")],
)
def test_each_form_trains_the_same_weights(backbone, of_arrays, tmp_path, write, source):
    photos, boxes, labels = scenes()
    save(tmp_path / "images", photos)
    write(tmp_path, boxes, labels)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", tl.data.DataWarning)
        found = weights(backbone, tmp_path / source)
    unclear = ["EXIF turns 4 photos" in str(one.message) for one in said]
    assert any(unclear) == (write is yolo)
    for one, other in zip(found, of_arrays, strict=True):
        np.testing.assert_array_equal(one, other)
