"""Divides items into folds for cross-validation."""

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
