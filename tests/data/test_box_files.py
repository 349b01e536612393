"""Tests that boxes are read alike from COCO, YOLO, Pascal VOC and tables, and bad ones named."""

import json

import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests import boxes as made

BOXES = tl.data.Boxes()
KIND = tl.data.Images(image_size=(30, 50))


def load(source, target=BOXES, **settings):
    """Loads photos with their boxes."""
    return tl.data.load(source, KIND, target, **settings)


def warned(source, target=BOXES):
    """Returns the warnings that a source gives, in one text."""
    with pytest.warns(tl.data.DataWarning) as told:
        load(source, target)
    return "\n".join(str(one.message) for one in told)


def check(data):
    """Checks that the four photos and their boxes were found."""
    assert [path[-5:] for path in data.names] == [f"{i}.png" for i in range(4)]
    assert data.targets.class_names == made.NAMES
    rows = data.targets[np.arange(4)]
    assert rows.shape == (4, 3, 7)
    for found, boxes, labels in zip(rows, made.BOXES, made.LABELS, strict=True):
        count = len(boxes)
        assert found[:, 4].tolist() == [made.NAMES.index(n) for n in labels] + [-1] * (3 - count)
        expected = np.array(boxes, float).reshape(-1, 4)
        np.testing.assert_allclose(found[:count, :4] * [50, 30, 50, 30], expected, atol=1e-4)
        areas = (expected[:, 2] - expected[:, 0]) * (expected[:, 3] - expected[:, 1])
        np.testing.assert_allclose(found[:count, 5], areas, rtol=1e-5)


@pytest.mark.parametrize("source", ["annotations.json", "."])
def test_coco(tmp_path, source):
    made.coco(tmp_path)
    check(load(tmp_path / source))


def test_crowds_and_areas_of_coco_are_kept(tmp_path):
    content = made.coco(tmp_path)
    content["annotations"][0].update(iscrowd=1, area=77.5)
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    rows = load(tmp_path).targets[np.array([0])][0]
    assert rows[:, 5].tolist() == [77.5, 400, 1500]
    assert rows[:, 6].tolist() == [1, 0, 0]


NAMES = [
    "names: [car, dog]",
    "names: ['car', \"dog\"]  # two",
    "names:\n- car\n- dog",
    "names:\n  0: car\n  1: dog",
    "names: {0: car, 1: dog}",
    "names: ['car',\n  'dog']",
]


@pytest.mark.parametrize("names", NAMES)
def test_yolo(tmp_path, names):
    made.yolo(tmp_path, names)
    check(load(tmp_path))


@pytest.mark.parametrize("source", ["data.yaml", "images"])
def test_yolo_by_its_yaml_or_its_photos(tmp_path, source):
    made.yolo(tmp_path)
    check(load(tmp_path / source))


def test_yolo_beside_the_photos_with_classes_txt(tmp_path):
    made.yolo(tmp_path / "a")
    flat = tmp_path / "flat"
    made.save_photos(flat)
    for file in (tmp_path / "a/labels").iterdir():
        (flat / file.name).write_text(file.read_text())
    (flat / "classes.txt").write_text("car\ndog\n")
    check(load(flat))


def test_the_parts_of_a_yaml_are_trained_and_validated_on(tmp_path):
    made.yolo(tmp_path / "a")
    root = tmp_path / "b"
    for part in ("train", "val"):
        for place in ("images", "labels"):
            (root / place / part).mkdir(parents=True)
    for i in range(4):
        part = "val" if i == 3 else "train"
        for place, end in (("images", "png"), ("labels", "txt")):
            name = f"{i}.{end}"
            (root / place / part / name).write_bytes((tmp_path / "a" / place / name).read_bytes())
    (root / "data.yaml").write_text(
        "path: /somewhere/else/b\ntrain: images/train\nval: images/val\nnames: [car, dog]"
    )
    reading = tl.data.Reading(kind=KIND, target=BOXES)
    for source in (root, root / "data.yaml"):
        train, validation = tl.data.load_pair(source, None, reading)
        assert (train.size, validation.size) == (3, 1)
        assert validation.targets.table()[1:] == [["car", "1", "1"], ["dog", "0", "0"]]


@pytest.mark.parametrize(
    ("photos", "annotations"),
    [("JPEGImages", "Annotations"), ("images", "annotations"), ("both", "both"), ("a", "b")],
)
def test_voc(tmp_path, photos, annotations):
    made.voc(tmp_path, photos, annotations)
    check(load(tmp_path))


