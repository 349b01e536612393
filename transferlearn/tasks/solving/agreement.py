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


def errors_of(logits: np.ndarray, shares: np.ndarray, independent: bool, alike: bool) -> np.ndarray:
    """Returns 1 for each item whose class is wrong and 0 for the others, float64 `(items,)`.

    Args:
        logits: The outputs for the items, `(items, outputs)`.
        shares: What they should be, in [0, 1], `(items, outputs)`.
        independent: Whether each output is a yes or no; then it is the share of wrong ones.
        alike: Whether all classes count alike, however many items they have.
    """
    if independent:
        classes = np.rint(shares[:, 0])
        wrong = ((logits > 0) != (shares > 0.5)).mean(axis=1)
    else:
        classes = shares.argmax(axis=1)
        wrong = (logits.argmax(axis=1) != classes).astype(float)
    if not alike:
        return wrong
    _, of_class, counts = np.unique(classes, return_inverse=True, return_counts=True)
    return wrong * len(wrong) / len(counts) / counts[of_class]
