"""A kind and a task of the user's own on the command line, from a module that no package has."""

import sys

import numpy as np
import pytest

from transferlearn.cli import main

_MODULE = """
from dataclasses import dataclass
import keras, numpy as np, transferlearn as tl

@dataclass(frozen=True)
class Spectra(tl.data.ArrayKind):
    name, noun, endings = "spectra of a test", "spectrum", (".npy",)
    def inputs(self, shape=None):
        return {"spectrum": tl.data.Spec((16,), "float32")}
    def read(self, item):
        return np.load(item) if isinstance(item, str) else item

@dataclass(frozen=True)
class SpectrumClassifier(tl.builders.Classifier):
    backbone: str = "ours"
    freeze: str = "none"
    @property
    def kind(self):
        return Spectra()
    def load_backbone(self, shape):
        x = spectrum = keras.Input((16,))
        x = keras.layers.Dense(8, activation="relu", name=self.backbone)(x)
        return tl.backbones.from_model(keras.Model(spectrum, x), raw="spectrum")

class Bare(tl.builders.Classifier):
    pass


other = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "lab_of_mine.py").write_text(_MODULE)
    (tmp_path / "broken_lab.py").write_text("1 / 0")
    for i in range(40):
        place = tmp_path / "spectra" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        row = np.zeros(16, "float32") + (np.arange(16) // 8 == i % 2) * (1 + i / 100)
        np.save(place / f"{i}.npy", row)
    return tmp_path


def test_a_builder_of_ones_own_is_trained_and_used(folder, capsys):
    own = ["--task", "lab_of_mine:SpectrumClassifier", "--schedule", "one-phase"]
    assert main(["train", "spectra", *own, "--epochs", "3", "--output", "model"]) == 0
    found = capsys.readouterr()
    assert "transferlearn predict model SPECTRUM --import lab_of_mine" in found.out
    assert "0 of the backbone's" in found.err or "none frozen" in found.err
    argument = ["predict", "model", "spectra/a/0.npy", "--import", "lab_of_mine"]
    assert main(argument) == 0
    assert "0.npy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--task", "no_such_lab:A"], "There is no module 'no_such_lab'"),
        (["--task", "broken_lab:A"], "'broken_lab' cannot be imported: ZeroDivisionError"),
        (["--task", "lab_of_mine:Spectrumclassifier"], "Closest: SpectrumClassifier."),
        (["--task", "lab_of_mine:other"], "lab_of_mine:other is none."),
        (["--task", "lab_of_mine:Bare"], "it lacks kind, load_backbone."),
        (
            ["--task", "lab_of_mine:SpectrumClassifier", "--target", "price"],
            "--target is no setting of lab_of_mine:SpectrumClassifier",
        ),
        (
            ["--task", "lab_of_mine:SpectrumClassifier", "--image-size", "32x32"],
            "--image-size is of photos",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(folder, capsys, typed, said):
    assert main(["train", "spectra", *typed]) == 1
    assert said in capsys.readouterr().err
    assert not (folder / "model").exists()


def test_a_word_that_is_no_task_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["train", ".", "--task", "classify"])
    assert "or package.module:Builder" in capsys.readouterr().err