def test_tables_have_a_row_for_each_box(tmp_path):
    import pandas as pd

    made.table(tmp_path)
    check(load(tmp_path / "boxes.csv"))
    frame = pd.read_csv(tmp_path / "boxes.csv")
    frame["path"] = [str(tmp_path / path) for path in frame["path"]]
    check(load(frame))
    shares = frame.assign(xmin=frame.xmin / 50, xmax=frame.xmax / 50)
    shares = shares.assign(ymin=frame.ymin / 30, ymax=frame.ymax / 30)
    check(load(shares, tl.data.Boxes(bounding_box_format="rel_xyxy")))
    sides = frame.rename(columns={"xmin": "x", "ymin": "y"}).assign(
        width=frame.xmax - frame.xmin, height=frame.ymax - frame.ymin
    )
    sides = sides.drop(columns=["xmax", "ymax"])
    check(load(sides, tl.data.Boxes(bounding_box_format="xywh")))
    with pytest.raises(ValueError, match="bounding_box_format='xywh'"):
        load(sides)


def test_a_table_may_say_how_large_its_photos_are(tmp_path):
    header, *lines = made.table(tmp_path)
    table = tmp_path / "boxes.csv"
    table.write_text("\n".join([f"{header},width,height", *(f"{line},50,30" for line in lines)]))
    check(load(table))
    table.write_text("\n".join([f"{header},width,height", *(f"{line},60,40" for line in lines)]))
    with pytest.raises(ValueError, match="of a photo of 60 x 40 pixels, and it has 50 x 30"):
        load(table)


def test_groups_of_a_table_are_those_of_photos(tmp_path):
    lines = made.table(tmp_path)
    grouped = [f"{line},{'g' if i else 'camera'}" for i, line in enumerate(lines)]
    (tmp_path / "boxes.csv").write_text("\n".join(grouped))
    reading = tl.data.Reading(kind=KIND, target=BOXES, groups="camera")
    train, _ = tl.data.load_pair(tmp_path / "boxes.csv", None, reading, validation_split=0)
    assert train.groups == ["g"] * 4


def test_classes_of_the_data_to_train_on_are_those_to_validate_on(tmp_path):
    lines = made.table(tmp_path)
    (tmp_path / "few.csv").write_text("\n".join([lines[0], *lines[3:4]]))
    reading = tl.data.Reading(kind=KIND, target=BOXES)
    with pytest.warns(tl.data.DataWarning, match="The same image"):
        _, few = tl.data.load_pair(tmp_path / "boxes.csv", tmp_path / "few.csv", reading)
    assert few.targets.class_names == made.NAMES


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_are_turned_with_photos_that_exif_turns(tmp_path, orientation):
    """The file's own size says whether its boxes lie as the camera stored the photo."""
    pixels = np.zeros((*made.SIZE, 3), np.uint8)
    pixels[4:14, 5:20] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "images").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images/0.png", exif=exif)
    content = made.coco(tmp_path / "other")
    content["images"], content["annotations"] = content["images"][:1], content["annotations"][:1]
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    data = tl.data.load(tmp_path / "annotations.json", tl.data.Images(image_size=(50, 30)), BOXES)
    shown = data.image(0)[..., 0]
    rows, columns = np.nonzero(shown > 127)
    expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    found = data.targets[np.array([0])][0, 0, :4] * [30, 50, 30, 50]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    # Here the annotations were made on the photo as it is seen.
    content["images"][0].update(height=50, width=30)
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    seen = tl.data.load(tmp_path / "annotations.json", tl.data.Images(image_size=(50, 30)), BOXES)
    found = seen.targets[np.array([0])][0, 0, :4] * [30, 50, 30, 50]
    np.testing.assert_allclose(found, [5, 4, 20, 14], atol=1e-4)


