"""Names beside drawn boxes can be read: none is cut at the photo's edge, none covers another."""

import numpy as np
import pytest

from transferlearn.edge import BoxPrediction

pytestmark = pytest.mark.core
NAMES = ("bolt", "bracket", "gear")


def filled(boxes, labels):
    """Returns how many pixels have the colour of each class, where these boxes are drawn."""
    found = BoxPrediction(
        labels=labels,
        scores=np.linspace(0.9, 0.5, len(labels), dtype="float32"),
        boxes=np.array(boxes, "float32"),
        class_names=NAMES,
        size=(128, 128),
    )
    drawn = np.asarray(found.picture(np.full((128, 128, 3), 90, "uint8")))
    colours = (bytes.fromhex(found.colours[name][1:]) for name in NAMES)
    return [int((drawn == list(colour)).all(axis=-1).sum()) for colour in colours]


@pytest.mark.parametrize("corner", [(90, 40), (118, 40), (40, 0), (40, 118), (118, 118), (0, 0)])
def test_a_name_is_not_cut_at_the_edge(corner):
    x, y = corner
    usual = filled([[40, 40, 50, 50]], ("bolt",))[0]
    assert filled([[x, y, x + 10, y + 10]], ("bolt",))[0] > 0.9 * usual  # some lie over the box


def test_names_do_not_cover_each_other():
    alone = [filled([[40, 40, 80, 80]], (name,))[i] for i, name in enumerate(NAMES)]
    together = filled([[40, 40, 80, 80], [42, 42, 82, 82], [38, 41, 80, 79]], NAMES)
    for found, usual in zip(together, alone, strict=True):
        assert found > 0.8 * usual


def test_where_there_is_no_place_the_surest_name_is_on_top():
    many = [[60, 60, 64, 64]] * 9
    alone = filled([[60, 60, 64, 64]], ("gear",))[2]
    assert filled(many, ("gear", *["bolt"] * 8))[2] > 0.8 * alone
