"""Holds every underscore attribute of Keras that we touch, each behind a plain function.

Keras has no public way to do these things. `tests/test_keras_internals.py` says of each what breaks
when Keras changes it, and runs against the oldest supported Keras and the newest.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state  # noqa: TID251
from keras.src.random.seed_generator import global_seed_generator  # noqa: TID251


def is_functional(model: object) -> bool:
    """Returns whether a model is functional, so that its graph of operations can be read."""
    return hasattr(model, "_nodes_by_depth")


def nodes(model: keras.Model) -> Iterator[Any]:
    """Yields every call in a functional model, each after those whose outputs it reads."""
    by_depth = model._nodes_by_depth
    for depth in sorted(by_depth, reverse=True):
        yield from by_depth[depth]


def functional_of(operation: keras.Operation) -> keras.Model | None:
    """Returns the functional model that an operation is, or that a Sequential has inside."""
    inner = getattr(operation, "_functional", operation)
    return inner if is_functional(inner) else None


def maker(tensor: keras.KerasTensor) -> keras.Operation:
    """Returns the operation that a `KerasTensor` comes from."""
    return tensor._keras_history.operation


def run_through(
    model: keras.Model,
    inputs: Sequence[keras.KerasTensor],
    operation_fn: Callable[[keras.Operation], Callable],
    call_fn: Callable[..., object],
) -> Any:
    """Calls other operations in the place of a functional model's own, on other inputs.

    `keras.models.clone_model` does so from plain `Input`s only, leaves nested models closed and
    does not copy plain operations.

    Args:
        model: A functional model; it is not changed.
        inputs: The tensors that stand for `model.inputs`, in their order.
        operation_fn: Takes an operation of the model, and gives what is called in its place.
        call_fn: Takes what `operation_fn` gave and the arguments, and calls it on them.
    """
    given = keras.tree.pack_sequence_as(model.input, list(inputs))
    return model._run_through_graph(given, operation_fn=operation_fn, call_fn=call_fn)


def layers_within(layer: keras.Layer) -> list[keras.Layer]:
    """Returns a layer and all layers inside it, at any depth."""
    return list(layer._flatten_layers())


@contextlib.contextmanager
def unlocked(layer: keras.Layer) -> Iterator[None]:
    """Lets weights be added to a layer that is built, as `enable_lora` does."""
    layer._tracker.unlock()
    try:
        yield
    finally:
        layer._tracker.lock()


def takes_training(layer: keras.Layer) -> bool:
    """Returns whether a layer's `call` takes the argument `training`."""
    return layer._call_has_training_arg


def draws_numbers(layer: keras.Layer) -> bool:
    """Returns whether a layer has a generator of random numbers."""
    return bool(layer._seed_generators)


def global_seed_state() -> keras.Variable:
    """Returns the state that `keras.random` draws from where no seed is given; makes it if need be.

    `keras.utils.set_random_seed` sets it, and nothing public reads it.
    """
    return global_seed_generator().state


def put_off_variables() -> list[keras.Variable]:
    """The variables that this thread described in a `StatelessScope`, to make them later."""
    return list(global_state.get_global_attribute("uninitialized_variables") or [])


def share_metrics(model: keras.Model, other: keras.Model) -> None:
    """Lets a model show another one's compiled metrics as its own, without tracking them twice."""
    object.__setattr__(model, "_compile_metrics", other._compile_metrics)


def share_first_epoch(model: keras.Model, other: keras.Model) -> None:
    """Lets a model begin at the epoch that `BackupAndRestore` gave another one to go on from."""
    model._initial_epoch = other._initial_epoch


def transformed_samples(flow: keras.utils.PyDataset, rows: np.ndarray) -> Any:
    """Returns the items `rows` of an iterator of the legacy `ImageDataGenerator`, as a batch."""
    return flow._get_batches_of_transformed_samples(rows)


def replace_samples(flow: keras.utils.PyDataset, samples: Callable[[np.ndarray], Any]) -> None:
    """Makes an iterator of the legacy `ImageDataGenerator` give what `samples` does for rows."""
    flow._get_batches_of_transformed_samples = samples


@contextmanager
def layout_of_each_batch() -> Iterator[None]:
    """Lets a model on JAX lay out each batch by its own shape, and not as the first one was.

    What is on the devices already stays as it is.
    """
    import jax
    from keras.src.backend.jax import trainer  # noqa: TID251

    def each(iterator: Any, _: object) -> Iterator[Any]:
        for batch in iterator.data_adapter.get_jax_iterator():
            laid_out = isinstance(keras.tree.flatten(batch)[0], jax.Array)
            yield batch if laid_out else trainer._distribute_data(batch)

    kept = trainer.JAXEpochIterator._get_distributed_iterator
    trainer.JAXEpochIterator._get_distributed_iterator = each
    try:
        yield
    finally:
        trainer.JAXEpochIterator._get_distributed_iterator = kept


def set_layout(
    variable: keras.Variable, distribution: keras.distribution.DataParallel | None, value: Any
) -> None:
    """Sets a variable on JAX to a value on each device of a distribution, or on one of our own."""
    if distribution is None:
        variable._layout = None
        variable.assign(value)
        return
    import jax

    layout = keras.distribution.TensorLayout([None] * value.ndim, distribution.device_mesh)
    variable._layout = layout
    variable._value = jax.make_array_from_process_local_data(layout.backend_layout, value)


def coordination() -> Any:
    """Returns JAX's client by which processes wait for each other, however long that takes."""
    from jax._src import distributed

    return distributed.global_state.client
