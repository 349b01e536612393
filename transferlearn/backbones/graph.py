"""Copies functional models, and lists the calls of operations that they consist of."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras

from transferlearn import keras_internals
from transferlearn.json_fields import Json
from transferlearn.types import Operation, Tensor


class Step(NamedTuple):
    """Holds one call of a layer or operation in a functional model, with its tensors.

    Attributes:
        operation: The operation that is called.
        inputs: The tensors that it reads.
        outputs: The tensors that it makes.
        arguments: All that it is called with, `(args, kwargs)`, constants included.
    """

    operation: Operation
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    arguments: tuple[tuple[object, ...], Json]


def walk(model: keras.Model) -> Iterator[Step]:
    """Yields all calls of layers and operations in a model, each after those that it reads."""
    for node in keras_internals.nodes(model):
        if not node.is_input:
            arguments = (node.arguments.args, node.arguments.kwargs)
            yield Step(node.operation, tuple(node.input_tensors), tuple(node.outputs), arguments)


def made_of(model: keras.Model, tensors: Sequence[Tensor]) -> list[Step]:
    """Returns the calls that need nothing but these tensors of a model, in order."""
    reached = {id(tensor) for tensor in tensors}
    found = []
    for step in walk(model):
        if step.inputs and all(id(tensor) in reached for tensor in step.inputs):
            reached |= {id(tensor) for tensor in step.outputs}
            found.append(step)
    return found


def replay(
    model: keras.Model,
    inputs: Sequence[Tensor],
    copy: Callable[[Operation], Callable[..., object]],
) -> list[Tensor]:
    """Builds a model's graph anew on `inputs`, from copies of its layers and operations.

    Models inside the model are opened. `keras.models.clone_model` cannot do that: it leaves them
    nested, and copies no plain operations. New weights are zeros; the caller has to fill them.

    Args:
        model: A functional model; it is not changed.
        inputs: `KerasTensor`s of the shapes of the model's inputs, in their order.
        copy: Takes an operation and gives what is called in its place. It is called once for each
            operation, so shared layers stay shared.

    Returns:
        The `KerasTensor`s that stand for the model's outputs, in their order.
    """
    copies: dict[int, Callable[..., Tensor]] = {}

    def copy_once(operation: Operation) -> Callable[..., Tensor]:
        """Returns the one copy of an operation, or a function that opens a model."""
        if isinstance(operation, keras.Model):
            inner = require_functional(operation)
            return lambda x, **_: run(inner, keras.tree.flatten(x))
        if id(operation) not in copies:
            copies[id(operation)] = copy(operation)
        return copies[id(operation)]

    def run(part: keras.Model, part_inputs: Sequence[Tensor]) -> Any:
        return keras_internals.run_through(part, part_inputs, copy_once, _call_with_zeros)

    return keras.tree.flatten(run(require_functional(model), inputs))


def rewired(model: keras.Model, inputs: Sequence[Tensor]) -> Any:
    """Calls a model's own operations, not copies, on other inputs, and gives the outputs."""
    return keras_internals.run_through(model, inputs, lambda operation: operation, _plain_call)


