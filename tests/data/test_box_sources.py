"""Tests what newcomers meet: lists, misspelt classes, photos elsewhere and hostile files."""

import json
import warnings
from pathlib import Path

import pytest

import transferlearn as tl
from tests import boxes as made


def test_lists_of_voc_say_which_photos_are_trained_and_validated_on(tmp_path):
    made.voc(tmp_path)
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("0\n3\n", "utf-8")
    (lists / "val.txt").write_text("1\n", "utf-8")
    (lists / "dog_train.txt").write_text("0  1\n3 -1\n", "utf-8")
    kind, target = tl.data.Images((30, 50)), tl.data.Boxes(made.NAMES)
    train, held_out = tl.data.load_pair(tmp_path, None, tl.data.Reading(kind=kind, target=target))
    assert [Path(path).stem for path in train.paths] == ["0", "3"]
    assert [Path(path).stem for path in held_out.paths] == ["1"]
    dogs = tl.data.load(lists / "dog_train.txt", kind, target)
    assert [Path(path).stem for path in dogs.paths] == ["0"]
    (lists / "test.txt").write_text("2\nlost\n", "utf-8")
    with pytest.warns(tl.data.DataWarning, match="1 photo without annotations, not used:\n  lost"):
        tl.data.load(lists / "test.txt", kind, target)


def test_a_misspelt_class_is_one_error_with_the_right_name(tmp_path):
    made.coco(tmp_path)
    with pytest.raises(ValueError, match=r"No box has the class 'dgo', .* class_names=\['car', 'd"):
        tl.data.load(tmp_path, target=tl.data.Boxes(["car", "dgo"]))
    with pytest.warns(tl.data.DataWarning, match="unknown class 'dog'"):
        tl.data.load(tmp_path, target=tl.data.Boxes(["car", "zebra"]))


def test_a_table_whose_photos_lie_elsewhere_says_how_to_give_it(tmp_path):
    pandas = pytest.importorskip("pandas")
    made.table(tmp_path)
    file = tmp_path / "boxes.csv"
    file.write_text(file.read_text("utf-8").replace("images/", ""), "utf-8")
    with pytest.raises(ValueError, match="Pass a frame") as error:
        tl.data.load(file, target=tl.data.Boxes())
    # The lines of the message are pasted.
    scope = {"pandas": pandas}
    read, changed = str(error.value).partition("Pass a frame: ")[2].rstrip(".").split("), ", 1)
    exec(f"{read})\n{changed}", scope)
    assert tl.data.load(scope["table"], target=tl.data.Boxes()).size == 4


def test_corners_in_a_table_are_no_widths_whatever_format_is_named(tmp_path):
    made.table(tmp_path)
    with pytest.raises(ValueError, match="which are two corners"):
        tl.data.load(tmp_path / "boxes.csv", target=tl.data.Boxes(bounding_box_format="xywh"))


def test_photos_that_another_coco_file_names_are_not_said_to_be_unused(tmp_path):
    content = made.coco(tmp_path)
    parts = {"train": content["images"][:2], "test": content["images"][2:]}
    for name, images in parts.items():
        ids = {image["id"] for image in images}
        annotations = [one for one in content["annotations"] if one["image_id"] in ids]
        part = {**content, "images": images, "annotations": annotations}
        (tmp_path / f"{name}.json").write_text(json.dumps(part), "utf-8")
    (tmp_path / "annotations.json").write_text("[[", "utf-8")  # is another's matter
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tl.data.load(tmp_path / "train.json", target=tl.data.Boxes()).size == 2
    (tmp_path / "test.json").unlink()
    with pytest.warns(tl.data.DataWarning, match="2 photos that no image entry names"):
        tl.data.load(tmp_path / "train.json", target=tl.data.Boxes())
