"""Put a backbone and a head together."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import keras

from transferlearn.backbones import Backbone
from transferlearn.backbones.graph import copy_operation, copy_weights, replay

Tensor = Any
_NOISE = ("rate", "stddev", "drop_path_rate", "dropout", "recurrent_dropout")
_FLOAT32_LAYERS = (keras.layers.Rescaling, keras.layers.Normalization)


class Noise(NamedTuple):
    """Where a layer of the backbone (or a part of it) is random in training, and how much."""

    layer: Any
    part: Any
    attribute: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Network:
    """A whole model, and which of its layers belong to what.

    Attributes:
        model: Flat and functional: raw input, preprocessing, backbone, head.
        layers: The backbone's layers, in the order of `backbone.model.layers`.
        head: The head's operations.
        activation: What the outputs are: `"softmax"` or `"sigmoid"` probabilities, or `"linear"`.
        noise: The backbone's Dropout, noise and stochastic depth, with their original rates.
    """

    model: keras.Model
    layers: tuple[Any, ...]
    head: tuple[Any, ...]
    activation: Literal["softmax", "sigmoid", "linear"]
    noise: tuple[Noise, ...]

    @property
    def outputs(self) -> int:
        """How many numbers an item gets."""
        return int(self.model.outputs[0].shape[-1])


def assemble(
    backbone: Backbone,
    make_head: Callable[[Tensor], Tensor],
    *,
    shape: tuple[int | None, ...],
    precision: str | None = None,
) -> Network:
    """Builds the whole flat model: raw item in, the head's output out.

    Args:
        backbone: Its network is copied, weights included.
        make_head: Takes the features and gives the output, of shape `(batch, outputs)`.
        shape: Of one item that goes in, such as `(height, width, 3)`.
        precision: A Keras dtype policy, such as `"mixed_bfloat16"`; items are prepared, and
            outputs given, in float32 all the same.

    Raises:
        TypeError: The head gave no `KerasTensor`.
        ValueError: Its output is not of shape `(batch, outputs)` or not made of the features, or
            the backbone does not take items of this shape.
    """
    pairs: list[tuple[Any, Any]] = []

    def copy(operation: Any) -> Any:
        changes = {"name": operation.name}
        if precision and not isinstance(operation, _FLOAT32_LAYERS):
            changes["dtype"] = precision
        fresh = copy_operation(operation, **changes)
        pairs.append((operation, fresh))
        return fresh

    dtype = {"image": "float32", "token_ids": "int32"}[backbone.raw]
    item = keras.Input(shape, name=backbone.raw, dtype=dtype)
    prepared = backbone.prepare(item)
    _check_input(backbone, tuple(prepared.shape[1:]))
    features = replay(backbone.model, prepared, copy)
    copy_weights(pairs)
    with _policy(precision):
        outputs = _checked(make_head(features))
    activation = _activation(outputs)
    if keras.backend.standardize_dtype(outputs.dtype) != "float32":
        outputs = keras.layers.Activation("linear", dtype="float32", name="in_float32")(outputs)
    head = _head(features, outputs)
    names = {operation.name for operation in backbone.model.operations}
    _rename_apart((*_between(item, prepared), *head), names)
    name = re.sub(r"[^a-z0-9]+", "_", backbone.name.rsplit("/")[-1].lower())
    model = keras.Model(item, outputs, name=f"{name}_classifier")
    layers = tuple(model.get_layer(layer.name) for layer in backbone.model.layers)
    return Network(
        model=model, layers=layers, head=head, activation=activation, noise=_noise(layers)
    )


def of_any_length(model: keras.Model) -> keras.Model:
    """The same layers, for items of which the first axis has any length."""
    (given,) = model.inputs
    item = keras.Input((None, *given.shape[2:]), dtype=given.dtype, name=given.name)
    outputs = model._run_through_graph(item, operation_fn=lambda operation: operation)
    return keras.Model(item, outputs, name=model.name)


def _check_input(backbone: Backbone, shape: tuple[int | None, ...]) -> None:
    expected = tuple(backbone.model.inputs[0].shape[1:])
    fits = len(expected) == len(shape) and all(
        e is None or s in (None, e) for e, s in zip(expected, shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"The backbone {backbone.name!r} takes inputs of shape {expected}, and what is "
            f"prepared is {shape}. Where the size differs, pass image_size={expected[:2]}; of RGB "
            "images, tl.backbones.from_model(model, preprocessing=...) can make other inputs."
        )


def _noise(layers: tuple[Any, ...]) -> tuple[Noise, ...]:
    return tuple(
        Noise(layer, part, attribute, getattr(part, attribute))
        for layer in layers
        for part in layer._flatten_layers()
        for attribute in _NOISE
        if part._call_has_training_arg
        and isinstance(getattr(part, attribute, None), float)
        and not isinstance(getattr(type(part), attribute, None), property)
    )


@contextlib.contextmanager
def _policy(precision: str | None) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _checked(outputs: Any) -> Tensor:
    if not keras.utils.is_keras_tensor(outputs):
        raise TypeError(f"A head must return its output tensor. Received: {outputs!r}")
    if len(outputs.shape) != 2 or outputs.shape[-1] is None:
        raise ValueError(
            "A head's output must have the shape (batch, number of outputs). "
            f"Received: {outputs.shape}. Pool or flatten the features first."
        )
    return outputs


def _head(features: Tensor, outputs: Tensor) -> tuple[Any, ...]:
    try:
        return _between(features, outputs)
    except ValueError as error:
        raise ValueError(
            "A head's output must be made of the features that it is given, by one layer or more."
        ) from error


def _between(inputs: Tensor, outputs: Tensor) -> tuple[Any, ...]:
    """The operations that make `outputs` of `inputs`."""
    return tuple(keras.Model(inputs, outputs).operations[1:])


def _rename_apart(operations: tuple[Any, ...], taken: set[str]) -> None:
    for operation in operations:
        name, count = operation.name, 0
        while operation.name in taken:
            count += 1
            operation.name = f"{name}_own_{count}"
        taken.add(operation.name)


def _last_operation(outputs: Tensor) -> Any:
    operation = outputs._keras_history.operation
    inner = getattr(operation, "_functional", operation)  # of a Sequential
    is_model = hasattr(inner, "_nodes_by_depth")
    return _last_operation(inner.outputs[0]) if is_model else operation


def _activation(outputs: Tensor) -> Literal["softmax", "sigmoid", "linear"]:
    operation = _last_operation(outputs)
    name = getattr(getattr(operation, "activation", None), "__name__", type(operation).__name__)
    return {"softmax": "softmax", "sigmoid": "sigmoid"}.get(name.lower(), "linear")  # type: ignore[return-value]
