"""Tests where a photo lies in a frame, and that boxes come back where they were."""

import numpy as np
import pytest

from transferlearn.edge.letterbox import Letterbox


def test_a_wide_photo_lies_between_bars_above_and_below():
    placed = Letterbox(photo=(100, 200), frame=(64, 64))
    assert placed.inner == (32, 64)
    assert placed.corner == (16, 0)
    np.testing.assert_allclose(placed.to_frame(np.array([[0, 0, 200, 100]])), [[0, 0.25, 1, 0.75]])
    assert placed.frame_area == 200 * 200


def test_a_stretched_photo_fills_the_frame():
    placed = Letterbox(photo=(100, 200), frame=(64, 32), stretched=True)
    assert placed.inner == (64, 32)
    assert placed.corner == (0, 0)
    np.testing.assert_allclose(
        placed.to_frame(np.array([[50, 25, 200, 100]])), [[0.25, 0.25, 1, 1]]
    )
    assert placed.frame_area == 100 * 200


@pytest.mark.parametrize("stretched", [False, True])
@pytest.mark.parametrize("photo", [(37, 211), (211, 37), (64, 48), (1, 5000)])
def test_boxes_come_back_where_they_were(photo, stretched):
    placed = Letterbox(photo, (48, 96), stretched)
    draw = np.random.default_rng(0).uniform(size=(20, 2, 2))
    boxes = np.sort(draw, axis=1).reshape(20, 4) * ((photo[1], photo[0]) * 2)
    framed = placed.to_frame(boxes)
    assert framed.min() >= 0
    assert framed.max() <= 1
    np.testing.assert_allclose(placed.to_photo(framed), boxes, atol=1e-9)


def test_what_lies_on_the_bars_is_cut_at_the_photos_edge():
    placed = Letterbox(photo=(100, 200), frame=(64, 64))
    np.testing.assert_allclose(placed.to_photo(np.array([[-0.5, 0, 1, 0.5]])), [[0, 0, 200, 50]])
