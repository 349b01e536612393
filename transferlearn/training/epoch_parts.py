"""Fits a model from the middle of an epoch on, as if the part before had just been done."""

from typing import Any

import keras

from transferlearn.data.iterating import without_autotune
from transferlearn.json_fields import Json
from transferlearn.training.wrapped import RestOfEpoch


def fit_from_within(
    model: keras.Model,
    batches: keras.utils.PyDataset,
    done: int,
    data: Json,
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
