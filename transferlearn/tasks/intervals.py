"""Computes the intervals that hold the true value of a figure in 95% of all cases."""

import math
from collections.abc import Callable, Mapping

import numpy as np

Interval = tuple[float, float]
_TWO_SIDED = 1.96  # within so many standard deviations lie 95% of a normal distribution
_RESAMPLES = 1000
_GROUPS = 2000  # more items than this are drawn in so many groups: intervals hardly change


def wilson(share: float, count: int) -> Interval:
    """Gives the 95% interval of a share that was seen among `count` items.

    Reference: [Wilson](https://doi.org/10.1080/01621459.1927.10502953).
    """
    z = _TWO_SIDED**2 / count
    middle = (share + z / 2) / (1 + z)
    half = math.sqrt(z * share * (1 - share) + z**2 / 4) / (1 + z)
    return max(0.0, middle - half), min(1.0, middle + half)


def r2_error(r2: float, count: float) -> float:
    """Gives the standard deviation by chance of the R2 of `count` items.

    Reference: Olkin and Finn, [Correlations redux](https://doi.org/10.1037/0033-2909.118.1.155),
    for normal errors. Below an R2 of 0.5 it is that of the mean square error, which is no smaller.
    """
    return 2 * abs(1 - r2) * math.sqrt(max(r2, 0.5) / count)


def r2_interval(r2: float, count: int) -> Interval:
    """Gives the 95% interval of the R2 of `count` items."""
    left = 1 - r2  # a ratio of mean squares: its logarithm is about normal
    factor = math.exp(_TWO_SIDED * r2_error(r2, count) / left) if left > 0 else 1.0
    return 1 - left * factor, 1 - left / factor


def bootstrap(
    items: np.ndarray, figures: Callable[[np.ndarray], Mapping[str, np.ndarray]]
) -> dict[str, Interval]:
    """Gives the 95% intervals of figures that are computed from means over items.

    Args:
        items: What each item adds to the means, float `(n, quantities)`.
        figures: A function that takes means `(..., quantities)` and gives each figure `(...)`.

    Reference: [Efron](https://doi.org/10.1214/aos/1176344552); percentiles of 1,000 resamples,
    drawn with a fixed seed.
    """
    random, groups = np.random.default_rng(0), min(len(items), _GROUPS)
    order = random.permutation(len(items))
    begins = np.linspace(0, len(items), groups, endpoint=False).astype(int)
    sums = np.add.reduceat(items[order], begins)
    sizes = np.diff(np.append(begins, len(items)))
    # How often each group is drawn: all resamples are then one matrix product.
    times = random.multinomial(groups, np.full(groups, 1 / groups), size=_RESAMPLES)
    resampled = figures(times @ sums / (times @ sizes)[:, None])
    ends = {name: np.nanquantile(values, [0.025, 0.975]) for name, values in resampled.items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}
