"""Takes gradients of outputs by what goes in, on every backend of Keras."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from transferlearn.types import Tensor


def gradient(score: Callable[[Tensor], Tensor], inputs: Any) -> np.ndarray:
    """Returns the gradient of the sum of scores by the inputs, float32 in the shape of the inputs.

    Args:
        score: Takes the inputs and gives a score for each row, `(rows,)`, by Keras's operations.
        inputs: A tensor or an array.
    """
    inputs = keras.ops.convert_to_tensor(inputs)
    moved = _Moved(score, tuple(inputs.shape))
    model = keras.Sequential([keras.Input(batch_shape=inputs.shape, dtype=inputs.dtype), moved])
    # Keras has no gradients of its own, but on every backend a step of SGD: from 0, at the rate 1,
    # it leads to the negative gradient.
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True, auto_scale_loss=False)
    model.train_on_batch(inputs)
    return -keras.ops.convert_to_numpy(moved.move)


class _Moved(keras.Layer):
    """Scores its inputs moved by a weight of 0, whose gradient is that by the inputs."""

    def __init__(self, score: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
        super().__init__(dtype="float32")
        self.score = score
        self.move = self.add_weight(shape=shape, initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the scores, and adds their sum to the loss."""
        scores = self.score(inputs + self.move)
        self.add_loss(keras.ops.sum(scores))
        return scores
