"""Decides which weights a phase ends with: the last, the best, or those before it went wrong."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import numpy as np

from transferlearn.distributing import processes
from transferlearn.json_fields import Json
from transferlearn.schedules import Phase
from transferlearn.tasks import Score
from transferlearn.types import Logs
from transferlearn.wording import counted

_LOOK_EVERY = 10  # seconds: looking at the loss makes a GPU wait
_EXPLODED = 1000  # a loss is lost above so many times the lowest so far, taken as 1 at least

_DROPOUT = 0.1  # by which the training loss may be larger for Dropout and augmentation alone
_INTERVAL = 1.96  # standard errors to either side, in 95% of all cases


class _State(NamedTuple):
    """Holds the weights and metrics at the end of an epoch, or from before the phase.

    Attributes:
        epoch: The number of the epoch in the phase, from 1 on; 0 means before the phase.
        shown: The number of the epoch in the whole training, as progress bars show it.
        metrics: The logs of the epoch.
        weights: The values of the weights that move, in the order of the layers.
    """

    epoch: int
    shown: int
    metrics: Json
    weights: list[np.ndarray]

    @property
    def loss(self) -> float:
        """The held-out loss, or infinity if nothing is held out."""
        return float(self.metrics.get("val_loss", math.inf))

    def rank(self, score: Score) -> tuple[float, float]:
        """The held-out score and the negative held-out loss: the greater tuple is better."""
        return score.rank(self.metrics), -self.loss

    def beats(self, later: "_State", score: Score, items: int | None) -> bool:
        """Returns whether this state is clearly better than a later one.

        It is if its score is better by more than the score's standard error. If no score is known,
        or if the loss tells more than the score, it is if its loss is lower.

        Args:
            later: The state that it is compared with.
            score: The score that ranks states.
            items: The number of held-out items, or `None` if it is unknown.
        """
        if score.by_loss:
            return self.loss < later.loss
        if score.key not in self.metrics:
            return self.rank(score) > later.rank(score)
        return self.rank(score)[0] - later.rank(score)[0] > self.error(score, items)

    def beside(self, other: "_State", score: Score, items: int | None) -> str:
        """Describes how much better or worse this state's score is, and how sure that is."""
        known = score.key in self.metrics and score.key in other.metrics
        if not items or not known or score.by_loss:
            return ""
        difference = self.rank(score)[0] - other.rank(score)[0]
        # As if both were measured on different items: on the same ones, chance moves it less.
        error = _INTERVAL * math.hypot(self.error(score, items), other.error(score, items))
        return (
            f"; the difference is {difference:+.4f}, on {counted(items, 'held-out item')}, with "
            f"a 95% interval from {difference - error:+.4f} to {difference + error:+.4f}"
        )

    def error(self, score: Score, items: int | None) -> float:
        """Returns the standard error of the held-out score; 0 where the items are not counted."""
        return score.standard_error(float(self.metrics[score.key]), items) if items else 0.0

    def shown_as(self, score: Score) -> str:
        """Describes from which epoch the weights are, and how good they are."""
        which = f"of epoch {self.shown}" if self.epoch else "from before this phase"
        for name in ("val_loss",) if score.by_loss else (score.key, "val_loss"):
            if name in self.metrics and math.isfinite(self.metrics[name]):
                return f"{which} ({name} {float(self.metrics[name]):.4f})"
        return which


