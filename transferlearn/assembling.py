"""Joins preprocessing, a backbone and a head into one flat model that takes raw items."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import keras

from transferlearn import keras_internals
from transferlearn.backbones import Backbone
from transferlearn.backbones.graph import copy_operation, copy_weights, replay
from transferlearn.data import Spec
from transferlearn.heads import Output
from transferlearn.types import Operation, Tensor

# Attributes of layers that say how strong their Dropout, noise or stochastic depth is.
_NOISE = ("rate", "stddev", "drop_path_rate", "dropout", "recurrent_dropout")
# They prepare pixels, which stays in float32 whatever the precision of the network is.
_FLOAT32_LAYERS = (keras.layers.Rescaling, keras.layers.Normalization)


class Noise(NamedTuple):
    """Records the rate of a layer's Dropout, noise or stochastic depth, to set it back later.

    Attributes:
        layer: The layer of the backbone.
        part: The layer itself, or the one inside it that is random.
        attribute: The name of the attribute of `part` that holds the rate.
        value: The original rate.
    """

    layer: keras.Layer
    part: keras.Layer
    attribute: str
    value: float


class NetworkOutput(NamedTuple):
    """Describes one output of a network.

    Attributes:
        units: The number of values that it gives along its last axis.
        activation: The function that makes these values: `"softmax"`, `"sigmoid"` or `"linear"`.
    """

    units: int
    activation: Literal["softmax", "sigmoid", "linear"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """Holds a whole model, and says which of its layers belong to which part.

    Attributes:
        model: A flat functional model: raw items, preprocessing, backbone, head. Its first inputs
            are `items`, the others come with the targets.
        items: The model's inputs for the items.
        layers: The backbone's layers, in the order of `backbone.model.layers`.
        head: The operations behind the backbone.
        outputs: What is known of the model's outputs, by name, in the model's order.
        noise: The backbone's Dropout, noise and stochastic depth, with their original rates.
    """

    model: keras.Model
    items: tuple[Tensor, ...]
    layers: tuple[keras.Layer, ...]
    head: tuple[Operation, ...]
    outputs: Mapping[str, NetworkOutput]
    noise: tuple[Noise, ...]

    @property
    def further_inputs(self) -> tuple[Tensor, ...]:
        """The model's inputs that come with the targets."""
        return tuple(self.model.inputs[len(self.items) :])


