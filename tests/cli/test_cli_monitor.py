"""`transferlearn monitor`: what is compared with is made by a command."""

import json

import pytest
from PIL import Image

from tests import made
from tests.networks import pixels
from transferlearn.cli import main

pytest.importorskip("scipy")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number, image in enumerate(pixels(80, 8, seed=1)):
        place = folder / ("red" if image[..., 0].mean() > image[..., 2].mean() else "blue")
        place.mkdir(exist_ok=True)
        Image.fromarray(image).save(place / f"{number}.png")
    return folder


def test_a_reference_is_made_of_photos_and_answers_are_watched(photos, tmp_path, capsys):
    model = tmp_path / "colours"
    made.of_colours([[4.0, -4.0], [0, 0], [-4, 4]]).save(model)
    words = ["monitor", str(model), str(photos)]
    assert main(words) == 1
    command = f"transferlearn monitor {model} PHOTOS --make-reference"
    assert command in capsys.readouterr().err
    assert main([*words, "--make-reference", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["items"] == 40
    assert told["watched"].startswith("features, brightness, contrast")
    assert told["watched"].endswith("confidence, answers")
    assert main([*words, "--false-alarms", "1e-6"]) == 0
    assert "Nothing has changed" in capsys.readouterr().out


def test_what_does_not_go_together_is_said(photos, tmp_path, capsys):
    assert main(["monitor", "m", str(photos), "--trained-on", str(photos)]) == 1
    assert "--trained-on goes with --make-reference" in capsys.readouterr().err
    assert main(["monitor", "m", "--log", "x.sqlite", "--make-reference"]) == 1
    assert "takes labelled photos" in capsys.readouterr().err
