"""Tests that boxes that were written are read again as they were."""

import json
from dataclasses import dataclass, field

import numpy as np
import pytest

import transferlearn as tl
from tests import boxes as made

BOXES = tl.data.Boxes()


@dataclass
class Predicted:
    """Stands for what a detector predicts."""

    path: str
    labels: tuple = ("dog", "car")
    scores: np.ndarray = field(default_factory=lambda: np.array([0.9, 0.25], "float32"))
    boxes: np.ndarray = field(
        default_factory=lambda: np.array([[5, 4, 20.5, 14], [0, 0, 50, 30]], "float32")
    )
    class_names: tuple = made.NAMES
    size: tuple = made.SIZE


@pytest.fixture
def folder(tmp_path):
    """Returns a COCO folder, with a box around a crowd, and a photo that lies deeper."""
    content = made.coco(tmp_path / "coco")
    content["annotations"][0].update(iscrowd=1, area=77.5)
    content["images"][1]["file_name"] = "deep/1.png"
    (tmp_path / "coco/images/deep").mkdir()
    (tmp_path / "coco/images/1.png").rename(tmp_path / "coco/images/deep/1.png")
    (tmp_path / "coco/annotations.json").write_text(json.dumps(content))
    return tmp_path


def rows(data):
    """Returns the rows of boxes by the names of their photos."""
    targets = data.targets[np.arange(data.size)]
    return {path[-5:]: row for path, row in zip(data.names, targets, strict=True)}


@pytest.mark.parametrize("place", ["coco/again.json", "coco/images/again.json"])
def test_coco_is_read_again_as_it_was(folder, place):
    data = tl.data.load(folder / "coco/annotations.json", target=BOXES)
    tl.data.write_coco(folder / place, data)
    again = tl.data.load(folder / place, target=BOXES)
    assert again.targets.class_names == data.targets.class_names
    found = rows(again)
    assert len(found) == 4
    for name, row in rows(data).items():
        np.testing.assert_allclose(found[name], row, atol=1e-5)


def test_yolo_is_read_again_as_it_was_but_for_crowds(folder):
    data = tl.data.load(folder / "coco/annotations.json", target=BOXES)
    with pytest.warns(tl.data.DataWarning, match="1 box around crowds, not written"):
        tl.data.write_yolo(folder / "yolo", data)
    again = tl.data.load(folder / "yolo", target=BOXES)
    assert again.targets.class_names == data.targets.class_names
    found, before = rows(again), rows(data)
    assert sorted(found) == ["0.png", "1.png", "2.png", "3.png"]
    np.testing.assert_allclose(found["1.png"][0], before["1.png"][0], rtol=1e-5)
    assert found["0.png"][:, 4].tolist() == [0, -1]
    assert (folder / "yolo/images/deep/1.png").read_bytes() == (
        folder / "coco/images/deep/1.png"
    ).read_bytes()
    with pytest.raises(OSError, match="is there already"):
        tl.data.write_yolo(folder / "yolo", again)


def test_predictions_are_written_with_their_scores(folder):
    paths = made.save_photos(folder / "new")
    predicted = [Predicted(str(path)) for path in paths]
    tl.data.write_coco(folder / "new/found.json", predicted)
    told = json.loads((folder / "new/found.json").read_text())
    assert told["annotations"][0] == {
        "id": 1,
        "image_id": 1,
        "category_id": 2,
        "bbox": [5, 4, 15.5, 10],
        "area": 155,
        "iscrowd": 0,
        "score": 0.9,
    }
    tl.data.write_yolo(folder / "yolo", predicted)
    assert (
        folder / "yolo/labels/3.txt"
    ).read_text() == "1 0.255 0.3 0.31 0.33333333\n0 0.5 0.5 1 1\n"
    for source in (folder / "new/found.json", folder / "yolo"):
        again = rows(tl.data.load(source, target=BOXES))["2.png"]
        assert again[:, 4].tolist() == [1, 0, -1]


def test_what_is_no_photo_in_a_file_is_refused(folder):
    given = (np.stack([made.photo(0)]), {"boxes": [[[5, 4, 20, 14]]], "labels": [["a"]]})
    with pytest.raises(ValueError, match="photos in files"):
        tl.data.write_coco(folder / "a.json", tl.data.load(given, target=BOXES))
    with pytest.raises(ValueError, match="photos in files"):
        tl.data.write_yolo(folder / "a", [Predicted(None)])
    with pytest.raises(ValueError, match="no photos"):
        tl.data.write_coco(folder / "a.json", [])
    made.save_photos(folder / "classes/a")
    made.save_photos(folder / "classes/b")
    with pytest.raises(ValueError, match=r"target=tl\.data\.Boxes"):
        tl.data.write_coco(folder / "a.json", tl.data.load(folder / "classes"))
    assert not (folder / "a").exists()
    assert not (folder / "a.json").exists()
