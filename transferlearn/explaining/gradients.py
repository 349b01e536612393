"""Takes gradients of outputs by what goes in, on TensorFlow and on JAX; no other file does."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from transferlearn.types import Tensor


def gradient(score: Callable[[Tensor], Tensor], inputs: Any) -> np.ndarray:
    """Gives the gradient of the sum of scores by the inputs, in the shape of the inputs.

    Args:
        score: Takes the inputs and gives a score for each row, `(rows,)`.
        inputs: A tensor or an array.

    Raises:
        NotImplementedError: Keras runs on another backend.
    """
    given, backend = keras.ops.convert_to_tensor(inputs), keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(given)
            total = keras.ops.sum(score(given))
        return keras.ops.convert_to_numpy(tape.gradient(total, given))
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(lambda x: keras.ops.sum(score(x)))(given))
    raise NotImplementedError(
        f"Heat maps need gradients, which are taken on TensorFlow and JAX. Received: {backend}. "
        "Set KERAS_BACKEND=tensorflow before Keras is imported."
    )