class Keeping(keras.callbacks.Callback):
    """Chooses the weights a phase ends with; stops it when patience runs out or the loss is lost.

    A loss is lost when it is not finite, or has grown far above the lowest one before.

    Args:
        phase: The phase, which says what to keep.
        score: The score that ranks weights.
        before: The metrics of the weights that the phase begins with; empty if they are unknown.
        begun: The number of epochs before the phase.
        held_out: The number of items to validate on, or `None` if it is unknown.
        guard: The cross-validated loss of the solved head; a phase whose training loss ends clearly
            above it has done damage. `None`: no head was solved.
        restoring: Callbacks that come before this one, and may put an earlier epoch's weights back.

    Attributes:
        metrics: The metrics of the weights that are kept.
        note: Which weights are kept, and why; empty if the phase keeps the last ones.
        kept_epoch: The epoch whose weights are kept, counted as in `PhaseResult`.
        lost: The loss that ended the phase, or `None`.
        epochs: How many epochs of the phase have ended; `None` before it begins.
    """

    async_safe = True  # else Keras waits for the result of each step

    def __init__(
        self,
        phase: Phase,
        score: Score,
        before: Mapping[str, object],
        *,
        begun: int = 0,
        held_out: int | None = None,
        guard: float | None = None,
        restoring: Sequence[keras.callbacks.EarlyStopping] = (),
    ) -> None:
        super().__init__()
        self.metrics: Json = dict(before)
        self.note = ""
        self.kept_epoch: int | None = None
        self.lost: float | None = None
        self.epochs: int | None = None
        self._phase = phase
        self._score = score
        self._begun = begun
        self._held_out = held_out
        self._guard = math.inf if guard is None else guard
        self._restoring = restoring
        # Without weights, by the number of the epoch that callbacks are told.
        self._remembered: dict[int, _State] = {}
        self._lowest = math.inf
        self._looked = time.monotonic()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Remembers the weights that the phase begins with."""
        # All weights of these layers: BatchNorm's statistics move, too.
        moving = [layer for layer in self.model.layers if layer.trainable]
        self._moving = [weight for layer in moving for weight in layer.weights]
        self._good = self._newest = self._best = self._state(0, self.metrics)
        self.epochs = 0

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Checks every ten seconds whether the loss is lost."""
        # Each process looks at a time of its own, and all must end with the same step.
        if time.monotonic() - self._looked > _LOOK_EVERY and processes().count == 1:
            assert logs is not None  # Keras passes them to this hook
            self._check_loss(logs)
            self._looked = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Checks the loss, remembers the epoch's weights, and stops once patience has run out."""
        assert logs is not None  # Keras passes them to this hook
        self._check_loss(logs)
        if self.lost is not None:
            self._restore(self._good)
            return
        self._lowest = min(self._lowest, logs["loss"])
        new = self._state(self._newest.epoch + 1, logs)
        self._remembered[epoch] = new._replace(weights=[])
        self.epochs = new.epoch
        # The training loss is of the steps before: whether it stays finite with these weights is
        # known only from a held-out loss, or else after the next epoch.
        self._good, self._newest = (new if "val_loss" in logs else self._newest), new
        if self._phase.keep == "best":
            if new.rank(self._score) > self._best.rank(self._score):
                self._best = new
            elif self._phase.patience and new.epoch - self._best.epoch >= self._phase.patience:
                self.model.stop_training = True

    def get_state(self, *, within: bool = False) -> Json:
        """Returns what is remembered, as a state of a run holds it.

        Args:
            within: Whether an epoch has begun; else the weights of the newest epoch are those that
                the model has, and are left out.
        """
        remembered = {str(epoch): state._asdict() for epoch, state in self._remembered.items()}
        return {
            "newest": (self._newest if within else self._newest._replace(weights=[]))._asdict(),
            "good": None if self._good is self._newest else self._good._asdict(),
            "best": None if self._best is self._newest else self._best._asdict(),
            "remembered": remembered,
            "lowest": self._lowest,
            "lost": self.lost,
        }

    def set_state(self, state: Json) -> None:
        """Remembers what `get_state` gave, once the model has the weights of that epoch again."""
        newest = _State(**state["newest"])
        self._newest = newest if newest.weights else self._state(newest.epoch, newest.metrics)
        self.epochs = newest.epoch
        self._good = _State(**state["good"]) if state["good"] else self._newest
        self._best = _State(**state["best"]) if state["best"] else self._newest
        remembered = state["remembered"].items()
        self._remembered = {int(epoch): _State(**kept) for epoch, kept in remembered}
        self._lowest, self.lost = state["lowest"], state["lost"]

    def on_train_end(self, logs: Logs = None) -> None:
        """Chooses the weights to keep, and puts them into the model if it has others."""
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

    def end_early(self) -> None:
        """Ends the phase in the middle of an epoch, with what the epochs before came to."""
        self._restore(self._newest)
        for callback in self._restoring:
            if callback.best_weights is not None:
                self.model.set_weights(callback.best_weights)
        if self.epochs:
            self.on_train_end()

    def _restored(self) -> _State | None:
        """Returns the state of the epoch whose weights a callback has put back, or `None`."""
        for callback in reversed(self._restoring):
            if callback.best_weights is not None and callback.best_epoch in self._remembered:
                return self._remembered[callback.best_epoch]
        return None

    def _choice(self, *, lost: bool) -> tuple[_State, str]:
        """Returns the state whose weights are kept, and the reason in words."""
        # Unless the phase keeps the best epoch, `_best` is still the state before the phase.
        best, last = self._best, self._good if lost else self._newest
        if self._phase.keep == "best" and "val_loss" in best.metrics:
            return best, f"the best of {counted(self._newest.epoch, 'epoch')}"
        if (
            self._phase.keep == "better"
            and last.epoch
            and last.metrics["loss"] > self._guard + _DROPOUT
        ):
            return best, (
                f"since training came to a loss of {last.metrics['loss']:.4f}, above the "
                f"{self._guard:.4f} that the solved head had in cross-validation"
            )
        if lost:
            return last, "the last before the loss was lost"
        if "val_loss" not in last.metrics:
            return last, "the last, since nothing is held out"
        difference = last.beside(best, self._score, self._held_out)
        if self._phase.keep == "better" and best.beats(last, self._score, self._held_out):
            return best, f"better than those {last.shown_as(self._score)}{difference}"
        if not best.metrics:
            return last, "the last"
        return last, f"not clearly beaten by those {best.shown_as(self._score)}{difference}"

    def _check_loss(self, logs: Mapping[str, float]) -> None:
        """Stops training if a loss is not finite, or is far above the lowest so far."""
        limit = _EXPLODED * max(1.0, self._lowest)
        for loss in (float(logs[name]) for name in ("loss", "val_loss") if name in logs):
            if not math.isfinite(loss) or loss > limit:
                self.lost = loss
                self.model.stop_training = True

    def _state(self, epoch: int, metrics: Mapping[str, object]) -> _State:
        """Copies the weights that the model has now, with their epoch and metrics."""
        weights = [keras.ops.convert_to_numpy(weight) for weight in self._moving]
        return _State(epoch, self._begun + epoch, dict(metrics), weights)

    def _restore(self, state: _State) -> None:
        """Puts the weights of a state into the model."""
        for weight, value in zip(self._moving, state.weights, strict=True):
            weight.assign(value)
