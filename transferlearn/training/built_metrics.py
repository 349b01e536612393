"""Makes the variables of a model's metrics before anything is trained."""

from itertools import zip_longest
from typing import Any

import keras

from transferlearn.types import Tensor


def build_metrics(model: keras.Model, batches: Any) -> None:
    """Makes the variables of a model's metrics before the first step.

    Otherwise Keras makes them within that step, and TensorFlow compiles it twice.
    """
    if getattr(batches, "by_epoch", False):
        x, y, *weight = batches[0]
        outputs, targets = keras.tree.flatten(model.output), keras.tree.flatten(y)
        made = [_zeros(o, t) for o, t in zip_longest(outputs, targets, fillvalue=targets[0])]
        model.compute_metrics(x, y, keras.tree.pack_sequence_as(model.output, made), *weight)
        model.reset_metrics()


def _zeros(output: Tensor, target: Tensor) -> Tensor:
    """Returns zeros for a batch's output; a side of any length is as long as that of its target."""
    sides = zip_longest(output.shape[1:], target.shape[1:])
    shape = [length if side is None else side for side, length in sides][: len(output.shape) - 1]
    return keras.ops.zeros((len(target), *shape))
