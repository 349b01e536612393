"""Boxes on the command line."""

import pytest

from tests import boxes as made
from transferlearn.cli import main
from transferlearn.cli.parser import make_parser
from transferlearn.cli.tasks import items_of


def test_labels_of_yolo_are_no_texts(tmp_path):
    (tmp_path / "labels").mkdir()
    for file in ("classes.txt", "labels/0.txt"):  # folders may be listed before images/
        (tmp_path / file).write_text("0 0.5 0.5 0.2 0.2", "utf-8")
    parse = make_parser().parse_args
    assert items_of(parse(["train", str(tmp_path), "--task", "detect"])) == "photos"
    assert items_of(parse(["train", str(tmp_path)])) == "texts"


@pytest.mark.parametrize("task", ["classification", "regression", "image-to-image"])
def test_a_coco_file_needs_a_task_that_reads_it(tmp_path, capsys, task):
    (tmp_path / "all.json").write_text("{}", "utf-8")
    assert main(["train", str(tmp_path / "all.json"), "--task", task]) == 1
    assert "Add --task detect or --task segmentation." in capsys.readouterr().err


@pytest.mark.parametrize("write", [made.coco, made.yolo, made.voc])
def test_a_folder_of_boxes_needs_a_task_that_reads_it(tmp_path, capsys, write):
    write(tmp_path)
    assert main(["train", str(tmp_path)]) == 1
    assert "Add --task detect or --task segmentation." in capsys.readouterr().err


def test_mosaics_are_of_boxes(tmp_path, capsys):
    made.coco(tmp_path)
    given = [str(tmp_path / "annotations.json"), "--augmentation", "mosaic"]
    assert main(["train", *given, "--task", "segmentation"]) == 1
    assert "add --task detect" in capsys.readouterr().err
