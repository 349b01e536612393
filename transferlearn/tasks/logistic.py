"""Solve a linear head exactly: L2-regularised logistic regression, its strength found by itself."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import keras
import numpy as np

from transferlearn.data.targets.labels import one_hot
from transferlearn.tasks.axes import Axes
from transferlearn.tasks.base import SolvedLayer, Solver
from transferlearn.tasks.figures import Interval, wilson

_STRENGTHS = tuple(float(10.0**power) for power in np.arange(2.0, -6.1, -0.5))
_FOLDS = 5
_ENOUGH_HELD_OUT = 1000  # items; with fewer, all folds are used
_PATIENCE = 3  # strengths that may be worse than the best before the search ends
_MEMORY = 10  # steps that L-BFGS looks back on
_MOST_STEPS = 500
_ROUGH, _FINE = 1e-2, 1e-4  # norms of the gradient, in units in which the curvature is at most 1


@dataclass(frozen=True)
class LogisticSolver(Solver):
    """Solves a head by multinomial logistic regression, or by one regression for each output.

    Args:
        outputs: How many there are.
        independent: Whether each output is a yes or no of its own.
    """

    score: ClassVar[str] = "accuracy"

    outputs: int
    independent: bool

    def solve(
        self, features: np.ndarray, targets: np.ndarray, weights: np.ndarray | None, seed: int
    ) -> SolvedLayer:
        """Solves it, with the penalty that cross-validation finds best."""
        shares = self._shares(targets)
        return solve(features, shares, weights=weights, independent=self.independent, seed=seed)

    def solve_again(
        self,
        solved: SolvedLayer,
        features: np.ndarray,
        targets: np.ndarray,
        weights: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solves it on other items with the same penalty."""
        return solve_with(
            float(solved.strength),
            features,
            self._shares(targets),
            weights=weights,
            independent=self.independent,
        )

    def looks_through(self, operation: Any) -> bool:
        """Says that an activation makes probabilities of what is solved."""
        return isinstance(operation, (keras.layers.Activation, keras.layers.Softmax))

    def interval(self, score: float, items: int) -> Interval:
        """Gives the interval of a share, by Wilson."""
        return wilson(score, items)

    def _shares(self, targets: np.ndarray) -> np.ndarray:
        """Gives targets in any form as float32 `(items, outputs)`."""
        if self.outputs == 1 or targets.shape[1:] == (self.outputs,):
            return targets.reshape(len(targets), self.outputs).astype("float32")
        return one_hot(targets.ravel().astype(int), self.outputs)


def solve(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    independent: bool = False,
    seed: int = 0,
) -> SolvedLayer:
    """Fits multinomial logistic regression, or one regression an output.

    The strength is chosen by stratified cross-validation, from strong to weak, each fit starting
    where the last one ended. The features are rotated once into their principal axes, where the
    problem is well conditioned; neither that nor the scaling changes the solution.

    Args:
        features: Float, `(items, features)`.
        targets: Shares of the classes, `(items, outputs)`, each row with the sum 1; or with
            `independent` 0 to 1 for each.
        weights: Of the items, `(items,)`, or `None`.
        independent: Whether each output is a yes or no of its own.
        seed: Of the folds.

    Raises:
        ValueError: A feature is NaN or infinite.

    Reference: [L-BFGS](https://doi.org/10.1007/BF01589116).
    """
    axes, problem = _posed(features, targets, weights, independent)
    scores, held_out = _cross_validated(problem, seed)
    best = max(scores, key=lambda strength: (scores[strength], strength))
    kernel, bias = _solved(axes, problem, best)
    return SolvedLayer(kernel, bias, np.array(best), scores[best][0], held_out)


