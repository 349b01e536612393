"""Measures whether a classifier is surer where it agrees with the labels."""

import numpy as np


def surer_if_right(logits: np.ndarray, targets: np.ndarray) -> float | None:
    """Returns how often a right answer is surer than a wrong one, or `None` if one kind is missing.

    This is the area under the ROC curve of the largest probability. Labels that were made wrong at
    random have nothing to do with how sure the head is, so they draw it towards 0.5.
    """
    right = logits.argmax(1) == targets.argmax(1)
    sure = 1 / np.exp(logits - logits.max(1, keepdims=True)).sum(1)
    if right.all() or not right.any():
        return None
    wrong = np.sort(sure[~right])
    below = [np.searchsorted(wrong, sure[right], side=side) for side in ("left", "right")]
    return float(np.mean(below) / len(wrong))
