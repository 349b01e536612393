"""Copies functional models, and walks through the calls that they are made of."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras

from transferlearn import keras_internals
from transferlearn.types import Operation, Tensor


class Step(NamedTuple):
    """Holds one call in a functional graph: an operation, with what it reads and makes.

    Attributes:
        operation: The operation that is called.
        inputs: The tensors that it reads.
        outputs: The tensors that it makes.
        arguments: All that it is called with, `(args, kwargs)`, constants included.
    """

    operation: Operation
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    arguments: tuple[tuple[Any, ...], dict[str, Any]]


def walk(model: keras.Model) -> Iterator[Step]:
    """Yields every call of a functional model, plain ops too, after the calls that it reads."""
    for node in keras_internals.nodes(model):
        if not node.is_input:
            arguments = (node.arguments.args, node.arguments.kwargs)
            yield Step(node.operation, tuple(node.input_tensors), tuple(node.outputs), arguments)


def replay(
    model: keras.Model,
    inputs: Sequence[Tensor],
    copy: Callable[[Operation], Callable[..., Any]],
) -> list[Tensor]:
    """Calls a copy of each operation of `model` on `inputs`, and opens nested models.

    `keras.models.clone_model` cannot do that: it leaves nested models nested, and copies no plain
    operations. Weights that are made by these calls are zeros; the caller has to fill them.

    Args:
        model: A functional model; it is not changed.
        inputs: `KerasTensor`s of the shapes of the model's inputs, in their order.
        copy: Takes an operation and gives what is called in its place. It is called once for each
            operation, so shared layers stay shared.

    Returns:
        The `KerasTensor`s that stand for the model's outputs, in their order.
    """
    copies: dict[int, Callable[..., Any]] = {}

    def copy_once(operation: Operation) -> Callable[..., Any]:
        if isinstance(operation, keras.Model):
            inner = require_functional(operation)
            return lambda x, **_: run(inner, keras.tree.flatten(x))
        if id(operation) not in copies:
            copies[id(operation)] = copy(operation)
        return copies[id(operation)]

    def run(part: keras.Model, part_inputs: Sequence[Tensor]) -> Any:
        return keras_internals.run_through(part, part_inputs, copy_once, _call)

    return keras.tree.flatten(run(require_functional(model), inputs))


def rewired(model: keras.Model, inputs: Sequence[Tensor]) -> Any:
    """Calls a model's own operations on other inputs, and gives the outputs that result."""
    return keras_internals.run_through(model, inputs, lambda operation: operation, _plain_call)


def cloned(
    model: keras.Model,
    instead: Callable[[keras.Layer], keras.Layer] = lambda layer: layer,
    inputs: Sequence[Tensor] | None = None,
) -> keras.Model:
    """Makes a model of the same layers, or of others in their place, on new inputs.

    Args:
        model: A functional model without models inside; it is not changed.
        instead: Takes a layer and gives the one that is called in its place; it is called once
            for each layer.
        inputs: Plain `Input`s; `None` for new ones like the model's own.
    """
    # Keras would compile the clone of a compiled model, and does not know a user's own losses.
    plain = keras.Model(model.input, model.output, name=model.name)
    given = None if inputs is None else keras.tree.pack_sequence_as(model.input, list(inputs))
    return keras.models.clone_model(plain, input_tensors=given, clone_function=instead)


