"""Scores and their intervals stay within what is possible."""

import pytest

from transferlearn.tasks.scores import Overlap, Similarity

pytestmark = pytest.mark.core


@pytest.mark.parametrize(("score", "least"), [(Overlap("mean_iou"), 0), (Similarity("ssim"), -1)])
@pytest.mark.parametrize("value", [0.02, 0.3, 0.97])
def test_an_interval_of_one_item_holds_no_impossible_value(score, least, value):
    low, high = score.interval(value, 1)
    assert least <= low < value < high <= 1