def test_it_is_said_where_exif_leaves_boxes_unclear(tmp_path):
    made.yolo(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(made.photo(0)).save(tmp_path / "images/0.png", exif=exif)
    assert "EXIF turns 1 photo" in warned(tmp_path)


def bad_coco(folder, change):
    """Changes the annotation 100, the first of the first photo."""
    content = made.coco(folder)
    content["annotations"][0].update(change)
    (folder / "annotations.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bbox": [5, 4, -3, 10]}, "annotation 100: a box whose corners are swapped"),
        ({"bbox": [90, 4, 15, 10]}, "annotation 100: a box from (90, 4) to (105, 14) outside"),
        ({"bbox": [5, 4, 10**400, 1]}, "annotation 100: bbox must be 4 numbers"),
        ({"bbox": [5, 4, float("nan"), 1]}, "annotation 100: bbox must be 4 numbers"),
        ({"bbox": {"x": 1}}, "annotation 100: bbox must be 4 numbers"),
        ({"bbox": [5, 4, 0, 10]}, "1 box of no area, left out:"),
        ({"bbox": [-9, 4, 15, 10]}, "1 box beyond the photo, cut at its edge:"),
        ({"bbox": [30, 10, 20, 20], "category_id": 2}, "1 box given a second time"),
        ({"category_id": 99}, "annotation 100: unknown class 'category 99'"),
        ({"image_id": 4}, "annotation 100: 4"),
    ],
)
def test_bad_annotations_of_coco_are_named(tmp_path, change, said):
    bad_coco(tmp_path, change)
    message = warned(tmp_path)
    assert said in message
    assert "annotations.json" in message


@pytest.mark.parametrize("side", ["wide", -50, 10**400, [50], True, 49.5])
def test_a_size_in_coco_that_is_none_is_named(tmp_path, side):
    content = made.coco(tmp_path)
    content["images"][0]["width"] = side
    content["images"][1]["width"] = 0  # some programs write 0 where they do not know it
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    message = warned(tmp_path)
    assert "0.png: its image entry: width and height of a photo are whole numbers" in message
    assert "1.png" not in message


def test_a_size_in_voc_and_in_tables_that_is_none_is_named(tmp_path):
    made.voc(tmp_path / "voc")
    for i, width in enumerate(("many", "0", "50.0")):
        file = tmp_path / f"voc/Annotations/{i}.xml"
        file.write_text(file.read_text().replace("<width>50<", f"<width>{width}<"))
    message = warned(tmp_path / "voc")
    assert "0.xml: width and height of a photo are whole numbers of pixels" in message
    assert "skipped 1 of 4" in message
    first, *rows = made.table(tmp_path / "table")
    sizes = ["wide", "50", "50", "", "50"]
    lines = [f"{row},{size},30" for row, size in zip(rows, sizes, strict=True)]
    (tmp_path / "table/boxes.csv").write_text("\n".join([f"{first},width,height", *lines]))
    message = warned(tmp_path / "table/boxes.csv")
    assert "line 2: width and height of a photo are whole numbers of pixels" in message
    assert "skipped 1 of 4" in message


def test_photos_and_annotations_without_a_partner_are_named(tmp_path):
    made.coco(tmp_path / "coco")
    Image.fromarray(made.photo(9)).save(tmp_path / "coco/images/9.png")
    (tmp_path / "coco/images/1.png").unlink()
    message = warned(tmp_path / "coco")
    assert "that no image entry names, not used" in message
    assert "9.png" in message
    assert "1.png: unreadable" in message
    made.yolo(tmp_path / "yolo")
    (tmp_path / "yolo/images/1.png").unlink()
    (tmp_path / "yolo/labels/2.txt").unlink()
    message = warned(tmp_path / "yolo")
    assert "1 file of boxes without a photo, not used:\n" in message
    assert "labels/1.txt" in message
    assert "taken as photos without an object" in message
    assert "images/2.png" in message
    made.voc(tmp_path / "voc")
    (tmp_path / "voc/JPEGImages/1.png").unlink()
    (tmp_path / "voc/Annotations/2.xml").unlink()
    message = warned(tmp_path / "voc")
    assert "Annotations/1.xml" in message
    assert "that no annotation names, not used" in message
    assert "JPEGImages/2.png" in message


