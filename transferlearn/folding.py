"""Joins each convolution with the frozen BatchNorm behind it, which is faster on a CPU."""

from collections import Counter

import keras
import numpy as np

from transferlearn.backbones.graph import Step, cloned, walk
from transferlearn.types import Operation, Tensor

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
_Shape = tuple[int | None, ...]


def on_cpu() -> bool:
    """Returns whether Keras computes on CPUs only; with PyTorch this is assumed."""
    if keras.backend.backend() == "torch":  # Keras lists no devices there
        return True
    return all("cpu" in device.lower() for device in keras.distribution.list_devices())


def folded(model: keras.Model) -> keras.Model:
    """Returns a model that computes the same, up to rounding, faster on a CPU.

    A BatchNorm that is not trainable only scales and shifts: the kernel before it is scaled
    instead, and may still be trained. A trained 1x1 convolution becomes a matrix product. (A frozen
    one does not: matrix products round by the number of rows, and what is computed once, in batches
    of another size, must be the same to the bit.) The BatchNorm's values are copied now, so the
    faster model is right only as long as they do not change.

    Args:
        model: A functional model; it is not changed.

    Returns:
        The faster model; `model` itself where there is nothing to fold, or no CPU.
    """
    # On GPUs nothing was measured. On a CPU, the default recipe took 14.7 s without, 11.2 s with.
    steps = list(walk(model)) if on_cpu() else []
    calls = Counter(id(step.operation) for step in steps)
    readers: dict[int, list[Step]] = {}
    for step in steps:
        for tensor in step.inputs:
            readers.setdefault(id(tensor), []).append(step)
    kept = {id(tensor) for tensor in model.outputs}
    instead: dict[int, keras.Layer] = {}
    for step in steps:
        made = id(step.outputs[0])
        reading = readers.get(made, [])
        if len(reading) != 1 or made in kept:
            continue
        norm = reading[0].operation
        # A layer that is called at several places has other neighbours at the others.
        once = calls[id(step.operation)] == calls[id(norm)] == 1
        if once and _is_scale(norm) and _is_plain(step.operation):
            instead[id(step.operation)] = FoldedConv(step.operation, norm)
            instead[id(norm)] = _PassedOn(name=norm.name)
    if not instead:
        return model
    return cloned(model, lambda layer: instead.get(id(layer), layer))


class FoldedConv(keras.Layer):
    """Computes a convolution and the BatchNorm behind it at once, from a copy of its values."""

    def __init__(self, conv: keras.Layer, norm: keras.layers.BatchNormalization) -> None:
        super().__init__(name=conv.name, dtype="float32")
        self.conv = conv
        gamma, beta, mean, variance = _parameters(norm)
        self._scale = gamma / np.sqrt(variance + norm.epsilon)
        self._shift = beta - mean * self._scale

    def call(self, inputs: Tensor) -> Tensor:
        """Computes what the BatchNorm would make of the convolution's output."""
        conv, ops, kernel = self.conv, keras.ops, self.conv.kernel
        options = (conv.strides, conv.padding, conv.data_format, conv.dilation_rate)
        scale, shift = map(ops.convert_to_tensor, (self._scale, self._shift))
        shift = shift + conv.bias * scale if conv.use_bias else shift
        if isinstance(conv, keras.layers.DepthwiseConv2D):
            kernel = kernel * ops.reshape(scale, kernel.shape[2:])
            return ops.depthwise_conv(inputs, kernel, *options) + shift
        kernel = kernel * scale
        pointwise = (kernel.shape[:2], conv.strides, conv.groups) == ((1, 1), (1, 1), 1)
        if not (pointwise and conv.trainable):
            return ops.conv(inputs, kernel, *options) + shift
        _, *places, depth = ops.shape(inputs)
        rows = ops.matmul(ops.reshape(inputs, (-1, depth)), kernel[0, 0]) + shift
        return ops.reshape(rows, (-1, *places, kernel.shape[-1]))

    def compute_output_shape(self, input_shape: _Shape) -> _Shape:
        """Returns the shape of the convolution's output."""
        return self.conv.compute_output_shape(input_shape)


def _parameters(norm: keras.layers.BatchNormalization) -> list[np.ndarray]:
    """Returns the scale, offset, mean and variance of a BatchNorm."""
    mean, variance = map(keras.ops.convert_to_numpy, (norm.moving_mean, norm.moving_variance))
    gamma = keras.ops.convert_to_numpy(norm.gamma) if norm.scale else np.ones_like(mean)
    beta = keras.ops.convert_to_numpy(norm.beta) if norm.center else np.zeros_like(mean)
    return [gamma, beta, mean, variance]


class _PassedOn(keras.Layer):
    """Returns its inputs as they are, in the place of a BatchNorm that is folded."""

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        return inputs

    def compute_output_shape(self, input_shape: _Shape) -> _Shape:
        return input_shape


def _is_scale(operation: Operation) -> bool:
    """Returns whether an operation is a frozen BatchNorm, which only scales and shifts channels."""
    return (
        type(operation) is keras.layers.BatchNormalization
        and not operation.trainable
        and operation.axis in (-1, 3)  # the channels: of a map, 3 is the last axis too
        and operation.activity_regularizer is None
        and operation.compute_dtype == "float32"
    )


def _is_plain(operation: Operation) -> bool:
    """Returns whether an operation is a convolution that a BatchNorm can be folded into."""
    return (
        type(operation) in _CONVOLUTIONS
        and operation.data_format == "channels_last"
        and operation.activation is keras.activations.linear
        and operation.activity_regularizer is None
        and operation.compute_dtype == "float32"
    )
