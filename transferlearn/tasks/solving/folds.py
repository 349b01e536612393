"""Divides items into folds for cross-validation, and judges the answers to those left out."""

import numpy as np

FOLDS = 5


def divide(classes: np.ndarray, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Returns each item's fold, by number; classes are spread evenly, and groups stay whole.

    Args:
        classes: The class of each item, `(items,)`; equal numbers are one class.
        seed: The seed of the division.
        groups: The number of each item's group, int64 `(items,)`; `None`: each item is alone. A
            single group cannot be divided, so its items count as alone.

    Returns:
        Numbers from 0 to 4, or fewer where there are fewer than five groups, int64 `(items,)`.
    """
    if have_several(groups):
        assert groups is not None
        return _whole_groups(classes, seed, groups)
    shuffled = np.random.default_rng(seed).permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    fold = np.empty(len(classes), int)
    fold[by_class] = np.arange(len(classes)) % min(FOLDS, len(classes))
    return fold


def have_several(groups: np.ndarray | None) -> bool:
    """Returns whether there are two groups or more, and some have several items."""
    return groups is not None and 1 < len(np.unique(groups)) < len(groups)


def _whole_groups(classes: np.ndarray, seed: int, groups: np.ndarray) -> np.ndarray:
    """Puts each group into the fold that has the fewest items of the group's classes so far."""
    of_class = np.unique(classes, return_inverse=True)[1]
    sizes = np.unique(groups, return_counts=True)[1]
    members = np.split(np.argsort(groups, kind="stable"), np.cumsum(sizes)[:-1])
    counts = np.zeros((min(FOLDS, len(members)), of_class.max() + 1), int)
    fold = np.empty(len(classes), int)
    shuffled = np.random.default_rng(seed).permutation(len(members))
    # The large ones come first, so that the small ones can make the folds even.
    for group in sorted(shuffled, key=lambda group: -len(members[group])):
        items = members[group]
        alike = counts[:, of_class[items]].sum(axis=1)
        chosen = np.lexsort((counts.sum(axis=1), alike))[0]
        fold[items] = chosen
        np.add.at(counts[chosen], of_class[items], 1)
    return fold


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
