"""Opens a model at its logits, the numbers before the last activation, to divide them."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import keras

from transferlearn.backbones.graph import Step, copy_operation, walk
from transferlearn.types import Operation, Tensor

_TINY = 1e-30  # probabilities below are taken for this, since the logarithm of 0 is infinite
_NEAR = 1e-7  # float32 tells no probabilities apart that are nearer to 0 or 1
_LINEAR, _SQUASHING = ("linear",), ("softmax", "sigmoid")


class OpenOutput(NamedTuple):
    """Holds a model that is open at its logits.

    Attributes:
        logits: A model that gives the logits.
        divided: A function that takes a temperature and gives a model like the original, whose
            logits are divided by it. All layers are shared but those that are new.
    """

    logits: keras.Model
    divided: Callable[[float], keras.Model]


def open_output(model: keras.Model, activation: str) -> OpenOutput:
    """Opens a functional model with one output at its logits.

    The temperature goes into the last Dense layer if that makes the logits, else into a layer of
    Keras's own, so that the model can be saved and loaded without this package.

    Args:
        model: The model; it is not changed.
        activation: What its outputs are: `"softmax"`, `"sigmoid"`, or `"linear"` for logits.
    """
    makers = {id(tensor): step for step in walk(model) for tensor in step.outputs}
    (output,) = model.outputs
    behind: list[Operation] = []  # what comes after the logits, the last operation first
    squashed = False
    tensor = output
    while (name := _activation(makers[id(tensor)])) and not (squashed and name in _SQUASHING):
        squashed = squashed or name in _SQUASHING
        behind.append(makers[id(tensor)].operation)
        (tensor,) = makers[id(tensor)].inputs
    last = makers[id(tensor)]
    if _can_take_it(last.operation, squashed=squashed):
        return _in_dense(model, last, behind[::-1])
    if squashed or activation == "linear":
        return _in_layer(model, tensor, behind[::-1])
    # The activation is inside a layer: its probabilities give the logits.
    near = keras.ops.clip(output, _NEAR, 1 - _NEAR)
    logits = (
        keras.ops.log(keras.ops.maximum(output, _TINY))
        if activation == "softmax"
        else keras.ops.log(near / (1 - near))
    )
    return _in_layer(model, logits, [keras.layers.Activation(activation, dtype="float32")])


def _activation(step: Step) -> Literal["linear", "softmax", "sigmoid"] | None:
    """Names the activation that a step is, if it is that alone."""
    operation = step.operation
    if len(step.inputs) != 1:
        return None
    if isinstance(operation, keras.layers.Activation):
        name = getattr(operation.activation, "__name__", "")
    elif type(operation).__module__.startswith("keras."):
        name = type(operation).__name__.lower()  # the layer Softmax, or an operation of keras.ops
    else:
        return None
    return name if name in _LINEAR + _SQUASHING else None  # type: ignore[return-value]


def _can_take_it(operation: Operation, *, squashed: bool) -> bool:
    """Returns whether a layer is a Dense layer whose weights can be divided."""
    if type(operation) is not keras.layers.Dense:
        return False
    plain = not operation.lora_enabled and operation.quantization_mode is None
    name = getattr(operation.activation, "__name__", "")
    return plain and name in (_LINEAR if squashed else _LINEAR + _SQUASHING)


def _in_dense(model: keras.Model, last: Step, behind: Sequence[Operation]) -> OpenOutput:
    """Opens a model at its last Dense layer, of which the new models have a copy."""
    (features,) = last.inputs
    dense = last.operation

    def made(temperature: float, behind: Sequence[Operation], **changes: str) -> keras.Model:
        copy = copy_operation(dense, **changes)
        tensor = copy(features)
        copy.set_weights([weight / temperature for weight in dense.get_weights()])
        return _model(model, tensor, behind)

    return OpenOutput(logits=made(1.0, (), activation="linear"), divided=lambda t: made(t, behind))


def _in_layer(model: keras.Model, logits: Tensor, behind: Sequence[Operation]) -> OpenOutput:
    """Opens a model at a tensor, behind which the new models have a layer that divides."""
    taken = {operation.name for operation in model.operations}
    name = next(n for n in _names("temperature") if n not in taken)

    def divided(temperature: float) -> keras.Model:
        layer = keras.layers.Rescaling(1 / temperature, dtype="float32", name=name)
        return _model(model, layer(logits), behind)

    return OpenOutput(logits=_model(model, logits, ()), divided=divided)


def _names(stem: str) -> Sequence[str]:
    """Returns names for a layer, the plainest first."""
    return [stem, *(f"{stem}_{i}" for i in range(1, 1000))]


def _model(model: keras.Model, tensor: Tensor, behind: Sequence[Operation]) -> keras.Model:
    """Makes a model from another one's inputs, through a tensor and the operations behind it."""
    for operation in behind:
        tensor = operation(tensor)
    return keras.Model(model.input, tensor, name=model.name)
