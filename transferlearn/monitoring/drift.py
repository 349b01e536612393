"""Tests whether a batch of items comes from where the reference comes from, at one common level.

Each test gives one number for a division of all items into reference and batch. Random divisions
of the same items say how that number is spread where nothing has changed; a gamma distribution with
the same mean, spread and skewness gives its tail, and so makes tests comparable. A test is then
judged by how many random divisions have any test that is as extreme, so tests that say the same
count once; only beyond the most extreme of them by the tails.

Reference: Westfall and Young, Resampling-based multiple testing (1993).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from transferlearn.extras import install_line

DIVISIONS = 299  # random ones; tails are fitted beyond them, so they are enough for small levels
_TINY = 1e-300

Statistic = Callable[[np.ndarray], np.ndarray]
"""Takes divisions, bool `(divisions, items)`, True for the batch, and gives a number for each."""


class Drift(NamedTuple):
    """Holds what the tests of one batch say.

    Attributes:
        p_value: How likely it is that any test is as extreme as the most extreme one, if nothing
            has changed.
        of_tests: The same for each test by its name, corrected for the number of tests.
    """

    p_value: float
    of_tests: dict[str, float]


def test_drift(statistics: Mapping[str, Statistic], reference: int, batch: int, seed: int) -> Drift:
    """Judges statistics of a reference and a batch together.

    Args:
        statistics: The tests by name; each takes the items of the reference first, then the batch.
        reference: The number of items of the reference.
        batch: The number of items of the batch.
        seed: The seed of the random divisions.
    """
    divisions = _divisions(reference, batch, seed)
    logs = np.array([_log_p(statistic(divisions)) for statistic in statistics.values()])
    observed, least = logs[:, 0], logs[:, 1:].min(axis=0)
    beyond = (least <= observed[:, None]).sum(axis=1)
    ranked = (1 + beyond) / (1 + DIVISIONS)
    tails = -np.expm1(_tests_that_count(least) * np.log1p(-np.exp(np.minimum(observed, -1e-12))))
    corrected = np.where(beyond > 0, ranked, np.minimum(ranked, tails))
    of_tests = dict(zip(statistics, map(float, corrected), strict=True))
    return Drift(min(of_tests.values()), of_tests)


def difference(values: np.ndarray) -> Statistic:
    """Makes the test of Anderson and Darling for numbers `(items,)`, which sees tails, too.

    Reference: Scholz and Stephens, [K-sample Anderson-Darling tests](https://doi.org/10.2307/2288805).
    """
    order = np.argsort(values, kind="stable")
    items = len(values)
    below = np.arange(1, items + 1)
    last = np.append(values[order][1:] != values[order][:-1], False)  # the last of equal ones
    ends = np.flatnonzero(last)
    equal = np.diff(np.concatenate([[0], below[ends]]))
    weights = equal / (below[ends] * (items - below[ends]))

    def statistic(divisions: np.ndarray) -> np.ndarray:
        counts = np.cumsum(divisions[:, order], axis=1, dtype=np.int32)
        share = counts[:, -1:].astype(np.float64) / items
        return np.square(counts[:, ends] - share * below[ends]) @ weights

    return statistic


def excess(values: np.ndarray) -> Statistic:
    """Makes Savage's test for items of the batch among the largest of `values`.

    When to use it: a few items of the batch are unlike all of the reference.

    Reference: Savage, [Contributions to the theory of rank order statistics](https://doi.org/10.1214/aoms/1177728416).
    """
    _, place, equal = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(equal) - (equal - 1) / 2)[place]
    scores = -np.log1p(-ranks / (len(values) + 1))
    return lambda divisions: divisions @ scores


def distance(places: np.ndarray) -> Statistic:
    """Makes the test of energy distance for points `(items, axes)`: all axes together.

    Reference: Székely and Rizzo, [Energy statistics](https://doi.org/10.1016/j.jspi.2013.03.018).
    """
    squares = np.square(places).sum(axis=1)
    products = 2 * places @ places.T
    apart = np.sqrt(np.maximum(squares[:, None] + squares - products, 0)).astype(np.float32)
    of_item = apart.sum(axis=1, dtype=np.float64)

    def statistic(divisions: np.ndarray) -> np.ndarray:
        batch = divisions.astype(np.float32)
        within = np.einsum("di,di->d", batch @ apart, batch, dtype=np.float64)
        to_all = divisions @ of_item
        n = divisions.sum(axis=1)
        m = divisions.shape[1] - n
        between = 2 * (to_all - within) / (n * m)
        return between - within / n**2 - (of_item.sum() - 2 * to_all + within) / m**2

    return statistic


def shares(answers: np.ndarray) -> Statistic:
    """Makes the chi-square test for categories, int `(items,)`; rare ones count as one."""
    _, place, count = np.unique(answers, return_inverse=True, return_counts=True)
    common = count[place] >= 5
    _, place, count = np.unique(
        np.where(common, place, -1), return_inverse=True, return_counts=True
    )
    indicator = np.eye(len(count), dtype=np.float32)[place]

    def statistic(divisions: np.ndarray) -> np.ndarray:
        found = divisions.astype(np.float32) @ indicator
        expected = divisions.sum(axis=1, keepdims=True) * (count / len(place))
        return (np.square(found - expected) / expected).sum(axis=1)

    return statistic


def _divisions(reference: int, batch: int, seed: int) -> np.ndarray:
    """The real division in the first row, and random ones: bool `(1 + DIVISIONS, items)`."""
    random = np.random.default_rng(seed)
    rows = np.zeros((1 + DIVISIONS, reference + batch), bool)
    rows[:, reference:] = True
    rows[1:] = random.permuted(rows[1:], axis=1)
    return rows


def _log_p(found: np.ndarray) -> np.ndarray:
    """Returns the logarithm of each number's p-value, by the random ones: all after the first.

    Each random one is judged by the others, as the real one is, so that they can be compared.
    """
    gammaincc = _special().gammaincc
    random = found[1:]
    mean, spread = random.mean(), random.std()
    if not spread > 1e-12 * max(abs(mean), 1e-12):  # all items are alike
        return np.zeros(len(found))
    standard = (found - mean) / spread
    own = np.arange(len(found)) > 0
    first, second, third = (
        ((standard[1:] ** power).sum() - own * standard**power) / (len(random) - own)
        for power in (1, 2, 3)
    )
    variance = np.maximum(second - first**2, 1e-12)
    standard = (standard - first) / variance**0.5
    skewness = (third - 3 * first * second + 2 * first**3) / variance**1.5
    shape = 4 / np.maximum(skewness, 0.05) ** 2  # of 0, the gamma would be no such thing
    tail = gammaincc(shape, np.maximum(shape + standard * shape**0.5, 0))
    return np.log(np.maximum(tail, _TINY))


def _tests_that_count(least: np.ndarray) -> float:
    """Returns how many independent tests have smallest p-values like these, given as logarithms."""
    # By the smaller half of them, since only small ones are ever called an alarm.
    waits = np.sort(-np.log1p(-np.exp(np.minimum(least, -1e-12))))
    half = len(waits) // 2
    return max(half / (waits[:half].sum() + (len(waits) - half) * waits[half - 1]), 1.0)


def _special() -> Any:
    """Returns `scipy.special`."""
    try:
        from scipy import special
    except ImportError as error:
        raise ImportError(f"Monitoring needs scipy: {install_line('monitor')}") from error
    return special
