"""The command line: results, exit codes, noise."""

import importlib
import io
import json
import pkgutil
import subprocess
import sys

import pytest

from tests import made
from transferlearn import cli, fitted
from transferlearn.cli import main
from transferlearn.cli.main import as_json
from transferlearn.cli.types import duration


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    model = tmp_path_factory.mktemp("trained") / "model"
    options = ["--epochs", "1", "--image-size", "64x64", "--seed", "0", "--output", str(model)]
    assert main(["train", str(photos), *options]) == 0
    return model


def output(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_train_says_what_is_watched_and_how_to_watch_more(photos, tmp_path, capsys):
    model = str(tmp_path / "model")
    options = ["--epochs", "2", "--image-size", "32x32", "--seed", "0", "--output", model]
    *_, watched, result = output(capsys, "train", photos, *options).splitlines()
    assert watched == (
        f"Watched at work: nothing. For more: transferlearn monitor {model} NEW_PHOTOS "
        "--make-reference"
    )
    assert result.startswith("Result: ")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400)]
)
def test_a_time_is_read_with_its_unit(text, seconds):
    assert duration(text) == seconds


def test_train_ends_in_time_and_says_what_is_left_out(photos, tmp_path, capsys):
    options = ["--image-size", "32x32", "--output", tmp_path / "model", "--time-limit", "0.001s"]
    said = output(capsys, "train", photos, *options, "--json", "--epochs", "7", "--force")
    assert json.loads(said)["left_out"] == "6 epochs of phase 2"
    assert fitted.load(tmp_path / "model").phases[-1].left_out == "6 epochs of phase 2"


def test_training_leaves_pictures_beside_the_model(photos, tmp_path, capsys):
    model = tmp_path / "model"
    options = ["--schedule", "probe", "--image-size", "32x32", "--validation", photos]
    said = output(capsys, "train", photos, *options, "--output", model)
    assert f"Pictures of the training: {model}-pictures" in said
    drawn = {path.name for path in (tmp_path / "model-pictures").iterdir()}
    assert {"batch.png", "curves.png"} < drawn
    assert any("confus" in name for name in drawn)
    assert "worst-mistakes.png" in drawn


def test_predict_and_evaluate_what_train_saved(trained, photos, capsys):
    photo = photos / "ant" / "0.png"
    line = output(capsys, "predict", trained, photo).split()
    assert line[0] == str(photo)
    assert line[1] in ("ant", "bee")
    (found,) = json.loads(output(capsys, "predict", trained, photo, "--json"))
    assert found["class_name"] == line[1]
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    told = json.loads(output(capsys, "evaluate", trained, photos, "--json"))
    scores = told["figures"]
    assert told["class_names"] == ["ant", "bee"]
    assert scores["count"] == 24
    right = [
        p["class_name"] == p["path"].split("/")[-2]
        for p in json.loads(output(capsys, "predict", trained, photos, "--json"))
    ]
    assert scores["accuracy"] == pytest.approx(sum(right) / 24)


def test_predict_goes_on_past_a_bad_file_among_several(photos, tmp_path, monkeypatch, capsys):
    kernel = [[4.0, -4.0], [0, 0], [-4, 4]]
    monkeypatch.setattr(fitted, "load", lambda *_, **__: made.of_colours(kernel))
    monkeypatch.setattr("transferlearn.cli.predict.check_save", lambda _: None)
    trained = "colours"
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    words = [trained, str(photos / "ant"), str(tmp_path / "bad.jpg"), "--json"]
    assert main(["predict", *words]) == 1  # for a script; the others are answered
    told = capsys.readouterr()
    assert len(json.loads(told.out)) == 12
    assert "bad.jpg" in told.err
    assert main(["predict", trained, str(tmp_path / "bad.jpg")]) == 1
    assert "bad.jpg cannot be used" in capsys.readouterr().err


def test_train_prints_json_only_on_standard_output(photos, tmp_path, capsys):
    (tmp_path / "p").symlink_to(photos)
    arguments = ["train", tmp_path / "p", "--epochs", 1, "--image-size", "32x32", "--units", "8,4",
                 "--freeze", "0.9", "--output", tmp_path / "model", "--json"]  # fmt: skip
    result = json.loads(output(capsys, *arguments))
    assert result["class_names"] == ["ant", "bee"]
    assert {"loss", "accuracy", "val_accuracy"} <= set(result["metrics"])
    assert result["skipped"] == []


def test_backbones_lists_every_network(capsys):
    text = output(capsys, "backbones")
    rows = json.loads(output(capsys, "backbones", "--json"))
    assert len(rows) == 41
    assert all(row["name"] in text for row in rows)
    assert next(row["top1"] for row in rows if row["name"] == "VGG16") == 71.3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "nowhere"], "nowhere"),
        (["train", ".", "--backbone", "VGG61"], "VGG16"),
        (["predict", "nowhere", "photo.jpg"], "nowhere"),
    ],
)
def test_an_error_is_one_sentence(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_training_refuses_to_write_over_something_else_before_it_starts(photos, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    assert main(["train", str(photos), "--output", str(tmp_path / "mine")]) == 1
    assert "not a save" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["train"],
        ["train", "x", "--epochs", "many"],
        ["train", "x", "--image-size", "3"],
        ["train", "x", "--units", "a"],
        ["train", "x", "--time-limit", "0m"],
        ["train", "x", "--time-limit", "soon"],
    ],
)
def test_a_command_that_is_not_understood_exits_with_2(arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_every_command_can_be_called(capsys):
    names = [found.name for found in pkgutil.iter_modules(cli.__path__)]
    modules = [
        importlib.import_module(f"{cli.__name__}.{name}") for name in names if "_" not in name
    ]
    commands = [module.NAME for module in modules if hasattr(module, "NAME")]
    assert {"train", "export", "serve", "monitor"} < set(commands)
    for command in commands:
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0, command
        assert f"usage: transferlearn {command}" in capsys.readouterr().out


@pytest.mark.parametrize("command", [[], ["demo"], ["train"], ["predict"], ["evaluate"]])
def test_help_is_there(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command, "--help"])
    assert stopped.value.code == 0
    assert "usage: transferlearn" in capsys.readouterr().out


@pytest.mark.full
def test_the_command_starts_without_a_frameworks_noise():
    command = [sys.executable, "-m", "transferlearn.cli", "backbones", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(json.loads(done.stdout)) == 41


def test_json_has_null_for_what_is_no_number():
    def no_constant(name):
        raise AssertionError(name)

    text = as_json({"recall: é": float("nan"), "count": 3})
    assert json.loads(text, parse_constant=no_constant) == {"recall: é": None, "count": 3}
    assert "é" in text


def test_a_full_disk_under_standard_output_is_one_sentence(monkeypatch, capsys):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stdout", Full())
    assert main(["backbones"]) == 1
    assert "could not be written" in capsys.readouterr().err