def assemble(
    backbone: Backbone,
    make_outputs: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    *,
    items: Mapping[str, Spec],
    outputs: Mapping[str, Output],
    further: Mapping[str, Spec] | None = None,
    features: Sequence[str] = ("last",),
    begin: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = lambda given: given,
    finish: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = lambda made: made,
    precision: str | None = None,
    name: str,
) -> Network:
    """Builds the whole flat model, from raw items to the outputs of a task.

    Args:
        backbone: The backbone; its network is copied, weights included.
        make_outputs: Takes the backbone's features and the further inputs, by name, and gives the
            outputs, by name.
        items: The inputs for the items, by name.
        outputs: The outputs that the task needs, by name.
        further: The inputs that come with the targets, by name.
        features: The names of the backbone's features that the head reads, and of the items that
            it reads as `begin` makes them.
        begin: Puts the task's own first layers on the items, before the backbone's preprocessing.
        finish: Puts the task's own last layers behind the outputs, and gives the new outputs.
        precision: A Keras dtype policy; items are prepared, and outputs given, in float32.
        name: The name of the model.

    Raises:
        TypeError: The head gave something else than `KerasTensor`s.
        ValueError: Outputs have another shape or are not made of features, or items do not fit.
    """
    pairs: list[tuple[Operation, Operation]] = []

    def copy(operation: Operation) -> Operation:
        changes = {"name": operation.name}
        if precision and not isinstance(operation, _FLOAT32_LAYERS):
            changes["dtype"] = precision
        fresh = copy_operation(operation, **changes)
        pairs.append((operation, fresh))
        return fresh

    raw, beside = _inputs(items), _inputs(further or {})
    begun = begin(raw)
    of_items = backbone.prepare(begun if len(begun) > 1 else next(iter(begun.values())))
    prepared = [*of_items, *backbone.read_inside(beside)]
    _check_input(backbone, prepared)
    originals = backbone.features([name for name in features if name not in raw])
    source = keras.Model(backbone.model.inputs, list(originals.values()))
    read = dict(zip(originals, replay(source, prepared, copy), strict=True))
    copy_weights(pairs)
    # Made anew for the head: features are then stored beside items that `begin` has not enlarged.
    whole = {name: raw[name] for name in features if name in raw}
    with _policy(precision):
        made = _checked(make_outputs({**read, **begin(whole), **beside}), outputs)
        activations = {n: _activation(tensor) for n, tensor in made.items()}
        made = dict(finish(made))
    made = {n: _in_float32(n, tensor, alone=len(made) == 1) for n, tensor in made.items()}
    inputs = [*raw.values(), *beside.values()]
    read_by_head = [tensor for name, tensor in beside.items() if name not in backbone.further]
    head = _head([*read.values(), *whole.values(), *read_by_head], list(made.values()))
    preparing = _between(list(raw.values()), of_items)
    _rename_apart((*preparing, *head), {part.name for part in backbone.model.operations})
    model = keras.Model(
        inputs if len(inputs) > 1 else inputs[0],
        made if len(made) > 1 else next(iter(made.values())),
        name=name,
    )
    layers = _layers(backbone, model, pairs)
    return Network(
        model=model,
        items=tuple(model.inputs[: len(raw)]),
        layers=layers,
        head=head,
        outputs={n: NetworkOutput(int(t.shape[-1]), activations[n]) for n, t in made.items()},
        noise=_noise(layers),
    )


def _inputs(specs: Mapping[str, Spec]) -> dict[str, Tensor]:
    """Makes the model's inputs, by name."""
    return {name: keras.Input(s.shape, name=name, dtype=s.dtype) for name, s in specs.items()}


def model_name(backbone: Backbone, what: str) -> str:
    """Makes a model's name of its backbone's and of what it is, such as `"classifier"`."""
    stem = re.sub(r"[^a-z0-9]+", "_", backbone.name.rsplit("/")[-1].lower())
    return f"{stem}_{what}"


def _layers(
    backbone: Backbone, model: keras.Model, pairs: Sequence[tuple[Operation, Operation]]
) -> tuple[keras.Layer, ...]:
    """Returns the model's copy of each layer of the backbone, in order.

    The model's inputs stand for the backbone's; its first for those that the preprocessing makes.
    """
    copies = {id(operation): fresh for operation, fresh in pairs}
    inputs = {layer.name: layer for layer in model.layers if id(layer) not in copies}
    return tuple(
        copies.get(id(layer), inputs.get(layer.name, model.layers[0]))
        for layer in backbone.model.layers
    )


def _check_input(backbone: Backbone, prepared: Sequence[Tensor]) -> None:
    """Refuses prepared items of a shape that the backbone does not take."""
    for expected, tensor in zip(backbone.model.inputs, prepared, strict=True):
        wanted, shape = tuple(expected.shape[1:]), tuple(tensor.shape[1:])
        fits = len(wanted) == len(shape) and all(
            e is None or s in (None, e) for e, s in zip(wanted, shape, strict=True)
        )
        if not fits:
            raise ValueError(
                f"The backbone {backbone.name!r} takes inputs of shape {wanted}, and what is "
                f"prepared is {shape}. Where the size differs, pass image_size={wanted[:2]}; of "
                "RGB images, tl.backbones.from_model(model, preprocessing=...) can make other "
                "inputs."
            )


