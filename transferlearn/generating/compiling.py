"""Compiles functions of tensors, which Keras does for whole models only."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from transferlearn.types import Tensor


def compiled(
    function: Callable[..., object], specs: Sequence[object], variables: Sequence[keras.Variable]
) -> Callable[..., Any]:
    """Returns a function that the backend has compiled, once for all lengths where it can.

    Args:
        function: Takes tensors and lists of them by position; it changes no variable.
        specs: A `KerasTensor` for each tensor, in the same lists; `None` is any length.
        variables: All variables that it reads.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        signature = keras.tree.map_structure(lambda s: tf.TensorSpec(s.shape, s.dtype), list(specs))
        return tf.function(function, input_signature=signature, autograph=False)
    if keras.backend.backend() == "jax":
        import jax

        def pure(values: list[Tensor], *given: object) -> Any:
            """Reads the variables' values as arguments, else they were compiled as constants."""
            pairs = list(zip(variables, values, strict=True))
            with keras.StatelessScope(state_mapping=pairs):
                return function(*given)

        fast = jax.jit(pure)
        return lambda *given: fast([variable.value for variable in variables], *given)
    return function


def compiled_model(model: keras.Model) -> Callable[..., Any]:
    """Returns a function of the inputs of a model, which gives a list of its outputs.

    `predict` compiles a model anew for each number of rows, and says so in a warning.
    """
    specs = [keras.KerasTensor(tensor.shape, tensor.dtype) for tensor in model.inputs]
    return compiled(lambda *x: keras.tree.flatten(model(list(x))), specs, model.variables)
