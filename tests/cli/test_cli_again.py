"""`train --from` replaces a model by one that is no worse, and by no other."""

import json

import pytest
from PIL import Image

import transferlearn as tl
from tests import made
from transferlearn.cli import main
from transferlearn.cli.again import Before

GOOD = [[4.0, -4.0], [0, 0], [-4, 4]]
BAD = [[-number for number in row] for row in GOOD]


@pytest.fixture
def validation(tmp_path):
    for name, colour in (("red", (250, 10, 10)), ("blue", (10, 10, 250))):
        (tmp_path / "validation" / name).mkdir(parents=True)
        for i in range(3):
            photo = Image.new("RGB", (8, 8), tuple(abs(c - i) for c in colour))
            photo.save(tmp_path / "validation" / name / f"{i}.png")
    return tmp_path / "validation"


def test_the_better_model_stays(validation, capsys):
    good, bad = made.of_colours(GOOD), made.of_colours(BAD)
    before = Before(validation, validation, good.evaluate(validation))
    kept = before.kept_instead(bad)
    assert kept.code == 4
    assert kept.data["accuracy"] == [1.0, 0.0]
    assert "1.0000 before, 0.0000 now" in kept.text
    assert before.kept_instead(good) is None  # as good, and it has seen more
    assert "McNemar" not in capsys.readouterr().out


def test_it_is_judged_on_photos_that_neither_was_trained_on(validation, tmp_path, capsys):
    made.of_colours(GOOD).save(tmp_path / "model")
    assert main(["train", str(validation), "--from", str(tmp_path / "model")]) == 1
    assert "add --validation photos/validation" in capsys.readouterr().err


@pytest.mark.full
def test_a_model_is_trained_anew_and_replaced(photos, tmp_path, capsys):
    model, options = tmp_path / "model", ["--epochs", "1", "--seed", "0"]
    first = ["train", str(photos), *options, "--image-size", "64x64", "--output", str(model)]
    assert main(first) == 0
    stamp = tl.load(model).outline
    words = ["train", str(photos), *options, "--from", str(model), "--validation", str(photos)]
    code = main([*words, "--json"])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["model"] == str(model)
    after = tl.load(model)
    assert after.kind.image_size == (64, 64)
    assert (after.outline == stamp) == (code == 4)
