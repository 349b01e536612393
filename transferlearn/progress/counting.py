"""Counts the steps of Keras's own loops as steps of the work that is shown."""

from collections.abc import Mapping

import keras

from transferlearn.json_fields import Json
from transferlearn.progress.showing import current
from transferlearn.progress.work import Stage, figures


class Counting(keras.callbacks.Callback):
    """Counts the items of `model.predict`.

    Args:
        stage: The stage of the work, whose steps are items.
        batch_size: The number of items in a batch.
    """

    async_safe = True  # else Keras waits for the result of each step

    def __init__(self, stage: Stage, batch_size: int) -> None:
        super().__init__()
        self._stage, self._batch_size = stage, batch_size

    def on_predict_batch_end(self, batch: int, logs: object = None) -> None:
        """Counts the items of a batch."""
        done = (batch + 1) * self._batch_size
        self._stage.reach(done if self._stage.steps is None else min(done, self._stage.steps))


class CountingEpochs(keras.callbacks.ProgbarLogger):
    """Counts the epochs of `model.fit` and the batches within, and shows the figures of each epoch.

    Keras adds no bar of its own beside a `ProgbarLogger`.

    Args:
        stage: The stage of the work, whose steps are epochs.
        epochs: The number of epochs of the whole training.
        begun: The number of epochs before this stage.
        training: The share of an epoch's time that goes to the batches to train on.
    """

    async_safe = True  # else Keras waits for the result of each step

    def __init__(self, stage: Stage, *, epochs: int, begun: int, training: float) -> None:
        super().__init__()
        self._work, self._stage = current(), stage
        self._total, self._begun, self._training = epochs, begun, training

    def set_params(self, params: Json) -> None:
        """Takes the number of batches in an epoch, which a solved head has none of."""
        self.target = params.get("steps")

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Shows which epoch begins."""
        self._total = max(self._total, epoch + 1)
        self._stage.words = f"epoch {epoch + 1} of {self._total}"
        self._before = epoch - self._begun

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Counts a batch."""
        if self.target:
            share = min(1.0, (batch + 1) / self.target)
            self._stage.reach(self._before + share * self._training)
        self._stage.logs = logs or {}

    def on_test_begin(self, logs: object = None) -> None:
        """Does nothing, since the epoch goes on."""

    def on_test_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Does nothing, since the epoch goes on."""

    def on_test_end(self, logs: object = None) -> None:
        """Does nothing, since the epoch goes on."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Shows the figures of the epoch."""
        self._stage.reach(self._before + 1.0)
        self._work.result(f"Epoch {epoch + 1} of {self._total}: {figures(logs or {})}")
