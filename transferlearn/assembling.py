"""Put a backbone and what goes behind it together: one flat model, raw items in."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import keras

from transferlearn import keras_internals
from transferlearn.backbones import Backbone
from transferlearn.backbones.graph import cloned, copy_operation, copy_weights, replay
from transferlearn.data import Spec
from transferlearn.heads import Output

Tensor = Any
_NOISE = ("rate", "stddev", "drop_path_rate", "dropout", "recurrent_dropout")
_FLOAT32_LAYERS = (keras.layers.Rescaling, keras.layers.Normalization)


class Noise(NamedTuple):
    """Where a layer of the backbone (or a part of it) is random in training, and how much."""

    layer: Any
    part: Any
    attribute: str
    value: float


class NetworkOutput(NamedTuple):
    """What is known of one output of a network.

    Attributes:
        units: How many numbers it gives, along its last axis.
        activation: What the head makes of them: `"softmax"`, `"sigmoid"` or `"linear"`.
    """

    units: int
    activation: Literal["softmax", "sigmoid", "linear"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A whole model, and which of its layers belong to what.

    Attributes:
        model: Flat and functional: raw items, preprocessing, backbone, head. Its first inputs are
            `items`, the others come with the targets.
        items: The model's inputs for the items.
        layers: The backbone's layers, in the order of `backbone.model.layers`.
        head: The operations behind the backbone.
        outputs: Of the model, by name, in its order.
        noise: The backbone's Dropout, noise and stochastic depth, with their original rates.
    """

    model: keras.Model
    items: tuple[Tensor, ...]
    layers: tuple[Any, ...]
    head: tuple[Any, ...]
    outputs: Mapping[str, NetworkOutput]
    noise: tuple[Noise, ...]

    @property
    def further_inputs(self) -> tuple[Tensor, ...]:
        """Gives the model's inputs that come with the targets."""
        return tuple(self.model.inputs[len(self.items) :])


def assemble(
    backbone: Backbone,
    make_outputs: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]],
    *,
    items: Mapping[str, Spec],
    outputs: Mapping[str, Output],
    further: Mapping[str, Spec] | None = None,
    features: Sequence[str] = ("last",),
    finish: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = lambda made: made,
    precision: str | None = None,
    name: str,
) -> Network:
    """Builds the whole flat model: raw items in, the outputs of a task out.

    Args:
        backbone: Its network is copied, weights included.
        make_outputs: Takes the backbone's features and the further inputs, by name, and gives the
            outputs, by name.
        items: The inputs for the items, by name.
        outputs: What the task needs, by name.
        further: Inputs that come with the targets, by name.
        features: Names of the backbone's features that are read.
        finish: Puts the task's own last layers behind the outputs.
        precision: A Keras dtype policy, such as `"mixed_bfloat16"`; items are prepared, and
            outputs given, in float32 all the same.
        name: Of the model.

    Raises:
        TypeError: The head gave something else than `KerasTensor`s.
        ValueError: Its outputs are not of the shape that is needed or not made of the features, or
            the backbone does not take such items.
    """
    pairs: list[tuple[Any, Any]] = []

    def copy(operation: Any) -> Any:
        changes = {"name": operation.name}
        if precision and not isinstance(operation, _FLOAT32_LAYERS):
            changes["dtype"] = precision
        fresh = copy_operation(operation, **changes)
        pairs.append((operation, fresh))
        return fresh

    given = {n: keras.Input(spec.shape, name=n, dtype=spec.dtype) for n, spec in items.items()}
    beside = {
        n: keras.Input(spec.shape, name=n, dtype=spec.dtype) for n, spec in (further or {}).items()
    }
    prepared = backbone.prepare(given if len(given) > 1 else next(iter(given.values())))
    _check_input(backbone, prepared)
    read = backbone.features(features)
    source = keras.Model(backbone.model.inputs, list(read.values()))
    found = dict(zip(read, replay(source, prepared, copy), strict=True))
    copy_weights(pairs)
    with _policy(precision):
        made = _checked(make_outputs({**found, **beside}), outputs)
        activations = {n: _activation(tensor) for n, tensor in made.items()}
        made = dict(finish(made))
    made = {n: _in_float32(n, tensor, alone=len(made) == 1) for n, tensor in made.items()}
    inputs = [*given.values(), *beside.values()]
    head = _head([*found.values(), *beside.values()], list(made.values()))
    preparing = _between(list(given.values()), prepared)
    _rename_apart((*preparing, *head), {part.name for part in backbone.model.operations})
    model = keras.Model(
        inputs if len(inputs) > 1 else inputs[0],
        made if len(made) > 1 else next(iter(made.values())),
        name=name,
    )
    layers = _layers(backbone, model, pairs)
    return Network(
        model=model,
        items=tuple(model.inputs[: len(given)]),
        layers=layers,
        head=head,
        outputs={n: NetworkOutput(int(t.shape[-1]), activations[n]) for n, t in made.items()},
        noise=_noise(layers),
    )