def _noise(layers: tuple[keras.Layer, ...]) -> tuple[Noise, ...]:
    """Finds all Dropout, noise and stochastic depth in layers, with their rates."""
    return tuple(
        Noise(layer, part, attribute, getattr(part, attribute))
        for layer in layers
        for part in keras_internals.layers_within(layer)
        for attribute in _NOISE
        if keras_internals.takes_training(part)
        and isinstance(getattr(part, attribute, None), float)
        # a property only shows what is held elsewhere
        and not isinstance(getattr(type(part), attribute, None), property)
    )


@contextlib.contextmanager
def _policy(precision: str | None) -> Iterator[None]:
    """Sets Keras's dtype policy meanwhile; `None` leaves it as it is."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _checked(made: Mapping[str, Tensor], outputs: Mapping[str, Output]) -> dict[str, Tensor]:
    """Checks what the head made, and gives it in the order in which the task names outputs."""
    if made.keys() != outputs.keys():
        raise ValueError(
            f"The head must give the outputs {', '.join(outputs)}. Received: {', '.join(made)}"
        )
    for name, output in outputs.items():
        tensor = made[name]
        if not keras.utils.is_keras_tensor(tensor):
            raise TypeError(f"A head must return its output tensor. Received: {tensor!r}")
        is_flat = len(tensor.shape) == 2
        if (output.per == "item") != is_flat or tensor.shape[-1] is None:
            raise ValueError(
                "A head's output must have the shape (batch, number of outputs). "
                f"Received: {tensor.shape}. Pool or flatten the features first."
                if output.per == "item"
                else f"The output {name!r} must have a row of numbers for each {output.per}. "
                f"Received: {tensor.shape}"
            )
    return {name: made[name] for name in outputs}


def _in_float32(name: str, tensor: Tensor, *, alone: bool) -> Tensor:
    """Puts a layer that casts to float32 behind an output of another dtype."""
    if keras.backend.standardize_dtype(tensor.dtype) == "float32":
        return tensor
    layer = "in_float32" if alone else f"{name}_in_float32"
    return keras.layers.Activation("linear", dtype="float32", name=layer)(tensor)


def _head(features: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[Operation, ...]:
    """Returns the operations from the features to the outputs; refuses outputs without any."""
    try:
        head = _between(features, outputs)  # Keras refuses outputs that are not made of inputs
    except ValueError as error:
        raise ValueError(_NOT_MADE_OF_FEATURES) from error
    if not head:
        raise ValueError(_NOT_MADE_OF_FEATURES)
    return head


_NOT_MADE_OF_FEATURES = (
    "A head's output must be made of the features that it is given, by one layer or more."
)


def _between(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[Operation, ...]:
    """Returns the operations that lead from `inputs` to `outputs`."""
    between = keras.Model(list(inputs), list(outputs)).operations
    return tuple(part for part in between if not isinstance(part, keras.layers.InputLayer))


def _rename_apart(operations: tuple[Operation, ...], taken: set[str]) -> None:
    """Renames operations whose names are taken, since Keras refuses two of one name."""
    for operation in operations:
        name, count = operation.name, 0
        while operation.name in taken:
            count += 1
            operation.name = f"{name}_own_{count}"
        taken.add(operation.name)


def _last_operation(output: Tensor) -> Operation:
    """Returns the operation that makes an output, inside a nested model if need be."""
    operation = keras_internals.maker(output)
    inner = keras_internals.functional_of(operation)
    return _last_operation(inner.outputs[0]) if inner is not None else operation


def _activation(output: Tensor) -> Literal["softmax", "sigmoid", "linear"]:
    """Names the activation of an output; any but softmax and sigmoid counts as linear."""
    operation = _last_operation(output)
    # A plain op such as `keras.ops.softmax` has no activation: its class says what it is.
    name = getattr(getattr(operation, "activation", None), "__name__", type(operation).__name__)
    return {"softmax": "softmax", "sigmoid": "sigmoid"}.get(name.lower(), "linear")  # type: ignore[return-value]
