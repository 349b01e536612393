"""Figures and metric of masks whose pixels may have several classes."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score

import transferlearn as tl
from transferlearn.tasks import LayerEncoding, LayerMeanIoU

pytestmark = pytest.mark.core
NAMES = ("smoke", "fire", "never")
ENCODING = LayerEncoding(class_names=NAMES, mask_values=(0, 1, 2), void=255, size=(8, 8))
SCORING = ENCODING.scoring


@pytest.fixture(scope="module")
def answers():
    """Probabilities and layers of 9 items; some pixels of some classes are void."""
    rng = np.random.default_rng(0)
    layers = rng.choice([0, 1, 255], size=(9, 8, 8, 3), p=[0.6, 0.3, 0.1]).astype("uint8")
    layers[..., 2] = 0
    shares = rng.uniform(size=layers.shape) * 0.6 + 0.4 * (layers == 1)
    shares[..., 2] = 0.1
    return shares.astype("float32"), layers


def test_figures_are_those_of_scikit_learn_class_by_class(answers):
    shares, layers = answers
    found = SCORING.measure(shares, layers)
    for i, name in enumerate(NAMES[:2]):
        seen = layers[..., i] < 255
        truth, said = layers[..., i][seen], shares[..., i][seen] >= 0.5
        assert found[f"iou: {name}"] == pytest.approx(jaccard_score(truth, said))
        assert found[f"dice: {name}"] == pytest.approx(f1_score(truth, said))
    assert np.isnan(found["iou: never"])
    assert found.mean_iou == pytest.approx((found["iou: smoke"] + found["iou: fire"]) / 2)
    low, high = found.intervals["mean_iou"]
    assert low < found.mean_iou < high


def test_batches_add_up_to_the_same_figures(answers):
    shares, layers = answers
    whole = SCORING.measure(shares, layers)
    parts = [SCORING.tally(shares[i : i + 4], layers[i : i + 4]) for i in (0, 4, 8)]
    again = type(parts[0]).joined(parts).evaluation()
    assert dict(again.figures) == pytest.approx(dict(whole.figures), nan_ok=True)
    metric = LayerMeanIoU(3)
    for i in (0, 4, 8):
        marks = tl.data.LayerMarks()(layers[i : i + 4]).targets
        metric.update_state(marks, shares[i : i + 4])
    assert float(metric.result()) == pytest.approx(whole.mean_iou)


def test_a_better_model_is_told_from_a_worse_one(answers):
    shares, layers = answers
    worse = shares[..., [1, 0, 2]]
    found = SCORING.compare(SCORING.measure(worse, layers), SCORING.measure(shares, layers))
    assert found.interval[0] > 0