def model_name(backbone: Backbone, what: str) -> str:
    """Makes a model's name of the backbone's and of what the model is, such as `"classifier"`."""
    stem = re.sub(r"[^a-z0-9]+", "_", backbone.name.rsplit("/")[-1].lower())
    return f"{stem}_{what}"


def of_any_length(model: keras.Model) -> keras.Model:
    """Gives the same layers, for items of which the first axis has any length."""
    first, *rest = model.inputs
    item = keras.Input((None, *first.shape[2:]), dtype=first.dtype, name=first.name)
    return cloned(model, inputs=[item, *rest])


def _layers(
    backbone: Backbone, model: keras.Model, pairs: Sequence[tuple[Any, Any]]
) -> tuple[Any, ...]:
    """Gives the copy of each of the backbone's layers; its inputs are those of the model."""
    copies = {id(operation): fresh for operation, fresh in pairs}
    return tuple(
        copies[id(layer)] if id(layer) in copies else model.get_layer(layer.name)
        for layer in backbone.model.layers
    )


def _check_input(backbone: Backbone, prepared: Sequence[Tensor]) -> None:
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


def _noise(layers: tuple[Any, ...]) -> tuple[Noise, ...]:
    return tuple(
        Noise(layer, part, attribute, getattr(part, attribute))
        for layer in layers
        for part in keras_internals.layers_within(layer)
        for attribute in _NOISE
        if keras_internals.takes_training(part)
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


def _checked(made: Mapping[str, Any], outputs: Mapping[str, Output]) -> dict[str, Tensor]:
    """Gives the outputs in the order that the task names them in."""
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
    if keras.backend.standardize_dtype(tensor.dtype) == "float32":
        return tensor
    layer = "in_float32" if alone else f"{name}_in_float32"
    return keras.layers.Activation("linear", dtype="float32", name=layer)(tensor)


def _head(features: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[Any, ...]:
    try:
        head = _between(features, outputs)
    except ValueError as error:
        raise ValueError(_NOT_MADE_OF_FEATURES) from error
    if not head:
        raise ValueError(_NOT_MADE_OF_FEATURES)
    return head


_NOT_MADE_OF_FEATURES = (
    "A head's output must be made of the features that it is given, by one layer or more."
)


def _between(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[Any, ...]:
    """Gives the operations that make `outputs` of `inputs`."""
    between = keras.Model(list(inputs), list(outputs)).operations
    return tuple(part for part in between if not isinstance(part, keras.layers.InputLayer))


def _rename_apart(operations: tuple[Any, ...], taken: set[str]) -> None:
    for operation in operations:
        name, count = operation.name, 0
        while operation.name in taken:
            count += 1
            operation.name = f"{name}_own_{count}"
        taken.add(operation.name)


def _last_operation(output: Tensor) -> Any:
    operation = keras_internals.maker(output)
    inner = keras_internals.functional_of(operation)
    return _last_operation(inner.outputs[0]) if inner is not None else operation


def _activation(output: Tensor) -> Literal["softmax", "sigmoid", "linear"]:
    operation = _last_operation(output)
    name = getattr(getattr(operation, "activation", None), "__name__", type(operation).__name__)
    return {"softmax": "softmax", "sigmoid": "sigmoid"}.get(name.lower(), "linear")  # type: ignore[return-value]
