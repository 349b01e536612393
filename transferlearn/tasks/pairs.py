"""Tests which of two models is better on the same items, pair by pair."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from transferlearn.tasks.intervals import Interval, group_sums, resampled

_STANDARD_ERRORS = 1.96


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """Tells by how much one model's score is above another's on the same items; printed: in words.

    Attributes:
        difference: The score of the second model less that of the first.
        interval: The 95% interval of that difference.
        p_value: The probability of so large a difference, to either side, between equally good
            models.
        method: How it was computed, such as `"McNemar, exact"`.
        others: The tests of further figures by their names, such as `"bleu"`.
    """

    difference: float
    interval: Interval
    p_value: float
    method: str
    others: Mapping[str, "PairedTest"] = field(default_factory=dict)

    def __str__(self) -> str:
        low, high = self.interval
        p = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        own = f"{self.difference:+.4f} ({low:+.4f} to {high:+.4f}), {p}"
        return "; ".join([own, *(f"{name} {test}" for name, test in self.others.items())])


def mcnemar(first: np.ndarray, second: np.ndarray) -> PairedTest:
    """Compares the shares of right answers of two models by McNemar's exact test.

    Only items that one model gets right and the other wrong tell them apart: if both are equally
    good, either sort is equally likely.

    Args:
        first: Whether the first model's answer to each item is right, bool `(items,)`.
        second: Whether the second model's is.

    Reference: [McNemar](https://doi.org/10.1007/BF02295996); the interval is that of the difference
    of paired shares, by the normal distribution.
    """
    items = len(first)
    lost, won = int((first & ~second).sum()), int((~first & second).sum())
    apart = lost + won
    difference = (won - lost) / items
    # By logarithms, since 2**n is too large for a float from n = 1024 on.
    terms = [_log_choose(apart, k) - apart * math.log(2) for k in range(min(lost, won) + 1)]
    error = math.sqrt(max(apart - (won - lost) ** 2 / items, 0.0)) / items
    half = _STANDARD_ERRORS * error
    return PairedTest(
        difference=difference,
        interval=(difference - half, difference + half),
        p_value=min(1.0, 2 * sum(map(math.exp, terms))),
        method="McNemar, exact",
    )


def paired_bootstrap(
    sums: np.ndarray, difference: Callable[[np.ndarray], np.ndarray]
) -> PairedTest | None:
    """Compares two models by drawing items again and again, each with both models' answers.

    Args:
        sums: What `group_sums` gives of quantities of both models, `(groups, quantities)`.
        difference: A function that takes sums `(..., quantities)`, and gives the second model's
            score minus the first's.

    Returns:
        The test; `None` of a single item, which says nothing of chance.
    """
    if len(sums) < 2:
        return None
    return of_draws(float(difference(sums.sum(axis=0))), difference(resampled(sums)))


def compare_sums(
    first: np.ndarray, second: np.ndarray, score: Callable[[np.ndarray], np.ndarray]
) -> PairedTest | None:
    """Compares two models by what each item adds to the sums that a score is computed from.

    Args:
        first: What each item adds by the first model, `(items, quantities)`.
        second: The same by the second model.
        score: A function that takes sums `(..., quantities)`, and gives a model's score.
    """
    width = first.shape[1]
    return paired_bootstrap(
        group_sums(np.hstack([first, second])),
        lambda sums: score(sums[..., width:]) - score(sums[..., :width]),
    )


def of_draws(difference: float, drawn: np.ndarray) -> PairedTest:
    """Makes a test of a difference of scores, and of those of items that were drawn again.

    Args:
        difference: The second model's score minus the first's.
        drawn: The same of each draw, `(draws,)`.
    """
    low, high = np.quantile(drawn, [0.025, 0.975])
    # Counted with one more draw, so that no probability is 0.
    rarer = min((drawn <= 0).sum(), (drawn >= 0).sum())
    return PairedTest(
        difference=difference,
        interval=(float(low), float(high)),
        p_value=float(min(1.0, 2 * (rarer + 1) / (len(drawn) + 1))),
        method="paired bootstrap",
    )


def _log_choose(n: int, k: int) -> float:
    """Returns the logarithm of the number of ways to choose `k` of `n`."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
