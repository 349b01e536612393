"""The demo for masks: what it draws is what its masks say, and it trains, tests and saves."""

import json

import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pyramid_model
from transferlearn.cli import main
from transferlearn.demos import masks as demo_masks


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """Grey photos in place of the package's."""
    rows = []
    for i in range(14):
        Image.new("L", (60, 60), 100 + i).save(tmp_path / f"cell{i}.png")
        rows.append((str(tmp_path / f"cell{i}.png"), "functional" if i < 12 else "defective"))
    monkeypatch.setattr(demo_masks, "photos", lambda: rows)
    monkeypatch.setattr(demo_masks, "PHOTOS", {"train": 8, "test": 4})


def test_masks_are_where_the_photo_was_changed():
    photo, seen = Image.new("L", (300, 300), 100), set()
    for seed in range(8):
        changed, mask = (
            np.asarray(image) for image in demo_masks.drawn(photo, np.random.default_rng(seed))
        )
        inner = np.asarray(Image.fromarray(mask))
        seen |= {*np.unique(mask)}
        assert np.median(changed[inner == 0]) == 100
        for value, grey in ((1, 45), (2, 160)):
            if (inner == value).any():
                assert np.median(changed[inner == value]) == pytest.approx(grey, abs=15)
    assert seen == {0, 1, 2}


def test_the_same_photos_are_drawn_again(cells, tmp_path):
    for name in ("one", "two", "one"):
        demo_masks.write_photos(tmp_path / name)
    one, two = (sorted((tmp_path / name).rglob("*.png")) for name in ("one", "two"))
    assert len(one) == 24
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]


@pytest.mark.full
def test_the_demo_trains_tests_and_saves(cells, tmp_path, monkeypatch, capsys):
    build = tl.ImageSegmenterBuilder
    monkeypatch.setattr(
        demo_masks,
        "ImageSegmenterBuilder",
        lambda _, **settings: build(pyramid_model(), **settings),
    )
    assert main(["demo", "--segment", "--output", str(tmp_path / "found"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["count"] == 4
    assert [step["step"] for step in found["steps"]] == ["decoder", "everything", "test"]
    assert tl.load(tmp_path / "found").predict(found["try"]).mask.shape == (60, 60)
