"""Writes down where a training is, after each epoch, and takes it up there again."""

import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from transferlearn.data.messages import notice
from transferlearn.json_fields import Json
from transferlearn.resuming import RunFolder, State
from transferlearn.training.keeping import Keeping
from transferlearn.types import Logs

_EVERY = 600.0  # seconds between states within an epoch
# What Keras's own callbacks remember from epoch to epoch; these classes have no `get_state`.
_REMEMBERED: dict[type[keras.callbacks.Callback], tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "stopped_epoch", "best", "best_epoch", "best_weights"),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: ("best", "_batches_seen_since_last_saving"),
    keras.callbacks.History: ("epoch", "history"),
    keras.callbacks.LearningRateScheduler: (),
    keras.callbacks.TerminateOnNaN: (),
}


@dataclass(frozen=True)
class Changing:
    """Holds all that changes while a phase is trained.

    Attributes:
        variables: All variables that may have changed by now, or will, but for the optimizer's.
        fitted: The model whose steps are taken: the full model, or one in its place.
        keeping: The callback that keeps weights.
        callbacks: The user's callbacks.
    """

    variables: Sequence[keras.Variable]
    fitted: keras.Model
    keeping: Keeping
    callbacks: Sequence[keras.callbacks.Callback]

    def state(self, optimizer: keras.Optimizer, *, within: bool) -> State:
        """Returns what all of this is now, at the end of an epoch or, with `within`, inside one."""
        return {
            "variables": values_of([*self.variables, *optimizer.variables]),
            "metrics": values_of(self.fitted.metrics_variables) if within else [],
            "keeping": self.keeping.get_state(within=within),
            "callbacks": states_of(self.callbacks),
            "random": random_states(),
        }

    def set_state(self, state: State, optimizer: keras.Optimizer) -> None:
        """Makes all of this what it was, but for metrics, which begin anew with an epoch."""
        assign_all([*self.variables, *optimizer.variables], state["variables"])
        self.keeping.set_state(state["keeping"])
        set_states(self.callbacks, state["callbacks"])
        set_random_states(state["random"])


class Recorder(keras.callbacks.Callback):
    """Writes a state after each epoch of a phase, and every ten minutes within one.

    It takes up the state that it is given.

    It comes after all other callbacks: what they do at the end of an epoch belongs to the state.

    Args:
        folder: The folder of the run.
        phase: The number of the phase, counted from 0.
        changing: All that changes while the phase is trained.
        within: The state to take up when the phase begins, or `None`.
        steps: How many batches an epoch has; `None` where a stream does not give them by number,
            so that no state is written within an epoch.
        parts: The number of parts in which each batch is taken, see `in_parts_that_fit`.

    Attributes:
        epochs: How many epochs of the phase have ended, those of earlier processes included.
        batches: How many batches of the next epoch an earlier process has done.
        history: The logs of these epochs by name, as a Keras `History` holds them.
        stopped: Whether a callback had stopped the phase after the last of these epochs.
    """

    async_safe = True  # else Keras waits for the result of each step

    def __init__(
        self,
        folder: RunFolder,
        phase: int,
        changing: Changing,
        within: State | None,
        steps: int | None,
        parts: int,
    ) -> None:
        super().__init__()
        self._steps = steps
        self._parts = parts
        self._left = False
        self._written = time.monotonic()
        self._folder = folder
        self._phase = phase
        self._changing = changing
        self._within = within
        self.epochs = 0 if within is None else int(within["epochs"])
        self.history: dict[str, list[float]] = {} if within is None else within["history"]
        self.stopped = within is not None and bool(within["stopped"])
        self.batches = 0 if within is None else int(within["batches"])

    def on_train_begin(self, logs: Logs = None) -> None:
        """Takes the state up, once all other callbacks are as they are at the start of a phase."""
        # Its variables are made only now, where nothing has been trained with it.
        self.model.optimizer.build(self.model.trainable_variables)
        if self._within is not None:
            self._changing.set_state(self._within, self.model.optimizer)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Goes on counting metrics where an epoch is taken up in its middle."""
        if self.batches and self._within is not None:
            assign_all(self._changing.fitted.metrics_variables, self._within["metrics"])

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Writes a state every ten minutes."""
        if time.monotonic() - self._written >= _EVERY:
            self._write_within(batch)

    def leave(self, batch: int) -> None:
        """Writes the state within an epoch that this process does not go on with."""
        self._left = True
        self._write_within(batch)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Writes the state that the epoch ended in, unless only a part of it was done."""
        self.epochs += 1
        self.batches = 0
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        if not self._left:
            self._write(0)

    @property
    def _averages(self) -> bool:
        """Returns whether the optimizer averages weights."""
        optimizer = self.model.optimizer
        return bool(getattr(optimizer, "inner_optimizer", optimizer).use_ema)

    def _write_within(self, batch: int) -> None:
        """Writes the state after a batch, if an epoch can be taken up there."""
        done = self.batches + batch + 1
        # Keras averages weights once more wherever `fit` ends, so then an epoch is not parted.
        if self._steps is not None and done < self._steps and not self._averages:
            if keras.backend.backend() == "jax":
                self._changing.fitted.jax_state_sync()
            self._write(done)

    def _write(self, batches: int) -> None:
        """Writes the state after so many batches of the epoch that comes after those that ended."""
        state = {
            "epochs": self.epochs,
            "batches": batches,
            "parts": self._parts,
            "history": self.history,
            "stopped": bool(self.model.stop_training),
            **self._changing.state(self.model.optimizer, within=batches > 0),
        }
        self._folder.save_within(self._phase, self.epochs, batches, state)
        self._written = time.monotonic()

    def joined(self, history: keras.callbacks.History, begun: int) -> keras.callbacks.History:
        """Returns the history of the whole phase.

        Args:
            history: The history of this process.
            begun: The number of epochs before this phase.
        """
        whole = keras.callbacks.History()
        whole.params, whole.history = history.params, self.history
        whole.epoch = [*range(begun, begun + self.epochs)]
        return whole


def variables_of(
    models: Iterable[keras.Model | keras.Layer], still: frozenset[int]
) -> list[keras.Variable]:
    """Lists the variables of models once each, random states included, but no metrics.

    Args:
        models: The models; they may share variables.
        still: The `id`s of variables that are left out, since they never change.
    """
    found = {id(v): v for model in models for v in model.variables}
    counted = {id(v) for model in models for v in model.metrics_variables}
    return [v for key, v in found.items() if key not in counted | still]


def values_of(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Copies the values of variables."""
    return [np.array(keras.ops.convert_to_numpy(v.value)) for v in variables]


