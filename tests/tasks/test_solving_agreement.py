"""How much surer a head is of what it is right about, beside scikit-learn's ROC curve."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from transferlearn.tasks.solving.folds import surer_if_right

pytestmark = pytest.mark.core


def test_it_is_the_area_under_the_roc_curve_of_the_largest_probability():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (300, 4)).round(1)  # rounded, so that some are equal
    targets = np.eye(4)[np.where(rng.random(300) < 0.6, logits.argmax(1), rng.integers(0, 4, 300))]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    right = logits.argmax(1) == targets.argmax(1)
    assert surer_if_right(logits, targets) == pytest.approx(roc_auc_score(right, shares.max(1)))
    assert surer_if_right(logits, np.eye(4)[logits.argmax(1)]) is None
