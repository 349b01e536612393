"""Defines logistic regression on rotated features, and minimises its loss by L-BFGS."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, kw_only=True)
class LogisticProblem:
    """Holds a logistic regression in the features' principal axes.

    A solution of it is `(axes + 1, outputs)`: the kernel, and the bias as the last row.

    Attributes:
        values: The features in their axes, `(items, axes)`.
        variances: The variance along each axis.
        targets: What the outputs should be, in [0, 1], `(items, outputs)`.
        weights: The weight of each item, with the mean 1.
        independent: Whether each output is a yes or no of its own.
    """

    values: np.ndarray
    variances: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    independent: bool

    def rows(self, rows: np.ndarray) -> "LogisticProblem":
        """Returns the same problem for some of the items."""
        return replace(
            self,
            values=self.values[rows],
            targets=self.targets[rows],
            weights=self.weights[rows],
        )

    def start(self) -> np.ndarray:
        """Returns the solution to begin with: zeros."""
        return np.zeros((len(self.variances) + 1, self.targets.shape[1]), "float32")

    def fit(self, strength: float, start: np.ndarray, *, tolerance: float) -> np.ndarray:
        """Minimises the mean loss plus the penalty, which leaves the bias out."""
        # Divided by the root of this bound, all axes curve about equally, so few steps suffice.
        curvature = np.sqrt(np.append(self.variances / 4 + strength, 0.25))[:, None]
        curvature = curvature.astype("float32")

        def loss(scaled: np.ndarray) -> tuple[float, np.ndarray]:
            solution = scaled / curvature
            value, residual = self.loss(solution)
            gradient = np.concatenate([self.values.T @ residual, residual.sum(0, keepdims=True)])
            gradient[:-1] += strength * solution[:-1]
            penalty = strength / 2 * float(np.square(solution[:-1]).sum())
            return value + penalty, gradient / curvature

        return minimise(loss, start * curvature, tolerance=tolerance) / curvature

    def loss(self, solution: np.ndarray) -> tuple[float, np.ndarray]:
        """Returns the mean loss, and its gradient with respect to the logits."""
        logits = self.logits(solution)
        losses, likely = self._losses_and_answers(logits)
        residual = (likely - self.targets) * (self.weights / len(self.weights))[:, None]
        return float(np.average(losses, weights=self.weights)), residual

    def losses(self, logits: np.ndarray) -> np.ndarray:
        """Returns the loss of each item for given logits, `(items,)`."""
        return self._losses_and_answers(logits.copy())[0]

    def _losses_and_answers(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the losses and the probabilities that logits make; the logits are changed."""
        if self.independent:
            likely = (1 + np.tanh(logits / 2)) / 2  # the sigmoid, in a form without overflow
            return (np.logaddexp(0, logits) - self.targets * logits).sum(1), likely
        logits -= logits.max(1, keepdims=True)  # so that `exp` cannot overflow
        likely = np.exp(logits)
        total = likely.sum(1, keepdims=True)
        likely /= total
        return np.log(total[:, 0]) - (self.targets * logits).sum(1), likely

    def logits(self, solution: np.ndarray) -> np.ndarray:
        """Returns the outputs before their activation, `(items, outputs)`."""
        return self.values @ solution[:-1] + solution[-1]

    def accuracy(self, solution: np.ndarray) -> float:
        """Returns the weighted share of right answers; each independent output is one answer."""
        logits = self.logits(solution)
        if self.independent:
            right = ((logits > 0) == (self.targets > 0.5)).mean(1)
        else:
            right = logits.argmax(1) == self.targets.argmax(1)
        return float(np.average(right, weights=self.weights))


_MEMORY = 10  # steps that L-BFGS looks back on
_MOST_STEPS = 500  # steps after which the search ends anyway

_Step = tuple[
    np.ndarray, np.ndarray, float
]  # the move, the change of the gradient, and their product


def minimise(
    function: Callable[[np.ndarray], tuple[float, np.ndarray]],
    start: np.ndarray,
    *,
    tolerance: float,
) -> np.ndarray:
    """Finds the minimum of a smooth convex function by L-BFGS, in at most 500 steps.

    Args:
        function: Gives the value at a point, and the gradient there.
        start: The point to begin at.
        tolerance: The norm of the gradient at which the search ends.

    Reference: [L-BFGS](https://doi.org/10.1007/BF01589116).
    """
    point, (value, gradient) = start, function(start)
    steps: list[_Step] = []
    for _ in range(_MOST_STEPS):
        if np.linalg.norm(gradient) <= tolerance:
            break
        direction = _direction(gradient, steps)
        slope = float(np.vdot(direction, gradient))
        # Halved until the value falls far enough (Armijo's rule).
        length = 1.0
        while True:
            next_point = point + np.float32(length) * direction
            next_value, next_gradient = function(next_point)
            if next_value <= value + 1e-4 * length * slope + 1e-9 or length < 1e-6:
                break
            length /= 2
        moved, turned = next_point - point, next_gradient - gradient
        curved = float(np.vdot(moved, turned))
        if curved > 1e-12:  # without it, the next direction could lead uphill
            steps = [*steps[1 - _MEMORY :], (moved, turned, curved)]
        point, value, gradient = next_point, next_value, next_gradient
    return point


def _direction(gradient: np.ndarray, steps: list[_Step]) -> np.ndarray:
    """Returns the direction of the next step, by the two-loop recursion of L-BFGS."""
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
