"""Holds figures that say how good a model is, and computes the intervals of figures."""

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

Interval = tuple[float, float]
_TWO_SIDED = 1.96  # within so many standard deviations lie 95% of a normal distribution
_RESAMPLES = 1000
_GROUPS = 2000  # more items than this are drawn in so many groups: intervals hardly change


class Evaluation(Mapping[str, float]):
    """Holds figures by key and by attribute: `scores["accuracy"]`, `scores.accuracy`.

    Attributes:
        intervals: For some figures, by key, the interval that holds the true value in 95% of all
            cases.
        baseline: The score of always guessing the commonest class, or the mean; NaN where that is
            not known.
    """

    def __init__(
        self,
        figures: Mapping[str, float],
        intervals: Mapping[str, Interval] | None = None,
        *,
        baseline: float = math.nan,
    ) -> None:
        self._figures = dict(figures)
        self.intervals = dict(intervals or {})
        self.baseline = baseline

    def __getitem__(self, name: str) -> float:
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def __getattr__(self, name: str) -> float:
        figures = self.__dict__.get("_figures", {})  # copy and pickle ask before there are any
        try:
            return figures[name]
        except KeyError:
            raise AttributeError(
                f"There is no figure {name!r}. There are: {', '.join(figures)}."
            ) from None

    def __repr__(self) -> str:
        return f"Evaluation({', '.join(map(self._shown, self))})"

    def _shown(self, name: str) -> str:
        low, high = self.intervals.get(name, (math.nan, math.nan))
        interval = "" if math.isnan(low) else f" ({low:.4g} to {high:.4g})"
        return f"{name}={self[name]:.4g}{interval}"


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