def cloned(
    model: keras.Model,
    instead: Callable[[keras.Layer], keras.Layer] = lambda layer: layer,
    inputs: Sequence[Tensor] | None = None,
) -> keras.Model:
    """Makes a model on new inputs from the same layers, or from others in their place.

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


def _plain_call(operation: Callable[..., object], *args: object, **kwargs: object) -> Any:
    """Calls an operation as it is."""
    return operation(*args, **kwargs)


def _call_with_zeros(operation: Callable[..., object], *args: object, **kwargs: object) -> Tensor:
    """Calls an operation; weights that it makes in this call are zeros."""
    with _without_initializers(operation):
        return operation(*args, **kwargs)


@contextlib.contextmanager
def _without_initializers(operation: Callable[..., object]) -> Iterator[None]:
    """Lets an operation make its weights as zeros: drawing random ones takes half the time."""
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
    """Returns the model as a plain `Functional`; raises an error if its graph cannot be seen."""
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


def require_one_output(model: keras.Model, inputs: int = 1) -> keras.Model:
    """Returns the model as a `Functional`; `ValueError` for other inputs, or several outputs."""
    found = require_functional(model)
    if len(found.inputs) != inputs or len(found.outputs) != 1:
        wanted = "one input" if inputs == 1 else f"{inputs} inputs"
        raise ValueError(
            f"Expected a model with {wanted} and one output. Received: {model.name!r} with "
            f"{len(model.inputs)} inputs and {len(model.outputs)} outputs."
        )
    return found


def copy_operation(operation: Operation, **changes: object) -> Operation:
    """Makes a new operation or layer from the config of another, without its weights.

    Args:
        operation: The one to copy.
        changes: What to change in the config, such as `name`.
    """
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
    """Names copied layers by their own network alone; Keras counts over all networks."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)

    def __call__(self, operation: Operation) -> str:
        """Returns the operation's name in the copy; numbers that Keras added are counted anew."""
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
    raw: str | Sequence[str] = "image",
) -> keras.Model:
    """Copies a model with its weights, opens models inside it, and makes names canonical.

    Args:
        model: A functional or built Sequential model with one output.
        after: Takes a layer's name and gives a layer to put behind it, or `None`.
        raw: The name of the copy's input, or of each.

    Returns:
        A new `Functional`; `model` is not changed.

    Raises:
        TypeError: It is no model, is subclassed, or has a layer that its config cannot copy.
        ValueError: It has no input shape yet, more than one output, or another number of inputs.
    """
    called = (raw,) if isinstance(raw, str) else tuple(raw)
    names, pairs = CanonicalNames(*called), []

    def copy(operation: Operation) -> Callable[..., Tensor]:
        fresh = copy_operation(operation, name=names(operation))
        pairs.append((operation, fresh))
        extra = after(fresh.name) if after else None
        return fresh if extra is None else lambda x: extra(fresh(x))

    source = require_one_output(model, len(called))
    inputs = [
        keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
        for name, tensor in zip(called, source.inputs, strict=True)
    ]
    (output,) = replay(source, inputs, copy)
    result = keras.Model(inputs if len(inputs) > 1 else inputs[0], output, name=model.name)
    copy_weights(pairs)
    return result


def copy_weights(pairs: list[tuple[Operation, Operation]]) -> None:
    """Copies the weights of each pair's first layer to the second; skips plain operations.

    Raises:
        ValueError: The weights of the two layers differ in shape or number.
    """
    for old, new in pairs:
        if isinstance(old, keras.Layer):
            new.set_weights(old.get_weights())
            for part in keras_internals.layers_within(new):
                if isinstance(part, keras.layers.Normalization):
                    part.finalize_state()  # it computes with constants made from its weights


def of_any_length(model: keras.Model, varies: Sequence[bool] = (True,)) -> keras.Model:
    """Makes a model of the same layers, for items whose first axis has any length.

    Args:
        model: A functional model.
        varies: For each of its first inputs whether it has that axis; the others keep their shapes.
    """
    inputs = list(model.inputs)
    for i in (i for i, any_length in enumerate(varies) if any_length):
        shape, dtype, name = inputs[i].shape, inputs[i].dtype, inputs[i].name
        inputs[i] = keras.Input((None, *shape[2:]), dtype=dtype, name=name)
    return cloned(model, inputs=inputs)


def before_last_layer(model: keras.Model) -> Tensor:
    """Returns the tensor that the last layer with a kernel reads: the features of an item.

    Raises:
        ValueError: There is no such layer, or it reads several tensors.
    """
    kernels = [step for step in walk(model) if hasattr(step.operation, "kernel")]
    if not kernels or len(kernels[-1].inputs) != 1:
        raise ValueError(
            f"{model.name} does not end in a layer with a kernel that reads one tensor."
        )
    return kernels[-1].inputs[0]
