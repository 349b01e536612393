"""`transferlearn train`, `evaluate` and `predict` for recordings."""

import json

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
    assert main(["suggest", str(folder)]) == 1
    assert "Networks are compared on photos" in capsys.readouterr().err
