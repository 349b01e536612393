"""Fits a model from the middle of an epoch on, as if the part before had just been done."""

from typing import Any

import keras

from transferlearn.data.iterating import without_autotune


class RestOfEpoch(keras.utils.PyDataset):
    """Gives the batches of an epoch that come after the first `done`.

    Args:
        source: Batches whose order the number of the epoch decides.
        done: How many batches of the epoch are left out.
    """

    by_epoch = True

    def __init__(self, source: keras.utils.PyDataset, done: int) -> None:
        super().__init__()
        self._source = source
        self._done = done

    def __len__(self) -> int:
        return len(self._source) - self._done

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return tuple(self._source[index + self._done])

    @property
    def epoch(self) -> int:
        """Gives the number of the source's epoch."""
        return int(self._source.epoch)

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._source.epoch = epoch

    @property
    def varies(self) -> tuple[bool, ...]:
        """Says of each array of x whether its second axis differs from batch to batch."""
        return getattr(self._source, "varies", ())


def fit_from_within(
    model: keras.Model,
    batches: keras.utils.PyDataset,
    done: int,
    data: dict[str, Any],
    callbacks: keras.callbacks.CallbackList,
    options: dict[str, Any],
) -> keras.callbacks.History:
    """Fits a model on the rest of its first epoch, and then on the other epochs.

    For callbacks, this is one training.

    Args:
        model: The compiled model.
        batches: The batches of one epoch.
        done: How many batches of the first epoch an earlier process has done.
        data: The arguments of `model.fit` that say what it is fitted on.
        callbacks: The list of callbacks.
        options: The options `initial_epoch`, `epochs` and `verbose` of `model.fit`.
    """
    first, epoch = options["initial_epoch"], batches.epoch
    rest = without_autotune(RestOfEpoch(batches, done))
    end = callbacks.on_train_end
    callbacks.on_train_end = lambda logs=None: None
    model.fit(**{**data, "x": rest}, callbacks=callbacks, **{**options, "epochs": first + 1})
    callbacks.on_train_end = end
    if model.stop_training or first + 1 == options["epochs"]:
        end()
        return model.history
    # On TensorFlow a callback sets it; on JAX Keras does, but only after whole epochs.
    batches.epoch = epoch + 1
    callbacks.on_train_begin = lambda logs=None: None
    return model.fit(**data, callbacks=callbacks, **{**options, "initial_epoch": first + 1})
