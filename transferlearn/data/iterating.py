"""Iterates over batches without TensorFlow's autotuning, which delays epochs, or its advice."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from transferlearn.distributing import SharedBatches, processes
from transferlearn.types import TfData

_AHEAD = 2  # batches that TensorFlow reads before they are asked for
_ADVICE = "triggered tf.function retracing"  # a part of the warning's text


@contextlib.contextmanager
def without_retracing_advice() -> Iterator[None]:
    """Hides TensorFlow's retracing warning, which also comes if many networks compile once."""
    logger = logging.getLogger("tensorflow")

    def is_no_advice(record: logging.LogRecord) -> bool:
        return _ADVICE not in record.getMessage()

    logger.addFilter(is_no_advice)
    try:
        yield
    finally:
        logger.removeFilter(is_no_advice)


def is_tf_data(source: object) -> bool:
    """Returns whether a source looks like a `tf.data.Dataset`, without importing TensorFlow."""
    return hasattr(source, "element_spec") and hasattr(source, "cardinality")


def refuse_endless(source: TfData) -> None:
    """Refuses a `tf.data.Dataset` that says that it never ends."""
    import tensorflow as tf

    if source.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError("The tf.data.Dataset never ends. Leave out .repeat(), or add .take(n).")


def iterate(batches: keras.utils.PyDataset | TfData) -> Iterator[tuple[Any, ...]]:
    """Returns each batch of a `PyDataset` or `tf.data.Dataset` once, as arrays."""
    if isinstance(batches, keras.utils.PyDataset):
        return (batches[i] for i in range(len(batches)))
    return batches.as_numpy_iterator()


def for_keras(batches: Any) -> Any:
    """Returns batches as Keras reads them: of several processes, each its share.

    Raises:
        ValueError: Several processes read a stream, which has no items by number.
    """
    found = processes()
    if found.count == 1 or batches is None:
        return without_autotune(batches)
    if not getattr(batches, "by_epoch", False):
        raise ValueError(
            "Several processes read items by number. Pass a folder, a table, a manifest or arrays. "
            f"Received: {type(batches).__name__}"
        )
    return SharedBatches(batches, found)


def without_autotune(batches: Any) -> Any:
    """Turns `ItemBatches` into a `tf.data.Dataset` on TensorFlow; gives back all else.

    When Keras iterates over batches by itself, TensorFlow 2.21 tunes the pipeline in a thread that
    sleeps for 10 ms, then twice as long each time, and nothing wakes it. An epoch ends only when
    that thread does: an epoch of 6 s took 10 s. Batches whose order is not decided by `epoch`
    alone (`by_epoch` is False) are given back as they are.

    Each iteration gives the batches of the `epoch` that is set when it begins; it calls none of
    Keras's hooks.
    """
    if keras.backend.backend() != "tensorflow" or not getattr(batches, "by_epoch", False):
        return batches
    import tensorflow as tf  # not needed on other backends, so not imported above

    def spec(part: np.ndarray) -> tf.TensorSpec:
        return tf.TensorSpec((None, *part.shape[1:]), part.dtype)

    def read() -> Iterator[tuple[Any, ...]]:
        return iterate(batches)

    signature = keras.tree.map_structure(spec, batches[0])
    if any(varies := getattr(batches, "varies", ())):
        # The length of the first batch's x would be demanded of all others.
        x, *rest = signature
        specs = keras.tree.flatten(x)
        for i in (i for i, any_length in enumerate(varies) if any_length):
            specs[i] = tf.TensorSpec((None, None, *specs[i].shape[2:]), specs[i].dtype)
        if getattr(batches, "aligned", False):
            rest[0] = tf.TensorSpec((None, None, *rest[0].shape[2:]), rest[0].dtype)
        signature = (keras.tree.pack_sequence_as(x, specs), *rest)
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(read, output_signature=signature)
    counted = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    return counted.prefetch(_AHEAD).with_options(options)
