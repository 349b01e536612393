"""Solve a linear head exactly: L2-regularised logistic regression, its strength found by itself."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

_STRENGTHS = tuple(float(10.0**power) for power in np.arange(2.0, -6.1, -0.5))
_FOLDS = 5
_ENOUGH_HELD_OUT = 1000  # items; with fewer, all folds are used
_PATIENCE = 3  # strengths that may be worse than the best before the search ends
_MEMORY = 10  # steps that L-BFGS looks back on
_MOST_STEPS = 500
_ROUGH, _FINE = 1e-2, 1e-4  # norms of the gradient, in units in which the curvature is at most 1
_FLAT = 1e-6  # share of the largest variance below which an axis counts as none


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A solved linear head.

    Attributes:
        kernel: Float32, `(features, outputs)`.
        bias: Float32, `(outputs,)`.
        strength: L2 penalty that cross-validation chose: of half the squared norm of the kernel,
            for features scaled to a variance of 1, against the mean loss of an item.
        accuracy: Cross-validated, in [0, 1].
        held_out: Items that `accuracy` was measured on.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strength: float
    accuracy: float
    held_out: int


def solve(
    features: np.ndarray,
    targets: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    independent: bool = False,
    seed: int = 0,
) -> Probe:
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
    return Probe(
        kernel=kernel, bias=bias, strength=best, accuracy=scores[best][0], held_out=held_out
    )


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
) -> "tuple[_Axes, _Problem]":
    if not np.isfinite(features).all():
        raise ValueError("Features to solve a head on have values that are not finite.")
    axes = _Axes.of(features, weights)
    weights = np.ones(len(features)) if weights is None else weights
    return axes, _Problem(
        values=axes.values,
        variances=axes.variances,
        targets=targets.astype("float32"),
        weights=(weights / weights.mean()).astype("float32"),
        independent=independent,
    )


def _solved(axes: "_Axes", problem: "_Problem", best: float) -> tuple[np.ndarray, np.ndarray]:
    found = problem.start()
    for strength in _STRENGTHS:  # from zero, a weak one takes four times as long
        if strength > best:
            found = problem.fit(strength, found, tolerance=_ROUGH)
    found = problem.fit(best, found, tolerance=_FINE)
    kernel = axes.rotation @ found[:-1]
    return kernel.astype("float32"), (found[-1] - axes.mean @ kernel).astype("float32")


@dataclass(frozen=True, kw_only=True)
class _Axes:
    """Features in their principal axes: `values = (features - mean) @ rotation`."""

    values: np.ndarray
    variances: np.ndarray
    mean: np.ndarray
    rotation: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, weights: np.ndarray | None) -> "_Axes":
        mean = np.average(features, axis=0, weights=weights).astype("float32")
        centred = features.astype("float32") - mean
        items, count = centred.shape
        scale = np.sqrt(np.square(centred).mean()) or np.float32(1)
        centred /= scale
        if count <= items:
            variances, rotation = np.linalg.eigh(centred.T @ centred / items)
            kept = variances > _FLAT * variances[-1]
            variances, rotation = variances[kept], rotation[:, kept]
            values = centred @ rotation
        else:
            variances, items_axes = np.linalg.eigh(centred @ centred.T / items)
            kept = variances > _FLAT * variances[-1]
            variances, items_axes = variances[kept], items_axes[:, kept]
            lengths = np.sqrt(items * variances)
            values, rotation = items_axes * lengths, centred.T @ (items_axes / lengths)
        return cls(values=values, variances=variances, mean=mean, rotation=rotation / scale)


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
