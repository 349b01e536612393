"""A command replaces no other model and no other file, unless it is asked to."""

import re

import numpy as np
import pytest

import transferlearn as tl
from tests import made
from tests.monitoring.test_drift import judged
from transferlearn.cli import main
from transferlearn.cli.replacing import refuse_other_file
from transferlearn.edge.description import Description
from transferlearn.edge.existing import existing_model

GOOD = [[4.0, -4.0], [0, 0], [-4, 4]]
THREE = [[4.0, -4.0, 0], [0, 0, 0], [-4, 4, 0]]


@pytest.fixture
def saved(tmp_path):
    made.of_colours(GOOD).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def without_work(monkeypatch):
    """Fails where a command begins to work."""
    for command in ("train", "export", "report", "monitor", "suggest", "demo"):
        monkeypatch.setattr(
            f"transferlearn.cli.{command}.import_keras", lambda: pytest.fail("work")
        )


def said_of(capsys, *words):
    assert main([str(word) for word in words]) == 1
    return capsys.readouterr().err


def test_train_refuses_a_model_that_is_there(saved, photos, capsys, without_work):
    said = said_of(capsys, "train", photos, "--output", saved)
    assert re.search(
        r"model holds the model of (.+ )?\d\d:\d\d, 2 classes\. Nothing was done", said
    )
    assert f"\n  transferlearn train {photos} --output {saved} --force\n" in said


def test_export_refuses_an_export_that_is_there(saved, tmp_path, photos, capsys, without_work):
    described = Description(
        format="onnx", model="model.onnx", quantize=None, inputs={}, outputs={}, item_reader={},
        output_reader={"name": "classes", "settings": {"class_names": ["a", "b", "c"]}},
        model_hash="abc", made_by={},
    )  # fmt: skip
    (tmp_path / "onnx").mkdir()
    described.write(tmp_path / "onnx")
    said = said_of(capsys, "export", saved, tmp_path / "onnx", photos)
    assert ", 3 classes. Nothing was done" in said
    assert "onnx" in said.splitlines()[-1]
    assert said.endswith(" --force\n")
    assert "is not an export" in said_of(capsys, "export", saved, saved, photos)


def test_a_demo_replaces_a_demo_and_nothing_else(saved, capsys, without_work):
    assert "2 classes. Nothing was done" in said_of(capsys, "demo", "--output", saved)


def test_other_files_are_left_alone(saved, tmp_path, photos, capsys, without_work):
    mine = tmp_path / "mine.html"
    mine.write_text("<!doctype html><title>my thesis</title>")
    for words in (
        ["report", saved, photos, "--output", mine],
        ["monitor", saved, photos, "--output", mine],
        ["suggest", photos, "--plot", mine],
    ):
        assert "transferlearn did not write it" in said_of(capsys, *words)
    assert "my thesis" in mine.read_text()


def test_a_page_is_replaced_by_the_next(tmp_path):
    random, page = np.random.default_rng(0), tmp_path / "monitor.html"
    page.write_text(judged(random, 0).to_page(), "utf-8")
    refuse_other_file(page)


@pytest.mark.usefixtures("small")
def test_force_replaces_and_says_what(saved, photos, capsys):
    words = ["--backbone", "Small", "--image-size", "32x32", "--schedule", "probe"]
    assert main(["train", str(photos), *words, "--output", str(saved), "--force"]) == 0
    assert re.search(r"Replaced the model of .*\d\d:\d\d, 2 classes\.", capsys.readouterr().err)
    assert tl.load(saved).encoding.class_names == ("ant", "bee")


def test_in_python_it_is_replaced_and_said(saved, capsys):
    encoding = made.of_colours(GOOD).encoding
    three = type(encoding)(class_names=("a", "b", "c"), activation="softmax", units=3)
    made.of_colours(THREE, encoding=three).save(saved)
    assert re.fullmatch(r"Replaced the model of \d\d:\d\d, 2 classes\.\n", capsys.readouterr().out)
    assert existing_model(saved).endswith(", 3 classes")
    made.of_colours([[3.0], [0], [2]], "linear", made.numbers("price")).save(saved)
    assert existing_model(saved).endswith(", 1 number")


@pytest.mark.parametrize("text", ["", "[]", '{"saved": "yesterday"}', '{"task": 3}', "[" * 10**5])
def test_a_damaged_model_is_one_too(tmp_path, text):
    (tmp_path / "transferlearn.json").write_text(text)
    assert existing_model(tmp_path) == "a model that is damaged"
