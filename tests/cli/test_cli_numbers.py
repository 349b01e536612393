"""Numbers on the command line."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.networks import pixels
from transferlearn.cli import main, suggest
from transferlearn.cli.messages import as_lines
from transferlearn.cli.parser import make_parser
from transferlearn.cli.tasks import as_written


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    lines = ["path,price,width"]
    for i, image in enumerate(pixels(24, 32, seed=5)):
        Image.fromarray(image).save(folder / f"{i}.png")
        lines.append(f"{i}.png,{image.mean():.3f},{100 + i}")
    (folder / "photos.csv").write_text("\n".join(lines))
    return folder / "photos.csv"


TRAIN = ["--backbone", "Small", "--image-size", "32x32", "--schedule", "probe", "--task",
         "regression", "--seed", "0"]  # fmt: skip


def test_a_table_of_numbers_is_learnt_told_and_scored(small, table, tmp_path, capsys):
    model = str(tmp_path / "model")
    arguments = ["train", str(table), *TRAIN, "--target", "price", "--output", model, "--json"]
    assert main(arguments) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["task"] == "numbers"
    assert result["names"] == ["price"]
    assert {"mae", "r2", "val_r2"} <= set(result["metrics"])
    photo = str(table.parent / "0.png")
    assert main(["predict", model, photo]) == 0
    path, said = capsys.readouterr().out.rstrip("\n").split("\t")
    assert path == photo
    assert main(["predict", model, photo, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert said == f"price {found['values']['price']:.6g}"
    assert main(["evaluate", model, str(table), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["figures"]
    assert scores["count"] == 24
    assert np.isfinite([scores["mae"], scores["rmse"], scores["r2"]]).all()


def test_several_numbers(small, table, tmp_path, capsys):
    model = str(tmp_path / "model")
    targets = ["--target", "price", "--target", "width"]
    assert main(["train", str(table), *TRAIN, *targets, "--output", model]) == 0
    assert main(["predict", model, str(table.parent / "0.png")]) == 0
    _, first, second = capsys.readouterr().out.splitlines()[-1].split("\t")
    assert first.startswith("price ")
    assert second.startswith("width ")


def test_suggest_goes_on_with_the_same_task(small, table, capsys):
    arguments = ["suggest", str(table), "--task", "regression", "--target", "price", "--depths",
                 "0", "--candidates", "Small", "--image-sizes", "32x32"]  # fmt: skip
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "r2" in out.splitlines()[0]
    assert " --task regression --target price --backbone Small" in out


def test_what_is_wrong_is_said(small, table, tmp_path, capsys):
    output = ["--output", str(tmp_path / "model")]
    assert main(["train", str(table), "--target", "price", *output]) == 1
    assert "add --task regression" in capsys.readouterr().err
    assert main(["train", str(table), *TRAIN, "--target", "cost", *output]) == 1
    assert "no column 'cost'" in capsys.readouterr().err
    assert main(["train", str(table), *TRAIN, *output]) == 1
    assert "which column holds the numbers" in capsys.readouterr().err


def test_a_column_of_groups_is_no_target(small, tmp_path, capsys):
    lines = ["path,price,patient"]
    for i, image in enumerate(pixels(24, 32, seed=5)):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{image.mean():.3f},{i // 4}")
    (tmp_path / "photos.csv").write_text("\n".join(lines))
    output = ["--output", str(tmp_path / "model"), "--json"]
    arguments = [str(tmp_path / "photos.csv"), *TRAIN, "--groups", "patient"]
    assert main(["train", *arguments, *output]) == 0
    assert json.loads(capsys.readouterr().out)["names"] == ["price"]
    assert main(["train", *arguments[:-1], "camera", *output, "--force"]) == 1
    assert "no column 'camera'" in capsys.readouterr().err


def test_suggest_goes_on_with_the_same_groups():
    options = make_parser().parse_args(["suggest", "photos.csv", "--groups", "a day"])
    assert as_written(options) == " --groups 'a day'"
    assert {builder.groups for builder in suggest.candidates(options)} == {"a day"}


def test_numbers_and_names_that_are_taken_for_each_other_name_the_option():
    options = make_parser().parse_args(["train", "houses.csv"])
    numbers = "take tl.ImageRegressorBuilder or tl.TextRegressorBuilder with target_names='price'."
    assert as_lines(f"To learn numbers, {numbers}", options) == [
        "To learn numbers, add --task regression --target price."
    ]
    names = "take tl.ImageClassifierBuilder or tl.TextClassifierBuilder."
    assert as_lines(f"To learn classes, {names}", options) == [
        "To learn classes, leave --task regression and --target out."
    ]
