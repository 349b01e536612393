"""Divides batches among the devices of one process, on JAX."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from transferlearn.distributing.processes import processes
from transferlearn.keras_internals import layout_of_each_batch
from transferlearn.types import Tensor


@contextmanager
def divided_batches(size: int = 0) -> Iterator[None]:
    """Lets Keras divide each batch among all devices, and give each device an uneven one whole.

    Keras divides every batch, and a last one of 27 items by 4 raises `IndivisibleError`
    (keras#21167). Whole on every device, weights and figures come out as on one device.

    Args:
        size: The number of items in each batch but the last; it warns of one that is uneven.
    """
    distribution = processes().distribution or keras.distribution.distribution()
    if distribution is None:
        yield
        return
    if size % (devices := _devices(distribution)):
        warnings.warn(
            f"Batches of {size} items cannot be divided among {devices} devices, so each device "
            f"computes all of them. Pass batch_size={-(-size // devices) * devices}.",
            stacklevel=4,
        )
    if processes().count > 1:  # `SharedBatches` divide them
        yield
        return
    kept = distribution.get_data_layout

    def layout(shape: tuple[int, ...]) -> keras.distribution.TensorLayout:
        if shape[0] % devices == 0:
            return kept(shape)
        return keras.distribution.TensorLayout([None] * len(shape), distribution.device_mesh)

    distribution.get_data_layout = layout
    try:
        with layout_of_each_batch():
            yield
    finally:
        distribution.get_data_layout = kept


def on_devices(batch: np.ndarray) -> np.ndarray | Tensor:
    """Divides an array of items among all devices; where it cannot be, it stays as it is."""
    distribution = keras.distribution.distribution()
    if distribution is None or len(batch) % _devices(distribution):
        return batch
    layout = distribution.get_data_layout(batch.shape)
    return keras.distribution.distribute_tensor(batch, layout)


def _devices(distribution: keras.distribution.DataParallel) -> int:
    """Counts the parts that a batch is divided into."""
    mesh = distribution.device_mesh
    return int(mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)])