def test_a_photo_of_another_size_than_its_annotation_is_named(tmp_path):
    made.voc(tmp_path)
    Image.fromarray(made.photo(0)[:20]).save(tmp_path / "JPEGImages/0.png")
    assert "annotations are of a photo of 50 x 30 pixels, and it has 50 x 20" in warned(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 0.5 0.5 nan 0.1", "0.txt, line 2: a box of numbers that are not finite"),
        ("7 0.5 0.5 0.1 0.1", "0.txt, line 2: unknown class 'number 7'"),
        ("1 0.5 0.5 0.1", "0.txt, line 2: expected the number of a class and 4 numbers"),
        ("dog 0.5 0.5 0.1 0.1", "0.txt, line 2: expected the number of a class"),
        ("1 0.5 0.5 -0.1 0.1", "0.txt, line 2: a box whose corners are swapped"),
        ("1 1.5 0.5 0.1 0.1", "0.txt, line 2: a box from"),
        ("1" + "0" * 5000 + " 0.5 0.5 0.1 0.1", "0.txt, line 2: expected"),
    ],
)
def test_bad_lines_of_yolo_are_named(tmp_path, line, said):
    made.yolo(tmp_path)
    (tmp_path / "labels/0.txt").write_text(f"1 0.5 0.5 0.1 0.1\n{line}\n")
    message = warned(tmp_path)
    assert said in message
    assert "images/0.png" in message


def test_a_polygon_of_yolo_becomes_the_box_around_it(tmp_path):
    made.yolo(tmp_path)
    (tmp_path / "labels/1.txt").write_text("1 0.02 0.4 0.22 0.2 0.1 0.0666667\n")
    found = load(tmp_path).targets[np.array([1])][0, 0, :4] * [50, 30, 50, 30]
    np.testing.assert_allclose(found, [1, 2, 11, 12], atol=1e-4)


BAD_XML = {
    "doctype": ('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "0.xml: a DOCTYPE"),
    "cut": ("<annotation><object>", "0.xml: no XML that can be read"),
    "deep": ("<a>" * 5000, "0.xml: more than 20 tags"),
    "no name": ("<annotation>\n<object></object></annotation>", "line 2: an object without a name"),
    "no box": (
        "<annotation>\n<object><name>a</name></object></annotation>",
        "line 2: a bndbox has",
    ),
}


@pytest.mark.parametrize("name", BAD_XML)
def test_bad_xml_is_named(tmp_path, name):
    made.voc(tmp_path)
    text, said = BAD_XML[name]
    (tmp_path / "Annotations/0.xml").write_text(text)
    assert said in warned(tmp_path)


def test_a_bad_file_of_a_photo_is_named(tmp_path):
    made.yolo(tmp_path)
    (tmp_path / "labels/0.txt").write_bytes(b"\xff\xfe\x00")
    assert "0.txt: no text in UTF-8" in warned(tmp_path)
    with (tmp_path / "labels/0.txt").open("wb") as file:
        file.truncate(2**24 + 1)
    assert "0.txt: more than 16,777,216 bytes" in warned(tmp_path)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ("9,9,x,20,dog", "line 2: xmax must be a number. Received: 'x'"),
        ("9,9,inf,20,dog", "line 2: xmax must be a number"),
        ("20,9,9,20,dog", "line 2: a box whose corners are swapped"),
        ("9,9,20,20,", "line 2: a box without a label"),
    ],
)
def test_bad_rows_of_a_table_are_named(tmp_path, cells, said):
    lines = made.table(tmp_path)
    lines[1] = f"images/0.png,{cells}"
    (tmp_path / "boxes.csv").write_text("\n".join(lines))
    message = warned(tmp_path / "boxes.csv")
    assert said in message
    assert "images/0.png" in message


@pytest.mark.parametrize(
    "names", ["names: car", "names: [a", "names:\n  0: a\n  2: b", "names: []"]
)
def test_names_that_are_written_otherwise_are_refused(tmp_path, names):
    made.yolo(tmp_path, names)
    with pytest.raises(ValueError, match="the names of the classes are a list"):
        load(tmp_path)


def test_a_yaml_opens_no_folder_outside_its_own(tmp_path):
    made.yolo(tmp_path / "secret")
    (tmp_path / "given").mkdir()
    (tmp_path / "given/data.yaml").write_text(
        f"path: {tmp_path}/secret\ntrain: ../secret/images\nnames: [car, dog]"
    )
    with pytest.raises(ValueError, match="names no folder"):
        load(tmp_path / "given/data.yaml")


def test_a_folder_without_boxes_is_refused_with_what_is_expected(tmp_path):
    made.save_photos(tmp_path / "images")
    with pytest.raises(ValueError, match="a COCO file or its folder, a YOLO folder"):
        load(tmp_path)
    (tmp_path / "a.csv").write_text("path,label\nimages/0.png,dog\n")
    with pytest.raises(ValueError, match="expected xmin, ymin, xmax, ymax and label"):
        load(tmp_path / "a.csv")
