"""Finds the temperature by which a model's logits are divided, so that it can be believed."""

import abc
from collections.abc import Callable

import numpy as np

_LEAST, _MOST = 0.01, 100.0
_GRID = 21  # the loss is convex in 1 / temperature for items of one row, and nearly so for others
_STEPS = 40
_GOLDEN = (5**0.5 - 1) / 2


class TemperatureScaling(abc.ABC):
    """Computes what logits mean once they are divided by a temperature, and how wrong that is.

    Attributes:
        activation: What the network's outputs are: `"softmax"`, `"sigmoid"`, or `"linear"` logits.

    Reference: Guo et al., [On calibration](https://arxiv.org/abs/1706.04599).
    """

    activation: str

    @abc.abstractmethod
    def values(self, logits: np.ndarray) -> np.ndarray:
        """Turns logits, float `(rows, outputs)`, into the encoding's values, such as shares."""

    @abc.abstractmethod
    def log_loss(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Returns the mean log-loss of values, in nats, which the temperature is to make small."""

    @abc.abstractmethod
    def error(self, values: np.ndarray, targets: np.ndarray) -> float:
        """Returns the expected calibration error of values."""


def best_temperature(loss: Callable[[float], float]) -> float | None:
    """Finds the temperature with the smallest loss, between 0.01 and 100.

    Args:
        loss: A function that takes a temperature and gives the loss.

    Returns:
        The temperature; 1 where no other is better; `None` where the loss falls up to an end of the
        range, as it does for answers that are all right or all wrong.
    """
    grid = np.linspace(np.log(_LEAST), np.log(_MOST), _GRID)
    best = int(np.argmin([loss(float(np.exp(place))) for place in grid]))
    if best in (0, _GRID - 1):
        return None
    low, high = grid[best - 1], grid[best + 1]
    for _ in range(_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if loss(float(np.exp(left))) < loss(float(np.exp(right))):
            high = right
        else:
            low = left
    found = float(np.exp((low + high) / 2))
    return found if loss(found) < loss(1.0) else 1.0
