"""Defines what targets become for a loss: arrays with weights, and how views move them."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from transferlearn.data.targets.moving import Movement, Still

_STILL = Still()


class Encoded(NamedTuple):
    """Holds the encoded targets of a batch, with its weights and further inputs.

    Attributes:
        targets: The arrays that a loss compares outputs with: one, or a mapping of them by output;
            `None` where there are none.
        weights: The weights of the items, float32 `(batch,)`, or finer where the loss takes that;
            `None`: all weigh the same.
        inputs: The inputs of the network besides the items, such as a decoder's token ids.
        aligned: Whether the second axis of the targets is the length of the items, so that it
            differs from batch to batch.
        moves: Says how the targets move with views of the items; by default they do not.
    """

    targets: Any
    weights: np.ndarray | None = None
    inputs: tuple[np.ndarray, ...] = ()
    aligned: bool = False
    moves: Movement = _STILL


class Encoder(abc.ABC):
    """Turns a batch's raw targets into what a loss reads; equal encoders make equal batches."""

    @abc.abstractmethod
    def __call__(self, rows: np.ndarray) -> Encoded:
        """Encodes raw targets, as `Targets` hold them, one row an item."""


Weigh = Callable[[np.ndarray], np.ndarray]
"""Returns the weight of each item by its raw targets: rows in, float32 `(batch,)` out."""
