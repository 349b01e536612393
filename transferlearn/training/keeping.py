"""Which weights a phase ends with: the last, the best, or the last finite ones."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from transferlearn.data.batches import ItemBatches
from transferlearn.data.iterating import iterate
from transferlearn.schedules import Phase
from transferlearn.tasks import Score

_LOOK_EVERY = 10  # seconds: looking at the loss makes the device wait
_MOST_NAMED = 40  # a batch or so
_EXPLODED = 1000  # times the lowest loss so far, or 1 where that is less


Refitted = dict[int, np.ndarray]  # by the `id` of the Keras variable


class _State(NamedTuple):
    """Weights at the end of an epoch of the phase, counted from 1; 0: before the phase.

    `shown` is its number in the whole training, as progress bars show it.
    """

    epoch: int
    shown: int
    metrics: dict[str, Any]
    weights: list[np.ndarray]

    @property
    def loss(self) -> float:
        """Gives the held-out loss; infinite where there is none."""
        return float(self.metrics.get("val_loss", math.inf))

    def rank(self, score: Score) -> tuple[float, float]:
        """Gives the held-out score and then the loss, so that more is better."""
        return score.rank(self.metrics), -self.loss

    def beats(self, later: "_State", score: Score, items: int | None) -> bool:
        """Says whether its score is clearly better, or where there is none its loss lower.

        Clearly: by more than the standard error of such a score of so many items.
        """
        if score.key not in self.metrics:
            return self.rank(score) > later.rank(score)
        value = float(self.metrics[score.key])
        error = score.standard_error(value, items) if items else 0.0
        return self.rank(score)[0] - later.rank(score)[0] > error

    def shown_as(self, score: Score) -> str:
        """Says of which epoch it is, and how good."""
        which = f"of epoch {self.shown}" if self.epoch else "from before this phase"
        for name in (score.key, "val_loss"):
            if name in self.metrics and math.isfinite(self.metrics[name]):
                return f"{which} ({name} {float(self.metrics[name]):.4f})"
        return which


class Keeping(keras.callbacks.Callback):
    """Ends a phase with the weights that are to be kept, and stops where the loss is lost.

    Args:
        phase: Says what to keep.
        score: Ranks weights.
        before: Metrics of the weights that the phase begins with, where they are known.
        refitted: What to go back to in the place of some of those weights.
        begun: Epochs that there were before the phase.
        held_out: How many items there are to validate on, if that is known.
        restoring: Callbacks that come before this one, and may put an earlier epoch's weights back.

    Attributes:
        metrics: Of the weights that are kept.
        note: Which they are, and why; empty where that was not asked for.
        kept_epoch: As of a `PhaseResult`.
        lost: The loss that ended the phase, or `None`.
    """

    async_safe = True  # else Keras waits for each step

    def __init__(
        self,
        phase: Phase,
        score: Score,
        before: Mapping[str, Any],
        refitted: Refitted,
        begun: int = 0,
        held_out: int | None = None,
        restoring: Sequence[Any] = (),
    ) -> None:
        super().__init__()
        self.metrics: dict[str, Any] = dict(before)
        self.note = ""
        self.kept_epoch: int | None = None
        self.lost: float | None = None
        self._phase = phase
        self._score = score
        self._refitted = refitted
        self._begun = begun
        self._held_out = held_out
        self._restoring = restoring
        self._told: dict[int, _State] = {}  # without weights, by the epoch's number for callbacks
        self._lowest = math.inf
        self._looked = time.monotonic()

    def on_train_begin(self, logs: Any = None) -> None:
        """Keras's hook."""
        moving = [layer for layer in self.model.layers if layer.trainable]
        self._moving = [weight for layer in moving for weight in layer.weights]
        # What a training loss says is known only when the next epoch has begun with its weights.
        before = self._state(0, self.metrics)
        pairs = zip(self._moving, before.weights, strict=True)
        kept = [self._refitted.get(id(weight), value) for weight, value in pairs]
        self._good = self._newest = self._best = before._replace(weights=kept)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras's hook."""
        if time.monotonic() - self._looked > _LOOK_EVERY:
            self._look(logs)
            self._looked = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keras's hook."""
        self._look(logs)
        if self.lost is not None:
            self._restore(self._good)
            return
        self._lowest = min(self._lowest, logs["loss"])
        new = self._state(self._newest.epoch + 1, logs)
        self._told[epoch] = new._replace(weights=[])
        self._good, self._newest = (new if "val_loss" in logs else self._newest), new
        if self._phase.keep == "best":
            if new.rank(self._score) > self._best.rank(self._score):
                self._best = new
            elif self._phase.patience and new.epoch - self._best.epoch >= self._phase.patience:
                self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Keras's hook."""
        ended = self._newest
        self._newest = self._restored() or ended
        lost = self.lost is not None and self._newest is ended
        kept, reason = self._choice(lost=lost)
        self.metrics = kept.metrics
        if kept is not self._newest or lost:  # else Keras's EMA would be undone
            self._restore(kept)
        if kept is not ended or lost:
            self.kept_epoch = kept.epoch
        if self._phase.keep != "last":
            self.note = f"the weights {kept.shown_as(self._score)}, {reason}"

    def _restored(self) -> _State | None:
        for callback in reversed(self._restoring):
            if callback.best_weights is not None and callback.best_epoch in self._told:
                return self._told[callback.best_epoch]
        return None

    def _choice(self, *, lost: bool) -> tuple[_State, str]:
        """What is kept, and why; `_best` is what was before where only the end counts."""
        best, last = self._best, self._newest
        if self._phase.keep == "best" and "val_loss" in best.metrics:
            return best, f"the best of {last.epoch} epochs"
        if lost:
            return self._good, "the last before the loss was lost"
        if "val_loss" not in last.metrics:
            return last, "the last, since nothing is held out"
        if self._phase.keep == "better" and best.beats(last, self._score, self._held_out):
            return best, f"better than those {last.shown_as(self._score)}"
        if not best.metrics:
            return last, "the last"
        return last, f"not clearly beaten by those {best.shown_as(self._score)}"

    def _look(self, logs: Any) -> None:
        limit = _EXPLODED * max(1.0, self._lowest)
        for loss in (float(logs[name]) for name in ("loss", "val_loss") if name in logs):
            if not math.isfinite(loss) or loss > limit:
                self.lost = loss
                self.model.stop_training = True

    def _state(self, epoch: int, metrics: Mapping[str, Any]) -> _State:
        weights = [keras.ops.convert_to_numpy(weight) for weight in self._moving]
        return _State(epoch, self._begun + epoch, dict(metrics), weights)

    def _restore(self, state: _State) -> None:
        for weight, value in zip(self._moving, state.weights, strict=True):
            weight.assign(value)


def without_finite_loss(model: keras.Model, batches: Any, names: Sequence[str] | None) -> str:
    """Names the items of batches whose loss is not finite, or the batches; empty: no such."""
    found: list[str] = []
    for index, batch in enumerate(iterate(batches)):
        x, y, *weight = batch
        model.reset_metrics()  # else Keras 3.13 gives the mean with earlier batches
        loss = model.test_on_batch(x, y, *weight, return_dict=True)["loss"]
        if math.isfinite(float(loss)):
            continue
        if names is not None and isinstance(batches, ItemBatches):
            found += [names[row] for row in batches.rows(index)]
        else:
            found.append(f"batch {index}")
    return ", ".join(found[:_MOST_NAMED]) + (", ..." if len(found) > _MOST_NAMED else "")
