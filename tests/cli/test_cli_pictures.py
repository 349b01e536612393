"""Pictures on the command line."""

import json

import pytest
from PIL import Image

from tests.networks import Levels
from tests.pictures import blocks, write
from transferlearn.backbones import registry
from transferlearn.cli import main

TASK = ["--task", "image-to-image", "--backbone", "Levels"]


@pytest.mark.full
def test_good_photos_are_learnt_enlarged_and_scored(sources, tmp_path, capsys):
    registry.register(Levels())
    good = blocks(8, size=128)
    photos = write(tmp_path / "pairs", good, good) / "targets"
    model = str(tmp_path / "model")
    told = [*TASK, "--degradation", "super-resolution=4", "--image-size", "32x32"]
    assert main(["train", str(photos), *told, "--epochs", "2", "--output", model, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["task"] == "pictures"
    assert result["scale"] == 4
    assert {"psnr", "ssim"} <= set(result["metrics"])
    Image.fromarray(blocks(1, size=24)[0]).save(tmp_path / "small.png")
    photo = str(tmp_path / "small.png")
    assert main(["predict", model, photo, "--output", str(tmp_path / "large"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found == {"path": photo, "size": [96, 96]}
    with Image.open(tmp_path / "large" / "small.png") as written:
        assert written.size == (96, 96)
    assert main(["evaluate", model, str(photos), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"]["count"] == 8


def test_what_cannot_work_is_said(sources, tmp_path, capsys):
    registry.register(Levels())
    model = str(tmp_path / "model")
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    assert main(["train", str(tmp_path / "photos"), *TASK, "--output", model]) == 1
    assert "photos/inputs: expected" in capsys.readouterr().err
    worse = ["--degradation", "denoise", "--output", model]
    assert main(["train", str(tmp_path / "photos"), *worse]) == 1
    assert "add --task image-to-image" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["train", str(tmp_path / "photos"), *TASK, "--degradation", "blur"])
    assert "expected super-resolution=4, denoise=0.1" in capsys.readouterr().err
