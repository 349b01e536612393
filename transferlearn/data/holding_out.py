"""Chooses which items to validate on."""

import numpy as np

from transferlearn.checks import is_number


def hold_out(
    strata: np.ndarray | None, count: int, fraction: float, seed: int | None
) -> np.ndarray:
    """Draws at random which items to validate on, the same share of each stratum.

    Args:
        strata: The stratum of each item, whole numbers `(count,)` such as class ids; `None`: all
            items are alike.
        count: How many items there are.
        fraction: The share to hold out, between 0 and 1. Of each stratum with two items or more at
            least one is held out and one is kept; the only item of a stratum is kept.
        seed: The seed of the draw; the same seed draws the same items.

    Returns:
        Bool `(count,)`: whether each item is held out.

    Raises:
        ValueError: The share is not a number between 0 and 1.
    """
    if not is_number(fraction) or not 0 < fraction < 1:
        raise ValueError(
            f"The share of items to validate on must be between 0 and 1. Received: {fraction!r}"
        )
    rng = np.random.default_rng(seed)
    held_out = np.zeros(count, bool)
    alike = np.zeros(count, int) if strata is None else strata
    # By stratum: a plain cut of sorted files can leave a single class to validate on.
    for stratum in np.unique(alike):
        members = np.flatnonzero(alike == stratum)
        number = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held_out[rng.permutation(members)[:number]] = True
    return held_out
