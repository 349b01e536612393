"""`transferlearn train`, `evaluate` and `predict` for recordings."""

import json
import subprocess
import sys

import pytest

from tests.sounds import backbone, tones, write
from transferlearn import backbones
from transferlearn.backbones import registry
from transferlearn.cli import main

pytest.importorskip("soundfile")


class Bands(backbones.BackboneSource):
    """A network for recordings of half a second, by name."""

    names = ("Bands",)

    def load(self, name, *, weights, image_size):
        return backbone(16_000 // 2)


@pytest.fixture
def bands(sources):
    registry.register(Bands())


def test_a_folder_of_recordings_is_learnt_and_asked(bands, tmp_path, capsys):
    folder = write(tmp_path / "sounds", *tones(32, rate=16_000), rate=16_000)
    model = str(tmp_path / "model")
    arguments = ["train", str(folder), "--backbone", "Bands", "--schedule", "probe"]
    assert main([*arguments, "--output", model]) == 0
    assert f"transferlearn monitor {model} NEW_RECORDINGS --make" in capsys.readouterr().out
    other = write(tmp_path / "other", *tones(10, seed=5))  # at 8,000 Hz
    assert main(["evaluate", model, str(other), "--json"]) == 0
    capsys.readouterr()
    assert main(["predict", model, str(other / "low" / "0.wav"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["class_name"] == "low"


def test_what_is_of_photos_alone_is_refused(tmp_path, capsys):
    folder = write(tmp_path / "sounds", *tones(4))
    assert main(["train", str(folder), "--image-size", "96x96"]) == 1
    assert "these are recordings" in capsys.readouterr().err
    (tmp_path / "t.csv").write_text("path,label\na.wav,x\nb.wav,y\n")
    assert main(["train", str(tmp_path / "t.csv"), "--task", "segmentation"]) == 1
    assert "is of photos, and these are recordings" in capsys.readouterr().err
    assert main(["suggest", str(folder), "--image-sizes", "96x96"]) == 1
    assert "--image-sizes is of photos, and these are recordings" in capsys.readouterr().err


def test_networks_for_recordings_are_suggested(bands, tmp_path, capsys):
    folder = write(tmp_path / "sounds", *tones(24, rate=16_000), rate=16_000)
    assert main(["suggest", str(folder), "--candidates", "Bands", "--depths", "0"]) == 0
    out = capsys.readouterr().out
    assert "0.5 s, 16 kHz" in out
    assert out.endswith(f"Next: transferlearn train {folder} --backbone Bands --weights imagenet\n")


def test_noise_of_a_folder_is_added_in_training(bands, tmp_path, capsys):
    folder = write(tmp_path / "sounds", *tones(16, rate=16_000), rate=16_000)
    noise = write(tmp_path / "noise", *tones(2, rate=16_000), rate=16_000)
    arguments = ["train", str(folder), "--backbone", "Bands", "--freeze", "all", "--epochs", "2"]
    arguments += ["--seed", "0", "--seconds", "0.5"]
    losses = []
    for changed in (
        [],
        ["--augmentation", "light"],
        ["--noise-folder", str(noise), "--views", "2"],
    ):
        output = ["--output", str(tmp_path / f"model{len(losses)}"), "--json"]
        assert main([*arguments, *changed, *output]) == 0
        losses.append(json.loads(capsys.readouterr().out)["history"]["loss"][-1])
    assert len(set(losses)) == 3


@pytest.mark.full
@pytest.mark.parametrize(("format", "package"), [("onnx", "tf2onnx"), ("litert", "ai_edge_litert")])
def test_what_a_shell_exports_answers_recordings_in_a_shell(tmp_path, capsys, format, package):
    pytest.importorskip(package)
    folder = write(tmp_path / "sounds", *tones(16, rate=16_000), rate=16_000)
    model, exported = str(tmp_path / "model"), str(tmp_path / "exported")
    given = ["--schedule", "probe", "--weights", "none", "--seed", "0"]  # sees the spectrogram
    assert main(["train", str(folder), *given, "--output", model]) == 0
    assert main(["export", model, exported, str(folder), "--format", format]) == 0
    files = [str(file) for file in sorted(write(tmp_path / "other", *tones(4)).rglob("*.wav"))]
    capsys.readouterr()
    assert main(["predict", model, *files, "--json"]) == 0
    wanted = json.loads(capsys.readouterr().out)
    ran = subprocess.run(
        [sys.executable, "-m", "transferlearn.edge", exported, *files, "--windows", "0.5"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split("\t") for line in ran.stdout.splitlines()]
    assert [line[0] for line in lines] == files
    for (_, begin, end, name, probability), one in zip(lines, wanted, strict=True):
        assert (begin, end, name) == ("0.00", "0.50", one["class_name"])
        assert float(probability) == pytest.approx(one["probability"], abs=2e-4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--views", "2"], "Add --augmentation light, or leave out --views"),
        (["--augmentation", "none", "--noise-folder", "noise"], "leave out --augmentation none"),
        (["--noise-folder", "gone"], "path of a folder of recordings"),
        (["--seconds", "0"], "seconds is from 0.01 to 600"),
    ],
)
def test_options_of_recordings_that_cannot_be(bands, tmp_path, capsys, options, said):
    folder = write(tmp_path / "sounds", *tones(4))
    assert main(["train", str(folder), "--backbone", "Bands", *options]) == 1
    assert said in capsys.readouterr().err


def test_options_of_recordings_are_refused_for_photos(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("path,label\na.jpg,x\nb.jpg,y\n")
    assert main(["train", str(tmp_path / "t.csv"), "--noise-folder", "x"]) == 1
    assert "--noise-folder is of recordings, and these are photos" in capsys.readouterr().err
