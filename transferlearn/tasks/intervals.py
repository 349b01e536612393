"""Computes the intervals that hold the true value of a figure in 95% of all cases."""

import math
from collections.abc import Callable, Mapping

import numpy as np

Interval = tuple[float, float]
_TWO_SIDED = 1.96  # within so many standard deviations lie 95% of a normal distribution
_ENDS = (0.025, 0.975)
_RESAMPLES = 1000
_GROUPS = 2000  # more items than this are drawn in so many groups: intervals hardly change


def wilson(share: float, count: float) -> Interval:
    """Returns the 95% interval of a share that was seen among `count` items.

    Reference: [Wilson](https://doi.org/10.1080/01621459.1927.10502953).
    """
    z = _TWO_SIDED**2 / count
    middle = (share + z / 2) / (1 + z)
    half = math.sqrt(z * share * (1 - share) + z**2 / 4) / (1 + z)
    return max(0.0, middle - half), min(1.0, middle + half)


def r2_error(r2: float, count: float) -> float:
    """Returns the standard deviation by chance of the R2 of `count` items.

    Reference: Olkin and Finn, [Correlations redux](https://doi.org/10.1037/0033-2909.118.1.155),
    for normal errors. Below an R2 of 0.5 it is that of the mean square error, which is no smaller.
    """
    return 2 * abs(1 - r2) * math.sqrt(max(r2, 0.5) / count)


def r2_interval(r2: float, count: int) -> Interval:
    """Returns the 95% interval of the R2 of `count` items."""
    left = 1 - r2  # a ratio of mean squares: its logarithm is about normal
    factor = math.exp(_TWO_SIDED * r2_error(r2, count) / left) if left > 0 else 1.0
    return 1 - left * factor, 1 - left / factor


def group_sums(rows: np.ndarray) -> np.ndarray:
    """Sums what items add, in random groups of a few items where there are very many.

    Args:
        rows: What each item adds, bool or float `(items, quantities)`.

    Returns:
        The sums, float64 `(groups, quantities)`; the same items are always in the same groups.
    """
    items = len(rows)
    order = np.random.default_rng(0).permutation(items)
    begins = np.linspace(0, items, min(items, _GROUPS), endpoint=False).astype(int)
    return np.add.reduceat(rows[order], begins, dtype="float64")


def resampled(sums: np.ndarray) -> np.ndarray:
    """Draws groups again and again, and gives the sums of each resample, `(1000, quantities)`."""
    groups = len(sums)
    random = np.random.default_rng(0)
    # How often each group is drawn: all resamples are then one matrix product.
    times = random.multinomial(groups, np.full(groups, 1 / groups), size=_RESAMPLES)
    return times @ sums


def bootstrap(
    sums: np.ndarray, figures: Callable[[np.ndarray], Mapping[str, np.ndarray]]
) -> dict[str, Interval]:
    """Returns the 95% intervals of figures that are computed from sums over items.

    Args:
        sums: What `group_sums` gives, float `(groups, quantities)`. One item alone says nothing of
            chance, so then there are no intervals.
        figures: A function that takes sums `(..., quantities)` and gives each figure `(...)`.

    Reference: [Efron](https://doi.org/10.1214/aos/1176344552); percentiles of 1,000 resamples,
    drawn with a fixed seed.
    """
    if len(sums) < 2:
        return {}
    ends = {
        name: np.nanquantile(values, _ENDS)
        for name, values in figures(resampled(sums)).items()
        if not np.isnan(values).all()
    }
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def median_ends(values: np.ndarray) -> np.ndarray:
    """Returns the ends of the 95% intervals of medians, as resampling would, without resampling.

    The middle one of n random numbers in [0, 1] follows a beta distribution, and the item that it
    falls on is the median of a resample.

    Args:
        values: The values of which the medians are taken, float `(items, columns)`.

    Returns:
        The ends, `(2, columns)`.
    """
    items = len(values)
    half = (items + 1) / 2
    ranks = np.random.default_rng(0).beta(half, half, size=_RESAMPLES)
    medians = np.sort(values, axis=0)[(ranks * items).astype(int)]
    return np.quantile(medians, _ENDS, axis=0)
