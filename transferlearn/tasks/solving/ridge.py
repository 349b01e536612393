"""Solves a linear head for numbers by ridge regression, and finds the strength itself."""

from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np

from transferlearn.tasks.intervals import Interval, r2_interval
from transferlearn.tasks.solving.axes import check_finite, principal_axes
from transferlearn.tasks.solving.folds import divide, have_several
from transferlearn.tasks.solving.solver import SolvedLayer, Solver
from transferlearn.types import Operation

_STRENGTHS = 10.0 ** np.arange(1.0, -8.1, -0.25)  # in units of the largest variance
# The leave-one-out error is the error divided by 1 minus the item's leverage. Below this divisor
# rounding dominates, and the strength is ruled out.
_LEAST_FREE = 1e-3


@dataclass(frozen=True)
class RidgeSolver(Solver):
    """Solves a head by ridge regression of standardised numbers.

    The strength of each output is the one with the smallest mean square of leave-one-out errors,
    which one decomposition of the features gives for all strengths at once.

    Args:
        mean: The mean of each number.
        spread: The standard deviation of each number.

    Reference: [Notes on regularized least squares](http://cbcl.mit.edu/publications/ps/MIT-CSAIL-TR-2007-025.pdf).
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]

    def solve(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None,
        seed: int,
        groups: np.ndarray | None = None,
    ) -> SolvedLayer:
        """Solves the layer with each output's best leave-one-out strength.

        Where groups have several items, folds of whole groups are left out instead; only these
        folds need the `seed`.
        """
        numbers = self._standardised(targets)
        problem = _Problem.of(features, numbers, weights)
        candidates = _STRENGTHS * problem.variances.max(initial=1e-12)
        if have_several(groups):
            fold = divide(np.zeros(len(features)), seed, groups)
            errors, differences = _errors_by_fold(features, numbers, weights, candidates, fold)
        else:
            errors, differences = problem.left_out_errors(candidates)
        best, outputs = errors.argmin(axis=0), np.arange(numbers.shape[1])
        strength, square = candidates[best], errors.min(axis=0)
        explained = 1 - square / problem.target_variances
        kernel, bias = problem.solved(strength)
        scores = float(explained.mean()), float(square.mean())
        missing, roots = differences[:, outputs, best], problem.roots
        known = np.flatnonzero(np.isfinite(missing).all(axis=1) & (roots[:, 0] > 0))
        made = (numbers[known] - missing[known] / roots[known]).astype("float32")
        return SolvedLayer(kernel, bias, strength, *scores, len(features), (known, made), "r2")

    def solve_again(
        self,
        solved: SolvedLayer,
        features: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solves the layer on other items with the same penalty."""
        problem = _Problem.of(features, self._standardised(targets), weights)
        return problem.solved(solved.strength)

    def errors(self, solved: SolvedLayer, targets: np.ndarray) -> np.ndarray:
        """Returns the squared errors in units of each number's variance, the mean over numbers."""
        assert solved.left_out is not None
        rows, outputs = solved.left_out
        return np.square(outputs - self._standardised(targets)[rows]).mean(axis=1)

    def looks_through(self, operation: Operation) -> bool:
        """Returns whether the operation turns standardised numbers back, or changes no value."""
        if isinstance(operation, keras.layers.Rescaling):
            units = np.ravel(operation.scale), np.ravel(operation.offset)
            return np.array_equal(units, (self.spread, self.mean))
        is_activation = isinstance(operation, keras.layers.Activation)
        return is_activation and operation.activation is keras.activations.linear

    def interval(self, score: float, items: int) -> Interval:
        """Returns the 95% interval of the R2."""
        return r2_interval(score, items)

    def _standardised(self, targets: np.ndarray) -> np.ndarray:
        """Targets `(items, outputs)` with mean 0 and spread 1, by the encoding's figures."""
        rows = targets.reshape(len(targets), len(self.mean)).astype(float)
        return (rows - self.mean) / self.spread


class _Problem(NamedTuple):
    """Holds a weighted ridge problem, with the features in their principal axes.

    Attributes:
        values: The features in their axes, `(items, axes)`, each row times its root.
        variances: The variance along each axis.
        rotation: The matrix from features to axes.
        feature_mean: The mean of each feature.
        targets: The targets less their mean, `(items, outputs)`, each row times its root.
        target_mean: The mean of each target.
        roots: The square roots of the items' weights, whose mean is 1, `(items, 1)`.
    """

    values: np.ndarray
    variances: np.ndarray
    rotation: np.ndarray
    feature_mean: np.ndarray
    targets: np.ndarray
    target_mean: np.ndarray
    roots: np.ndarray

    @classmethod
    def of(
        cls, features: np.ndarray, targets: np.ndarray, weights: np.ndarray | None
    ) -> "_Problem":
        """Sets up the problem for features, targets and weights of items."""
        check_finite(features)
        weights = np.ones(len(features)) if weights is None else weights / weights.mean()
        feature_mean = np.average(features, axis=0, weights=weights)
        target_mean = np.average(targets, axis=0, weights=weights)
        roots = np.sqrt(weights)[:, None]
        values, variances, rotation = principal_axes(
            (features - feature_mean.astype("float32")) * roots.astype("float32")
        )
        return cls(
            values,
            variances,
            rotation,
            feature_mean,
            ((targets - target_mean) * roots).astype("float32"),
            target_mean,
            roots,
        )

    @property
    def target_variances(self) -> np.ndarray:
        """The weighted variance of each output's targets, at least 1e-12."""
        return np.maximum(np.square(self.targets).mean(axis=0), 1e-12)

    def left_out_errors(self, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns leave-one-out mean square errors, and what is missing of each item's targets.

        Returns:
            `(strengths, outputs)`, infinity where unreliable; and `(items, outputs, strengths)`,
            each row times its root.
        """
        items, outputs = self.targets.shape
        shrunk = 1 / (self.variances + strengths[:, None]) / items
        free = 1 - np.square(self.roots) / items - np.square(self.values) @ shrunk.T
        shared = (self.values.T @ self.targets).T
        kernels = (shared[:, None] * shrunk).reshape(outputs * len(strengths), -1)
        fitted = self.values @ kernels.T
        errors = self.targets[:, :, None] - fitted.reshape(items, outputs, -1)
        left_out = errors / np.maximum(free, _LEAST_FREE)[:, None]
        means = np.square(left_out).mean(axis=0).T
        means[free.min(axis=0) < _LEAST_FREE] = np.inf
        return means, left_out

    def solved(self, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns kernel and bias, for a strength of each output or one strength for all."""
        items = len(self.targets)
        in_axes = self.values.T @ self.targets / items / (self.variances[:, None] + strengths)
        kernel = self.rotation @ in_axes
        return kernel.astype("float32"), (self.target_mean - self.feature_mean @ kernel).astype(
            "float32"
        )


def _errors_by_fold(
    features: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None,
    strengths: np.ndarray,
    fold: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns for folds left out in turn what `left_out_errors` gives for items."""
    weights = np.ones(len(features)) if weights is None else weights / weights.mean()
    errors = np.zeros((len(strengths), targets.shape[1]))
    differences = np.zeros((*targets.shape, len(strengths)))
    for number in range(fold.max() + 1):
        rest, held = fold != number, fold == number
        problem = _Problem.of(features[rest], targets[rest], weights[rest])
        for place, strength in enumerate(strengths):
            kernel, bias = problem.solved(strength)
            missing = targets[held] - features[held] @ kernel - bias
            errors[place] += weights[held] @ np.square(missing)
            differences[held, :, place] = np.sqrt(weights[held])[:, None] * missing
    return errors / len(features), differences