def solve_with(
    strength: float,
    features: np.ndarray,
    targets: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    independent: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Gives kernel and bias, as `solve` where it finds this strength."""
    axes, problem = _posed(features, targets, weights, independent)
    return _solved(axes, problem, strength)


def _posed(
    features: np.ndarray, targets: np.ndarray, weights: np.ndarray | None, independent: bool
) -> "tuple[Axes, _Problem]":
    if not np.isfinite(features).all():
        raise ValueError("Features to solve a head on have values that are not finite.")
    axes = Axes.of(features, weights)
    weights = np.ones(len(features)) if weights is None else weights
    return axes, _Problem(
        values=axes.values,
        variances=axes.variances,
        targets=targets.astype("float32"),
        weights=(weights / weights.mean()).astype("float32"),
        independent=independent,
    )


def _solved(axes: Axes, problem: "_Problem", best: float) -> tuple[np.ndarray, np.ndarray]:
    found = problem.start()
    for strength in _STRENGTHS:  # from zero, a weak one takes four times as long
        if strength > best:
            found = problem.fit(strength, found, tolerance=_ROUGH)
    found = problem.fit(best, found, tolerance=_FINE)
    kernel = axes.rotation @ found[:-1]
    return kernel.astype("float32"), (found[-1] - axes.mean @ kernel).astype("float32")


@dataclass(frozen=True, kw_only=True)
class _Problem:
    values: np.ndarray
    variances: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    independent: bool

    def rows(self, rows: np.ndarray) -> "_Problem":
        return replace(
            self,
            values=self.values[rows],
            targets=self.targets[rows],
            weights=self.weights[rows],
        )

    def start(self) -> np.ndarray:
        return np.zeros((len(self.variances) + 1, self.targets.shape[1]), "float32")

    def fit(self, strength: float, start: np.ndarray, *, tolerance: float) -> np.ndarray:
        """Minimises the mean loss plus the penalty; the last row of the solution is the bias."""
        # A bound on the curvature of each axis: in these units the problem is round.
        curvature = np.sqrt(np.append(self.variances / 4 + strength, 0.25))[:, None]
        curvature = curvature.astype("float32")

        def loss(scaled: np.ndarray) -> tuple[float, np.ndarray]:
            found = scaled / curvature
            value, residual = self.loss(found)
            gradient = np.concatenate([self.values.T @ residual, residual.sum(0, keepdims=True)])
            gradient[:-1] += strength * found[:-1]
            return value + strength / 2 * float(np.square(found[:-1]).sum()), gradient / curvature

        return _minimise(loss, start * curvature, tolerance=tolerance) / curvature

    def loss(self, found: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean loss, and its gradient by the logits."""
        logits = self.logits(found)
        if self.independent:
            likely = (1 + np.tanh(logits / 2)) / 2
            losses = (np.logaddexp(0, logits) - self.targets * logits).sum(1)
        else:
            logits -= logits.max(1, keepdims=True)
            likely = np.exp(logits)
            total = likely.sum(1, keepdims=True)
            likely /= total
            losses = np.log(total[:, 0]) - (self.targets * logits).sum(1)
        residual = (likely - self.targets) * (self.weights / len(self.weights))[:, None]
        return float(np.average(losses, weights=self.weights)), residual

    def logits(self, found: np.ndarray) -> np.ndarray:
        return self.values @ found[:-1] + found[-1]

    def accuracy(self, found: np.ndarray) -> float:
        logits = self.logits(found)
        if self.independent:
            right = ((logits > 0) == (self.targets > 0.5)).mean(1)
        else:
            right = logits.argmax(1) == self.targets.argmax(1)
        return float(np.average(right, weights=self.weights))


def _cross_validated(problem: _Problem, seed: int) -> tuple[dict[float, tuple[float, float]], int]:
    """Accuracy and negative loss of held-out items, by strength; and how many there are."""
    items = len(problem.targets)
    fold = _folds(problem.targets, seed)
    used = range(min(int(fold.max()) + 1, -(-_ENOUGH_HELD_OUT * _FOLDS // items)))
    train = [problem.rows(np.flatnonzero(fold != i)) for i in used]
    test = [problem.rows(np.flatnonzero(fold == i)) for i in used]
    sizes = [part.weights.sum() for part in test]
    found = [problem.start() for _ in used]
    scores: dict[float, tuple[float, float]] = {}
    best, worse = (-1.0, -np.inf), 0
    for strength in _STRENGTHS:
        found = [
            part.fit(strength, at, tolerance=_ROUGH) for part, at in zip(train, found, strict=True)
        ]
        pairs = list(zip(test, found, strict=True))
        accuracy = np.average([part.accuracy(at) for part, at in pairs], weights=sizes)
        loss = np.average([part.loss(at)[0] for part, at in pairs], weights=sizes)
        scores[strength] = (float(accuracy), -float(loss))
        worse = 0 if scores[strength] > best else worse + 1
        best = max(best, scores[strength])
        if worse >= _PATIENCE:
            break
    return scores, sum(len(part.weights) for part in test)


def _folds(targets: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each item, classes spread evenly."""
    shuffled = np.random.default_rng(seed).permutation(len(targets))
    by_class = shuffled[np.argsort(targets.argmax(1)[shuffled], kind="stable")]
    fold = np.empty(len(targets), int)
    fold[by_class] = np.arange(len(targets)) % min(_FOLDS, len(targets))
    return fold


def _minimise(
    function: Callable[[np.ndarray], tuple[float, np.ndarray]],
    start: np.ndarray,
    *,
    tolerance: float,
) -> np.ndarray:
    """Finds the minimum of a smooth convex function by L-BFGS.

    Args:
        function: Gives value and gradient.
        start: Where to begin.
        tolerance: The gradient's norm at which it ends.
    """
    point, (value, gradient) = start, function(start)
    steps: list[tuple[np.ndarray, np.ndarray, float]] = []
    for _ in range(_MOST_STEPS):
        if np.linalg.norm(gradient) <= tolerance:
            break
        direction = _direction(gradient, steps)
        slope = float(np.vdot(direction, gradient))
        length = 1.0
        while True:
            next_point = point + np.float32(length) * direction
            next_value, next_gradient = function(next_point)
            if next_value <= value + 1e-4 * length * slope + 1e-9 or length < 1e-6:
                break
            length /= 2
        moved, turned = next_point - point, next_gradient - gradient
        curved = float(np.vdot(moved, turned))
        if curved > 1e-12:
            steps = [*steps[1 - _MEMORY :], (moved, turned, curved)]
        point, value, gradient = next_point, next_value, next_gradient
    return point


def _direction(gradient: np.ndarray, steps: list) -> np.ndarray:
    direction, shares = -gradient, []
    for moved, turned, curved in reversed(steps):
        share = np.vdot(moved, direction) / curved
        shares.append(share)
        direction = direction - np.float32(share) * turned
    if steps:
        moved, turned, curved = steps[-1]
        direction = direction * np.float32(curved / np.vdot(turned, turned))
    for (moved, turned, curved), share in zip(steps, reversed(shares), strict=True):
        direction = direction + np.float32(share - np.vdot(turned, direction) / curved) * moved
    return direction
