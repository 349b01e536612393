"""What `transferlearn train` keeps where it is stopped, or where a disk is full."""

import os
import shutil
import signal
from collections import namedtuple

import keras
import numpy as np
import pytest

import transferlearn as tl
from transferlearn.cli import main
from transferlearn.fitted import FittedModel
from transferlearn.training.keeping import Keeping

pytestmark = pytest.mark.usefixtures("small")


def train(photos, output, *more):
    options = ["--backbone", "Small", "--image-size", "32x32", "--freeze", "all", "--seed", "0"]
    return main(["train", str(photos), *options, "--epochs", "3", "--output", str(output), *more])


def send(monkeypatch, number, epoch=1):
    """Sends this process a signal in the middle of an epoch, counted from 0."""
    begin, count = Keeping.on_train_batch_end, []

    def sending(self, batch, logs=None):
        begin(self, batch, logs)
        count.append(batch)
        if count.count(0) == epoch + 1:
            monkeypatch.setattr(Keeping, "on_train_batch_end", begin)
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Keeping, "on_train_batch_end", sending)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_the_last_good_epoch(photos, tmp_path, capsys, monkeypatch, number, code):
    before = signal.getsignal(signal.SIGTERM)
    send(monkeypatch, number)
    assert train(photos, tmp_path / "model", "--resume", str(tmp_path / "run")) == code
    assert f"saved in {tmp_path / 'model'}" in capsys.readouterr().err
    assert tl.load(tmp_path / "model").history.epoch == [0]
    assert signal.getsignal(signal.SIGTERM) is before
    assert train(photos, tmp_path / "model", "--resume", str(tmp_path / "run")) == 0
    assert tl.load(tmp_path / "model").history.epoch == [0, 1, 2]


def test_a_signal_before_the_first_epoch_saves_nothing(photos, tmp_path, capsys, monkeypatch):
    send(monkeypatch, signal.SIGTERM, epoch=0)
    assert train(photos, tmp_path / "model") == 143
    assert not (tmp_path / "model").exists()


def test_room_is_looked_at_before_training(photos, tmp_path, capsys, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1000))
    assert train(photos, tmp_path / "model") == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'model'} has no room for the model" in said
    assert "Epoch" not in said


def test_a_model_that_cannot_be_saved_is_saved_elsewhere(photos, tmp_path, capsys, monkeypatch):
    save = FittedModel.save

    def full(self, path):
        if path == tmp_path / "model":
            raise OSError(28, "No space left on device")
        save(self, path)

    monkeypatch.setattr(FittedModel, "save", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "second"))
    (tmp_path / "second").mkdir()
    assert train(photos, tmp_path / "model") == 0
    second = (tmp_path / "second").glob("model-*")
    (place,) = (path for path in second if not path.name.endswith("-pictures"))
    told = capsys.readouterr()
    assert f"predict {place} PHOTO" in told.out
    assert "No space left on device" in told.err
    tl.load(place)


def test_a_second_interrupt_leaves_the_model_before_whole(photos, tmp_path, capsys, monkeypatch):
    assert train(photos, tmp_path / "model") == 0
    before = tl.load(tmp_path / "model").model.get_weights()
    save = keras.Model.save

    def interrupted(self, *args, **kwargs):
        save(self, *args, **kwargs)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(keras.Model, "save", interrupted)
    send(monkeypatch, signal.SIGINT)
    assert train(photos, tmp_path / "model", "--force", "--learning-rate", "0.1") == 130
    for weight, kept in zip(tl.load(tmp_path / "model").model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
    assert {path.name for path in tmp_path.iterdir()} == {"model", "model-pictures"}
