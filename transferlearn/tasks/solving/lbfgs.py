"""Minimises smooth convex functions by L-BFGS, in float32."""

from collections.abc import Callable

import numpy as np

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