def assign_all(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    """Sets the values of variables; refuses other shapes, which are of another network.

    Raises:
        ValueError: The number or a shape differs.
    """
    if [tuple(v.shape) for v in variables] != [value.shape for value in values]:
        raise ValueError("The state of the run is that of another network: choose a new folder.")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def say_inexact(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Names the callbacks whose own state cannot be written down."""
    if unknown := [type(x).__name__ for x in callbacks if not _has_state(x)]:
        notice(
            f"What these callbacks remember is not written down, so a run that goes on may differ: "
            f"{', '.join(unknown)}. Give them get_state(), which gives numbers, strings, arrays, "
            "lists or dicts, and set_state(state)."
        )


def states_of(callbacks: Sequence[keras.callbacks.Callback]) -> list[object]:
    """Asks each callback for its state; `None` where it has none."""
    return [_state_of(callback) for callback in callbacks]


def set_states(callbacks: Sequence[keras.callbacks.Callback], states: Sequence[object]) -> None:
    """Sets each callback to the state that it had."""
    for callback, state in zip(callbacks, states, strict=True):
        if type(callback) in _REMEMBERED:
            vars(callback).update(state)
        elif _has_state(callback):
            callback.set_state(state)


def random_states() -> Json:
    """Returns the random states of Python and NumPy; those of Keras are variables."""
    version, words, rest = random.getstate()
    of_numpy: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    return {"python": [version, list(words), rest], "numpy": of_numpy}


def set_random_states(states: Json) -> None:
    """Sets the random states that `random_states` gave."""
    version, words, rest = states["python"]
    random.setstate((version, tuple(words), rest))
    np.random.set_state(states["numpy"])  # noqa: NPY002


def _has_state(callback: keras.callbacks.Callback) -> bool:
    """Returns whether the state of a callback can be written down and set."""
    own = hasattr(callback, "get_state") and hasattr(callback, "set_state")
    return own or type(callback) in _REMEMBERED


def _state_of(callback: keras.callbacks.Callback) -> object:
    """Returns the state of a callback."""
    if type(callback) in _REMEMBERED:
        held = vars(callback)
        return {name: held[name] for name in _REMEMBERED[type(callback)] if name in held}
    return callback.get_state() if _has_state(callback) else None
