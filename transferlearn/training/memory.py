"""Takes steps in smaller batches where memory does not hold the ones that were asked for."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from transferlearn.data.messages import notice
from transferlearn.distributing import processes
from transferlearn.training.keeping import Keeping
from transferlearn.training.wrapped import WrappedBatches

# How TensorFlow, JAX and PyTorch say that a device or the machine has no memory left.
_SAID = ("resource_exhausted", "resourceexhausted", "out of memory", "oom when allocating")


class PartedBatches(WrappedBatches):
    """Takes each batch in several parts, whose gradients have the mean of the batch's gradient.

    Parts of a batch that cannot be divided evenly differ by one item, and are weighted for it.

    Args:
        source: The batches, `(x, y)` or `(x, y, sample_weight)`.
        parts: The number of parts of each batch.
    """

    def __init__(self, source: keras.utils.PyDataset, parts: int) -> None:
        super().__init__(source)
        self._parts = parts
        self._held: tuple[tuple[int, int], Any] | None = None  # the batch that was read last

    def __len__(self) -> int:
        return len(self._source) * self._parts

    def on_epoch_begin(self) -> None:
        """Begins to read each batch anew: the source ends an epoch once all were read in it."""
        self._held = None  # Keras builds models with the first batch on JAX, before the epoch
        super().on_epoch_begin()

    def __getitem__(self, index: int) -> tuple[object, ...]:
        number, part = divmod(index, self._parts)
        if self._held is None or self._held[0] != (self.epoch, number):
            self._held = (self.epoch, number), self._source[number]
        x, y, *weights = self._held[1]
        count = len(keras.tree.flatten(x)[0])
        rows = np.array_split(np.arange(count), self._parts)[part]
        share = self._parts * len(rows) / count
        # A batch may have fewer items than parts: then one counts for nothing.
        rows = rows if len(rows) else np.zeros(1, int)
        weight = np.asarray(weights[0])[rows] if weights else np.ones(len(rows))
        some = keras.tree.map_structure(lambda values: np.asarray(values)[rows], (x, y))
        return *some, (share * weight).astype("float32")


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an error means that there was no memory left."""
    said = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or any(words in said for words in _SAID)


def in_parts_that_fit(
    train: Callable[[int], keras.callbacks.History],
    keeping: Keeping,
    *,
    batch_size: int,
    parts: int,
) -> keras.callbacks.History:
    """Trains in whole batches, or where memory is too small in halves, quarters and so on.

    Args:
        train: Trains a phase with each batch in so many parts.
        keeping: The callback that keeps weights; it puts those from before the phase back.
        batch_size: The number of items in a batch.
        parts: The number of parts to begin with.

    Raises:
        Exception: `train` raised something else, or memory was lost after an epoch had ended.
    """
    while True:
        try:
            return train(parts)
        except Exception as error:
            too_late = keeping.epochs or processes().count > 1  # the others have taken the step
            if not is_out_of_memory(error) or too_late or 2 * parts > batch_size:
                raise
            if keeping.epochs is not None:  # else the phase had not begun
                keeping.end_early()
            parts *= 2
            notice(
                f"Memory does not hold the step of a batch of {batch_size}. Steps are taken of "
                f"{-(-batch_size // parts)} items, and the gradients of {parts} such steps are "
                "added up, so the result is about that of the whole batch. To be quicker, pass "
                "a smaller batch_size."
            )
