"""Advice on detectors: boxes that are missing or of a wrong class are found, and scores said."""

import numpy as np
import pytest

import transferlearn as tl
from tests.networks import small_backbone
from tests.objects import NAMES, rectangles
from transferlearn.advice.doubts import ranking
from transferlearn.tasks.detection.figures import evaluation_of

HEAD = tl.heads.FCOSHead(width=16, depth=1, groups=4, features=("stride_2", "stride_4"))


@pytest.fixture(scope="module")
def fitted():
    builder = tl.ObjectDetectorBuilder(
        small_backbone(), head=HEAD, seed=0, image_size=(32, 32), class_names=NAMES
    )
    return builder.fit(rectangles(64), rectangles(30, seed=1), epochs=8, cache=True, verbose=0)


def test_objects_without_a_box_and_wrong_classes_are_found(fitted):
    photos, told = rectangles(60, seed=2)
    wrong = [i for i, rows in enumerate(told["boxes"]) if len(rows)][:12]
    for i in wrong[:6]:
        told["boxes"][i], told["labels"][i] = told["boxes"][i][1:], told["labels"][i][1:]
    for i in wrong[6:]:
        told["labels"][i][0] = {"red": "blue", "blue": "red"}[told["labels"][i][0]]
    found = tl.doubt(fitted, (photos, told), verbose=0)
    assert np.isin([row.item for row in found[:12]], wrong).sum() >= 10  # by chance 2.4
    assert len(found.suspected) >= 8
    assert np.isin([row.item for row in found.suspected], wrong).mean() > 0.8
    assert not tl.doubt(fitted, rectangles(60, seed=2), verbose=0).suspected
    exchanged = next(row for row in found if row.item in wrong[6:])
    assert exchanged.instead.split()[0] in NAMES
    assert "1 " in exchanged.given
    assert "one more" not in str(found)


def test_what_is_doubted_is_what_has_no_box_of_its_class():
    frame = [0, 0, 1, 1, -1, 10_000, 0]
    red, blue = [0.1, 0.1, 0.3, 0.3, 0, 400, 0], [0.5, 0.5, 0.8, 0.8, 1, 900, 0]
    crowd = [0.5, 0.0, 1, 0.4, 0, 2000, 1]
    targets = np.array(
        [[red, blue, frame], [red, frame, frame], [blue, crowd, frame], [frame] * 3], "float32"
    )
    said = np.zeros((4, 3, 6), "float32")
    said[..., 5] = -1
    said[:3, 0] = [0.1, 0.1, 0.3, 0.3, 0.8, 0]  # in the third photo it has no box
    said[:3, 1] = [0.5, 0.5, 0.8, 0.8, 0.4, 1]  # in the second one
    said[2, 2] = [0.6, 0.1, 0.7, 0.2, 0.9, 0]  # in a crowd
    judged = ranking(evaluation_of(said, targets, ("red", "blue"), (0.3, 0.3)))
    np.testing.assert_allclose(judged.doubts, [0, 2 / 3, 2 / 3, 0], atol=1e-6)  # 2 of 3 are right
    assert judged.given == ["1 red, 1 blue", "1 red", "1 red, 1 blue", "nothing"]
    assert judged.instead[0] == judged.instead[3] == "the same"
    assert judged.instead[1] == "blue at 65% from the left, 65% from above"
    assert judged.instead[2] == "red at 20% from the left, 20% from above"
    assert not judged.suspected.any()
    surer = said.copy()
    surer[2, 0, 4] = 0.99
    judged = ranking(evaluation_of(surer, targets, ("red", "blue"), (0.3, 0.3)))
    assert judged.suspected.tolist() == [False, False, True, False]


def test_what_training_measured_is_said_and_nothing_else(fitted):
    said = str(tl.diagnose(fitted))
    assert "nan" not in said
    assert "of 30 examples held out mean average precision is" in said
    measured = tl.diagnose(fitted, train=rectangles(64))
    assert measured.verdict != "cannot tell"
    assert measured.evidence.train_score > 0.3
