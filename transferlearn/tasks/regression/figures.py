"""Computes and holds the figures that say how good a regressor is."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np

from transferlearn.data.targets import NumberRows, NumberTargets
from transferlearn.edge import NumberPrediction
from transferlearn.json_fields import Json
from transferlearn.monitoring import Quantities
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.intervals import bootstrap, group_sums, median_ends
from transferlearn.tasks.pairs import PairedTest, paired_bootstrap
from transferlearn.tasks.scores import Determination
from transferlearn.tasks.scoring import Scoring


@dataclass(frozen=True, eq=False, repr=False)
class NumberEvaluation(Evaluation):
    """Holds the figures of a regressor; of several numbers, `parts` has those of each.

    Attributes:
        names: The names of the numbers, in the order of the columns.
        predicted: The numbers that the model gives, float `(items, numbers)`, in their own units.
        true: The numbers that are right, float `(items, numbers)`.
    """

    _: KW_ONLY
    names: tuple[str, ...]
    predicted: np.ndarray
    true: np.ndarray

    def to_dict(self) -> Json:
        """Returns figures and intervals, and the names of the numbers."""
        return super().to_dict() | {"names": list(self.names)}


def regression_figures(
    values: np.ndarray,
    truth: np.ndarray,
    names: Sequence[str],
    mean: Sequence[float],
    spread: Sequence[float],
) -> NumberEvaluation:
    """Measures how far predicted numbers are from the true ones, with 95% intervals.

    Args:
        values: The numbers that the model gives, float `(items, numbers)`.
        truth: The numbers that are right, float `(items, numbers)`.
        names: The names of the numbers.
        mean: The mean of each number in the data that was trained on.
        spread: The standard deviation of each number there.

    Returns:
        The figures `count`; `mae` (mean absolute error), `rmse` (root of the mean square error) and
        `median_error` (the median of the absolute errors), in the numbers' own units; `r2`, the
        share of the variance that is explained; `mae_of_mean`, the mean absolute error of always
        giving the mean of the numbers trained on; and `loss`, the mean square error in units of
        `spread`. Of several numbers these are means; `mae`, `rmse`, `r2` and `median_error` are
        also given for each, as `mae: NAME`, and have intervals if there are several items.
    """
    # In units of the spread, as `loss` is; `mae` and the others are turned back below.
    errors = (np.asarray(values, float) - truth) / spread
    centred = (truth - np.asarray(mean)) / spread
    of_items = np.stack([np.abs(errors), errors**2, centred, centred**2, np.ones_like(errors)], 2)

    def figures(sums: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the figures of each number, and of all, from sums over items."""
        parts = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 5), -1, 0)
        mae, square, middle, squares = parts[:4] / parts[4]
        of_each = {
            "mae": mae * spread,
            "rmse": np.sqrt(square) * spread,
            "r2": _r2(square, squares - middle**2),
        }
        return _named(of_each, names)

    sums = group_sums(of_items.reshape(len(truth), -1))
    medians = {"median_error": np.median(np.abs(errors), axis=0) * spread}
    all_figures = {
        "count": len(truth),
        **figures(sums.sum(axis=0)),
        **_named(medians, names),
        "mae_of_mean": (np.abs(centred).mean(axis=0) * spread).mean(),
        "loss": np.square(errors).mean(),
    }
    plain = {name: float(value) for name, value in all_figures.items()}
    intervals = bootstrap(sums, figures)
    if intervals:
        low_and_high = _named({"median_error": median_ends(np.abs(errors)) * spread}, names)
        intervals |= {name: (float(low), float(high)) for name, (low, high) in low_and_high.items()}
    return NumberEvaluation(
        plain,
        intervals,
        interval_methods=dict.fromkeys(intervals, "bootstrap"),
        baseline=0.0,  # always giving the mean has an R2 of 0
        score=Determination("r2"),
        model_values=values,
        targets=truth,
        names=tuple(names),
        predicted=values,
        true=truth,
    )


@dataclass(frozen=True)
class NumberScoring(Scoring[NumberTargets, NumberEvaluation, NumberPrediction]):
    """Scores numbers in their own units.

    Attributes:
        names: The names of the numbers.
        mean: The mean of each number in the data to train on.
        spread: The standard deviation of each number there.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]

    @property
    def raw(self) -> NumberRows:
        """The encoder that makes rows of numbers in their own units."""
        return NumberRows()

    @property
    def signals(self) -> Quantities:
        """Returns what a monitor watches: numbers, whose errors count in units of their spread."""
        return Quantities(self.names, self.spread)

    @property
    def guessing_loss(self) -> float:
        """The loss of always giving the mean: the mean square of standardised numbers."""
        return 1.0

    def measure(self, values: np.ndarray, targets: np.ndarray) -> NumberEvaluation:
        """Returns the errors in the numbers' own units, R2 and more."""
        return regression_figures(values, targets, self.names, self.mean, self.spread)

    def baseline(self, targets: NumberTargets) -> float:
        """Returns the R2 of always giving the mean: 0."""
        return 0.0

    def guess(self, targets: NumberTargets) -> np.ndarray:
        """Returns the mean of each number."""
        return np.array(self.mean)

    def compare(self, first: NumberEvaluation, second: NumberEvaluation) -> PairedTest | None:
        """Compares the R2 by a paired bootstrap."""
        errors = [np.square((one.predicted - one.true) / self.spread) for one in (first, second)]
        centred = (first.true - np.asarray(self.mean)) / self.spread
        parts = np.stack([*errors, centred, centred**2, np.ones_like(centred)], axis=2)

        def difference(sums: np.ndarray) -> np.ndarray:
            """Returns the second R2 minus the first, from sums over items."""
            totals = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 5), -1, 0)
            *squares, middle, square = totals[:4] / totals[4]
            before, after = (_r2(error, square - middle**2) for error in squares)
            return (after - before).mean(axis=-1)

        return paired_bootstrap(group_sums(parts.reshape(len(centred), -1)), difference)


def _r2(error: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Returns the R2 of each number; 0 where the number does not vary."""
    varies = variance > 1e-12
    return np.where(varies, 1 - error / np.where(varies, variance, 1.0), 0.0)


def _named(of_each: Mapping[str, np.ndarray], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Returns each figure's mean over all numbers and, if there are several, each number's own."""
    named = {name: values.mean(axis=-1) for name, values in of_each.items()}
    if len(names) > 1:
        for i, number in enumerate(names):
            named |= {f"{name}: {number}": values[..., i] for name, values in of_each.items()}
    return named
