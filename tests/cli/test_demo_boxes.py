"""The demo for boxes: boxes are where parts were laid, and it trains, tests and saves."""

import json

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pyramid_model
from transferlearn.cli import main
from transferlearn.demos import boxes as demo_boxes
from transferlearn.demos import scenes as composing


def test_a_box_encloses_what_is_to_be_seen_of_a_part(monkeypatch):
    tops = []
    lay = composing._lay

    def remembering(random, photo, top, *of_part):
        tops.append(top)
        return lay(random, photo, top, *of_part)

    monkeypatch.setattr(composing, "_lay", remembering)
    (_, one) = composing.scenes(2, seed=3, parts=(5, 5))
    seen = {i: np.argwhere(tops[-1] == i) for i in range(5)}
    found = {tuple(box) for box in one.boxes}
    around = {(*rows.min(0)[::-1], *(rows.max(0) + 1)[::-1]) for rows in seen.values() if len(rows)}
    assert found
    assert found <= around


def test_parts_differ_in_class_and_size_cover_each_other_and_are_cut_off():
    made = composing.scenes(60, seed=0)
    boxes = np.concatenate([one.boxes for one in made])
    sides = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
    assert {*np.concatenate([one.classes for one in made])} == set(range(len(composing.NAMES)))
    assert {i for i in range(60) if not len(made[i].boxes)} >= {0, 10, 20, 30, 40, 50}
    assert sides.max() > 4 * sides.min()
    assert (boxes >= 0).all()
    assert (boxes <= 128).all()
    assert ((boxes == 0) | (boxes == 128)).any()
    overlapping = 0
    for one in made:
        low = np.maximum(one.boxes[:, None, :2], one.boxes[None, :, :2])
        high = np.minimum(one.boxes[:, None, 2:], one.boxes[None, :, 2:])
        overlapping += int(np.triu((high > low).all(axis=2), 1).sum())
    assert overlapping > 10


def test_the_same_photos_are_composed_again_and_read_with_their_boxes(tmp_path):
    made = composing.scenes(11, seed=5)
    first, second = (
        composing.write(tmp_path / name, composing.scenes(11, seed=5)) for name in ("one", "two")
    )
    assert first.read_bytes() == second.read_bytes()
    data = tl.data.load(first, target=tl.data.Boxes())
    for one, read in zip(made, data.targets.of_photos(), strict=True):
        assert read.boxes == pytest.approx(one.boxes, abs=0.01)
        assert [*read.classes] == [*one.classes]


@pytest.mark.full
def test_the_demo_trains_tests_and_saves(tmp_path, monkeypatch, capsys):
    build = tl.ObjectDetectorBuilder
    monkeypatch.setattr(demo_boxes, "PHOTOS", {"train": 12, "test": 6})
    monkeypatch.setattr(demo_boxes, "_EPOCHS", 2)
    monkeypatch.setattr(
        demo_boxes,
        "ObjectDetectorBuilder",
        lambda _, **settings: build(pyramid_model(), **settings),
    )
    assert main(["demo", "--detect", "--output", str(tmp_path / "found"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["count"] == 6
    assert [step["step"] for step in found["steps"]] == ["head", "everything", "test"]
    assert tl.load(tmp_path / "found").predict(found["try"]).size == (128, 128)
