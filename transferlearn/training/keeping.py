"""Which weights a phase ends with: the last, the best, or the last finite ones."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from transferlearn.data import iterate
from transferlearn.schedules import Phase

_LOOK_EVERY = 10  # seconds: looking at the loss makes the device wait
_MOST_NAMED = 40  # a batch or so
_EXPLODED = 1000  # times the lowest loss so far, or 1 where that is less


class Keeping(keras.callbacks.Callback):
    """Ends a phase with the weights of its best epoch, and stops where the loss is lost.

    Args:
        phase: Says what to keep.
        before: Metrics of the weights that the phase begins with, where they are known.

    Attributes:
        metrics: Of the weights that are kept.
        note: Which they are, and why; empty where that was not asked for.
        lost: The loss that ended the phase, or `None`.
    """

    async_safe = True  # else Keras waits for each step

    def __init__(self, phase: Phase, before: Mapping[str, Any]) -> None:
        super().__init__()
        self.metrics: dict[str, Any] = dict(before)
        self.note = ""
        self.lost: float | None = None
        self._phase = phase
        self._before = score(before)
        self._best = self._before
        self._kept = self._epochs = 0
        self._lowest = math.inf
        self._looked = time.monotonic()

    def on_train_begin(self, logs: Any = None) -> None:
        """Keras's hook."""
        moving = [layer for layer in self.model.layers if layer.trainable_weights]
        self._moving = [weight for layer in moving for weight in layer.weights]
        self._weights = self._newest = self._now()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras's hook."""
        if time.monotonic() - self._looked > _LOOK_EVERY:
            self._look(logs)
            self._looked = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keras's hook."""
        self._epochs += 1
        self._look(logs)
        if self.lost is not None:
            self._restore()
            return
        self._lowest = min(self._lowest, logs["loss"])
        found = score(logs)
        if found is None:  # how good the new weights are, the next epoch will tell
            self._weights, self._newest = self._newest, self._now()
            self.metrics, self._kept = dict(logs), self._epochs
            return
        if self._phase.keep_best:
            if self._best is not None and found <= self._best:
                waited = self._epochs - self._kept
                if self._phase.patience is not None and waited >= self._phase.patience:
                    self.model.stop_training = True
                return
            self._best = found
        self.metrics, self._weights, self._kept = dict(logs), self._now(), self._epochs

    def on_train_end(self, logs: Any = None) -> None:
        """Keras's hook."""
        if self._kept < self._epochs:  # else Keras's EMA of the weights would be lost
            self._restore()
        if not self._phase.keep_best or self.lost is not None:
            return
        if self._best is None:
            self.note = "the last epoch's weights, since nothing is held out"
        elif self._kept:
            self.note = f"the weights of epoch {self._kept} of {self._epochs}, {_said(self._best)}"
            if self._before is not None:
                self.note += f"; before this phase {_said(self._before)}"
        else:
            self.note = f"the weights from before this phase, {_said(self._best)}: no epoch is better"

    def _look(self, logs: Any) -> None:
        limit = _EXPLODED * max(1.0, self._lowest)
        for loss in (float(logs[name]) for name in ("loss", "val_loss") if name in logs):
            if not math.isfinite(loss) or loss > limit:
                self.lost = loss
                self.model.stop_training = True

    def _now(self) -> list[np.ndarray]:
        return [keras.ops.convert_to_numpy(weight) for weight in self._moving]

    def _restore(self) -> None:
        for weight, value in zip(self._moving, self._weights, strict=True):
            weight.assign(value)


def score(metrics: Mapping[str, Any]) -> tuple[float, float] | None:
    """Gives held-out accuracy, and then loss, so that more is better; `None`: nothing held out."""
    if "val_loss" not in metrics:
        return None
    return float(metrics.get("val_accuracy", 0.0)), -float(metrics["val_loss"])


def without_finite_loss(model: keras.Model, batches: Any, names: Sequence[str] | None) -> str:
    """Names the items of batches whose loss is not finite, or the batches; empty: there are none."""
    found: list[str] = []
    for index, batch in enumerate(iterate(batches)):
        x, y, *weight = batch
        loss = model.test_on_batch(x, y, *weight, return_dict=True)["loss"]
        if math.isfinite(float(loss)):
            continue
        rows = getattr(batches, "rows", None)
        known = rows is not None and names is not None
        found += [names[row] for row in rows(index)] if known else [f"batch {index}"]
    return ", ".join(found[:_MOST_NAMED]) + (", ..." if len(found) > _MOST_NAMED else "")


def _said(found: tuple[float, float]) -> str:
    accuracy, loss = found
    return f"val_accuracy {accuracy:.4f}" if accuracy else f"val_loss {-loss:.4f}"
