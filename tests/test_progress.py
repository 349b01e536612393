"""What long work shows, and where."""

import subprocess
import sys

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.data.images import checking

pytestmark = pytest.mark.core


@pytest.fixture
def impatient(monkeypatch):
    """Files are said to take long from the first on."""
    monkeypatch.setattr(checking, "_PATIENCE", -1.0)


@pytest.fixture
def folder(tmp_path):
    from PIL import Image

    for i, image in enumerate(pixels(24, 32)):
        file = tmp_path / "photos" / ("ant", "bee")[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
    return tmp_path / "photos"


def test_verbose_0_prints_nothing_at_all(folder, impatient, capfd):
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    capfd.readouterr()
    builder.fit(folder, epochs=2, verbose=0)
    builder.prepare(builder.load((pixels(12, 32), np.arange(12) % 2))).run(verbose=0)
    tl.suggest(folder, [builder], depths=(0,), verbose=0)
    tl.find_learning_rate(builder, folder, steps=20, verbose=0)
    assert capfd.readouterr() == ("", "")
    builder.fit(folder, epochs=2, verbose=2)
    told = capfd.readouterr()
    assert "Epoch 2/2" in told.out
    assert "Checking images" in told.err


@pytest.mark.full
def test_in_a_pipe_no_bar_is_redrawn(folder, tmp_path):
    script = (
        "import sys, transferlearn as tl\n"
        "from tests.networks import small_backbone\n"
        "builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)\n"
        "fitted = builder.fit(sys.argv[1], epochs=2)\n"
        "tl.find_learning_rate(builder, sys.argv[1], steps=20)\n"
        "tl.suggest(sys.argv[1], [builder], depths=(0,))\n"
        "fitted.predict([*map(str, __import__('pathlib').Path(sys.argv[1]).rglob('*.png'))] * 30)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, check=True
    )
    assert b"Epoch 2/2" in run.stdout
    assert b"\x08" not in run.stdout
    assert b"\r" not in run.stdout
    assert b"\r" not in run.stderr
