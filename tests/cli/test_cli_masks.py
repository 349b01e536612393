"""Masks on the command line."""

import json
import shlex

import pytest
from PIL import Image

from tests.masks import scenes, write
from tests.networks import Levels
from transferlearn.backbones import registry
from transferlearn.cli import main
from transferlearn.cli.building import make_builder
from transferlearn.cli.parser import make_parser
from transferlearn.cli.tasks import as_written, check_task


@pytest.mark.full
def test_photos_with_masks_are_learnt_told_and_scored(sources, tmp_path, capsys):
    registry.register(Levels())
    photos = write(tmp_path / "photos", *scenes(8, size=64))
    model = str(tmp_path / "model")
    told = ["--task", "segmentation", "--backbone", "Levels", "--image-size", "128x128"]
    arguments = ["train", str(photos), *told, "--epochs", "2", "--output", model, "--json"]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["task"] == "masks"
    assert result["class_names"] == ["0", "1", "2"]
    assert "mean_iou" in result["metrics"]
    photo = str(photos / "images" / "0.jpg")
    assert main(["predict", model, photo, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found.keys() == {"path", "shares"}
    assert sum(found["shares"].values()) == pytest.approx(1)
    masks = tmp_path / "found"
    assert main(["predict", model, str(photos / "images"), "--output", str(masks)]) == 0
    assert len(list(masks.rglob("*.png"))) == 8
    with Image.open(masks / "more" / "7.png") as written:
        assert written.size == (64, 64)
    again = ["predict", model, photo, "--tile", "64", "--output"]
    assert main([*again, str(masks)]) == 1
    assert "is there already; masks go into a new folder" in capsys.readouterr().err
    assert main([*again, str(tmp_path / "one.png")]) == 0
    with Image.open(tmp_path / "one.png") as written:
        assert written.size == (64, 64)
    assert main([*again, str(tmp_path / "one.jpg")]) == 1
    assert "one.jpg is called as a file that is no PNG; masks go into" in capsys.readouterr().err
    several = ["predict", model, str(photos / "images"), "--output", str(tmp_path / "all.png")]
    assert main(several) == 1
    assert "all.png is called as one file, for 8 photos; masks go" in capsys.readouterr().err
    assert not (tmp_path / "all.png").exists()
    assert main([*again, str(tmp_path / "found.json")]) == 0
    told = json.loads((tmp_path / "found.json").read_text())
    assert [image["file_name"] for image in told["images"]] == ["0.jpg"]
    assert main([*again[:-2], "16", "--json"]) == 1
    assert "of at least 32. Received: tile=16" in capsys.readouterr().err
    assert main(["evaluate", model, str(photos), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["count"] == 8
    assert main(["evaluate", model, str(photos), "--tile", "64", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["count"] == 8


def test_a_folder_of_classes_holds_no_masks(tmp_path, capsys):
    told = ["--task", "segmentation", "--output", str(tmp_path / "model")]
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    assert main(["train", str(tmp_path / "photos"), *told]) == 1
    assert (
        "photos: expected a folder with images/ and masks/, or a COCO file"
        in capsys.readouterr().err
    )


def test_classes_and_void_are_named_and_told_again():
    given = ["--task", "segmentation", "--multi-label", "--class-names", "a,it's b", "--void"]
    for value, void in (("7", 7), ("magenta", "magenta"), ("none", None)):
        options = make_parser().parse_args(["suggest", "photos", *given, value])
        builder = make_builder(options, "MobileNetV2", weights="imagenet", image_size=None)
        assert (builder.class_names, builder.void) == (("a", "it's b"), void)
        assert builder.multi_label
        again = make_parser().parse_args(["suggest", "photos", *shlex.split(as_written(options))])
        assert make_builder(again, "MobileNetV2", weights="imagenet", image_size=None) == builder


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--void", "0"], "add --task segmentation"),
        (
            ["--task", "regression", "--class-names", "a,b"],
            "add --task classification or segmentation",
        ),
        (["--task", "regression", "--multi-label"], "add --task classification or segmentation"),
    ],
)
def test_options_of_another_task_are_refused(given, said):
    options = make_parser().parse_args(["suggest", "photos", *given])
    with pytest.raises(ValueError, match=said):
        make_builder(options, "MobileNetV2", weights="imagenet", image_size=None)


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_classes_of_unequal_size_can_count_alike(task):
    given = ["--task", task, "--class-weight", "balanced"]
    options = make_parser().parse_args(["suggest", "photos", *given])
    builder = make_builder(options, "MobileNetV2", weights="imagenet", image_size=None)
    assert builder.class_weight == "balanced"
    assert as_written(options).endswith(" --class-weight balanced")
    options.task = "regression"
    with pytest.raises(ValueError, match="--class-weight needs another task"):
        check_task(options)