def _plain_call(operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return operation(*args, **kwargs)


def _call(operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Tensor:
    with _without_initializers(operation):
        return operation(*args, **kwargs)


@contextlib.contextmanager
def _without_initializers(operation: Callable[..., Any]) -> Iterator[None]:
    """Lets weights begin as zeros: drawing values that are then replaced takes half the time."""
    is_layer = isinstance(operation, keras.Layer)
    layers = keras_internals.layers_within(operation) if is_layer else []
    own = [
        (layer, name, value)
        for layer in layers
        for name, value in vars(layer).items()
        if isinstance(value, keras.initializers.Initializer)
    ]
    for layer, name, _ in own:
        setattr(layer, name, keras.initializers.Zeros())
    try:
        yield
    finally:
        for layer, name, value in own:
            setattr(layer, name, value)


def require_functional(model: keras.Model) -> keras.Model:
    """Gives the model as a plain `Functional`, or raises an error that says why it cannot."""
    if not isinstance(model, keras.Model):
        raise TypeError(f"Expected a keras.Model. Received: {model!r}")
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise ValueError(
                f"The Sequential model {model.name!r} has no input shape yet. "
                "Give it a keras.Input as its first element."
            )
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not keras_internals.is_functional(model):
        raise TypeError(
            f"The model {model.name!r} is subclassed ({type(model).__name__}): its layers cannot "
            "be seen, so they cannot be frozen or cut. Build it with the functional API: "
            "keras.Model(inputs, outputs)."
        )
    return keras.Model(model.input, model.output, name=model.name)


def require_one_input(model: keras.Model) -> keras.Model:
    """Gives the model as a `Functional` with one input and one output, or raises `ValueError`."""
    found = require_functional(model)
    if len(found.inputs) != 1 or len(found.outputs) != 1:
        raise ValueError(
            f"Expected a model with one input and one output. Received: {model.name!r} with "
            f"{len(model.inputs)} inputs and {len(model.outputs)} outputs."
        )
    return found


def copy_operation(operation: Operation, **changes: Any) -> Operation:
    """Makes a fresh operation or layer (without weights) from the config, with `changes` in it."""
    if not isinstance(operation, keras.Layer):
        changes.pop("dtype", None)  # only layers have a dtype policy
    try:
        config = operation.get_config()
        if "name" in config:
            return type(operation).from_config({**config, **changes})
        fresh = type(operation).from_config(config)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise TypeError(
            f"Layer {operation.name!r} ({type(operation).__name__}) cannot be copied: "
            "it needs a get_config() that gives its constructor's arguments, and a constructor "
            f"that takes **kwargs for Keras's own. Keras says: {error}"
        ) from error
    fresh.name = changes.get("name", operation.name)
    return fresh


class CanonicalNames:
    """Gives names that depend on the network alone, where Keras counts over all networks."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)

    def __call__(self, operation: Operation) -> str:
        """Gives the operation's name in the copy; names that Keras made up are counted anew."""
        stem = re.sub(r"_\d+$", "", operation.name)
        is_automatic = stem.replace("_", "") == type(operation).__name__.lower()
        base = stem if is_automatic else operation.name
        name, count = base, 0
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name


def canonical(
    model: keras.Model,
    *,
    after: Callable[[str], keras.Layer | None] | None = None,
    raw: str = "image",
) -> keras.Model:
    """Copies a model, weights included, flat and with canonical layer names.

    Args:
        model: A functional or built Sequential model, possibly with models inside.
        after: Takes a layer's name and gives a layer to put behind it, or `None`.
        raw: The name of the copy's input.

    Returns:
        A new `Functional`; `model` is not changed.
    """
    names, pairs = CanonicalNames(raw), []

    def copy(operation: Operation) -> Callable[..., Any]:
        fresh = copy_operation(operation, name=names(operation))
        pairs.append((operation, fresh))
        extra = after(fresh.name) if after else None
        return fresh if extra is None else lambda x: extra(fresh(x))

    source = require_one_input(model)
    item = keras.Input(batch_shape=source.inputs[0].shape, dtype=source.inputs[0].dtype, name=raw)
    (output,) = replay(source, [item], copy)
    result = keras.Model(item, output, name=model.name)
    copy_weights(pairs)
    return result


def copy_weights(pairs: list[tuple[Operation, Operation]]) -> None:
    """Copies weights from the first layer of each pair to the second.

    Raises:
        ValueError: The weights of a pair have other shapes.
    """
    for old, new in pairs:
        if isinstance(old, keras.Layer):
            new.set_weights(old.get_weights())
            for part in keras_internals.layers_within(new):
                if isinstance(part, keras.layers.Normalization):
                    part.finalize_state()  # it computes with constants made from its weights
