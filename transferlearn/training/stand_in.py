"""Fits a model of the full model's layers in its place, while callbacks see the full model."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from transferlearn.data.iterating import for_keras
from transferlearn.distributing import together
from transferlearn.folding import on_cpu
from transferlearn.keras_internals import share_first_epoch, share_metrics
from transferlearn.progress.counting import CountingEpochs
from transferlearn.splitting import count_operations
from transferlearn.training.built_metrics import build_metrics
from transferlearn.training.epoch_parts import fit_from_within
from transferlearn.training.keeping import Keeping
from transferlearn.training.memory import PartedBatches
from transferlearn.training.recording import Recorder
from transferlearn.training.wrapped import SetsEpoch
from transferlearn.types import Logs, Metrics, TfData, Verbose

_BATCH_HOOKS = [
    f"on_{mode}batch_{moment}" for mode in ("", "train_", "test_") for moment in ("begin", "end")
]
_BEGIN_HOOKS = ["on_train_begin", "on_epoch_begin"]  # here training may be stopped after one step
_HOOKS = [*_BATCH_HOOKS, *_BEGIN_HOOKS]
# Layers whose steps XLA speeds up on a CPU; it slows convolutions down.
_PLAIN = (
    keras.layers.InputLayer,
    keras.layers.Flatten,
    keras.layers.Dense,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.Activation,
    keras.layers.Dropout,
)
_SMALL_STEP = 2e8  # floating-point operations; below, Python takes longer than the step itself
_STEPS_AT_ONCE = 8  # of small steps


@dataclass(frozen=True, kw_only=True)
class EpochBatches:
    """Holds the batches to train and to validate on in each epoch, and their size.

    Attributes:
        train: The batches to train on.
        validation: The batches to validate on, or `None`.
        batch_size: The number of items in a batch.
    """

    train: keras.utils.PyDataset | TfData
    validation: keras.utils.PyDataset | TfData | None
    batch_size: int

    def in_parts(self, parts: int) -> "EpochBatches":
        """Returns the same batches, those to train on in so many parts each."""
        if parts == 1 or not isinstance(self.train, keras.utils.PyDataset):
            return self
        size = -(-self.batch_size // parts)
        return replace(self, train=PartedBatches(self.train, parts), batch_size=size)


def fit(
    model: keras.Model,
    stand_in: keras.Model,
    batches: EpochBatches,
    *,
    metrics: Metrics,
    callbacks: Sequence[keras.callbacks.Callback],
    keeping: Keeping,
    recorder: Recorder | None,
    first: Sequence[keras.callbacks.Callback],
    in_time: Sequence[keras.callbacks.Callback],
    begun: int,
    epochs: int,
    verbose: Verbose,
) -> keras.callbacks.History:
    """Fits `stand_in` with the model's optimizer and loss, as `model.fit` would.

    Args:
        model: The full, compiled model, which callbacks see.
        stand_in: A model of the same layers, all trained ones included; or the model itself.
        batches: The batches of the stand-in's inputs.
        metrics: New metrics, which nothing has been counted in.
        callbacks: Keras callbacks.
        keeping: The callback that keeps weights; it runs after those that restore weights and
            before the others, and need not see every step.
        recorder: The callback that knows how far an earlier process came, or `None`.
        first: Callbacks that add to the logs, so that all others see it.
        in_time: The callback that stops where time is limited, if it is; it comes last.
        begun: The number of epochs before this phase.
        epochs: The number of epochs of this phase.
        verbose: What is shown, as in `model.fit`.
    """
    done = recorder.epochs if recorder else 0
    by_epoch = getattr(batches.train, "by_epoch", False)
    if by_epoch and isinstance(batches.train, keras.utils.PyDataset):
        batches.train.epoch = done
    # A phase that a callback had stopped only ends once more.
    last = done if recorder and recorder.stopped else epochs
    options = {"initial_epoch": begun + done, "epochs": begun + last, "verbose": verbose}
    train, validation = map(for_keras, (batches.train, batches.validation))
    data = {"x": train, "validation_data": validation, "shuffle": False}
    # After callbacks that restore weights when training ends, so that it sees what they restored.
    place = max((i for i, callback in enumerate(callbacks, 1) if restores(callback)), default=0)
    followed = [*first, *callbacks[:place], keeping, *callbacks[place:]]
    followed += [*([recorder] if recorder else []), *in_time]
    if train is not batches.train:  # it passes on none of Keras's hooks
        followed.insert(0, SetsEpoch(batches.train, begun))
    part = recorder.batches if recorder else 0
    if stand_in is model and not part:
        with together([model]):
            return model.fit(**data, callbacks=followed, **options)
    others = [callback for callback in callbacks if not isinstance(callback, CountingEpochs)]
    watched = any(_overrides(callback, hook) for callback in others for hook in _HOOKS)
    small = 3 * batches.batch_size * count_operations(stand_in) < _SMALL_STEP
    several = small and not watched and keras.backend.backend() != "torch"  # Keras refuses it there
    gains_from_jit = _gains_from_jit(stand_in, model.optimizer, model.loss, metrics)
    if stand_in is not model:
        stand_in.compile(
            optimizer=model.optimizer,
            loss=model.loss,
            metrics=metrics,
            jit_compile=True if gains_from_jit else "auto",
            steps_per_execution=_STEPS_AT_ONCE if several else 1,
            auto_scale_loss=False,  # the optimizer stays the full model's own object
        )
    model.optimizer.build(model.trainable_variables)
    model.stop_training = False
    build_metrics(stand_in, batches.train)
    steps = len(batches.train) if isinstance(batches.train, keras.utils.PyDataset) else None
    linked = _LinkedCallbacks(followed, model, stand_in, watched, steps=steps, **options)
    if part and isinstance(batches.train, keras.utils.PyDataset):
        return fit_from_within(stand_in, batches.train, part, data, linked, options)
    with together([model, stand_in]):
        return stand_in.fit(**data, callbacks=linked, **options)


def end_early(
    model: keras.Model, stand_in: keras.Model, keeping: Keeping
) -> keras.callbacks.History | None:
    """Ends a phase after something was raised in it, with its best weights so far.

    Args:
        model: The full model.
        stand_in: The model that was fitted.
        keeping: The callback that keeps weights.

    Returns:
        The history of the epochs that had ended; `None` if there are none, and the model has the
        weights from before the phase.
    """
    if keeping.epochs is None:
        return None
    if keras.backend.backend() == "jax":
        stand_in.jax_state_sync()  # the step that was running holds the weights
    keeping.end_early()
    return model.history if keeping.epochs else None


def restores(callback: keras.callbacks.Callback) -> bool:
    """Returns whether a callback, at the end, puts the weights of its best epoch back."""
    return isinstance(callback, keras.callbacks.EarlyStopping) and callback.restore_best_weights


class _LinkedCallbacks(keras.callbacks.CallbackList):
    """Shows callbacks the full model while the stand-in runs, and hands on what they stop there."""

    def __init__(
        self,
        callbacks: list[keras.callbacks.Callback],
        model: keras.Model,
        stand_in: keras.Model,
        watched: bool,
        **options: Any,
    ) -> None:
        self._full, self._stand_in, self._watched = model, stand_in, watched
        self._steps = options["steps"]
        super().__init__(
            callbacks,
            add_history=True,
            add_progbar=options["verbose"] != 0,
            model=model,
            **options,
        )
        stand_in.history = model.history

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        share_first_epoch(self._stand_in, self._full)
        self._stop()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self._stop()

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._show()
        super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._show()
        if self._steps:  # Keras counts the last steps at once beyond the end of the epoch
            batch = min(batch, self._steps - 1)
        super().on_train_batch_end(batch, logs)
        self._stop()

    def on_test_begin(self, logs: Logs = None) -> None:
        self._full.stop_evaluating = False
        super().on_test_begin(logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._show()
        super().on_test_batch_begin(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._show()
        super().on_test_batch_end(batch, logs)
        self._stand_in.stop_evaluating = self._full.stop_evaluating

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        # Callbacks ask the full model's metrics whether more of one is better.
        share_metrics(self._full, self._stand_in)
        super().on_epoch_end(epoch, logs)
        self._stop()

    def _show(self) -> None:
        """Puts the newest weights into the model, on JAX, if a callback may look at them."""
        # On JAX the running step holds the weights until they are asked for.
        if self._watched and keras.backend.backend() == "jax":
            self._stand_in.jax_state_sync()

    def _stop(self) -> None:
        """Copies `stop_training`, which a callback may have set, from the full model."""
        self._stand_in.stop_training = self._full.stop_training


def _overrides(callback: keras.callbacks.Callback, hook: str) -> bool:
    """Returns whether a callback has code for a hook; Keras's own at an epoch's start is none."""
    own = getattr(getattr(callback, hook), "__func__", None)
    if hook in _BEGIN_HOOKS and _is_keras(callback) and own is not None:
        return False
    return own is not getattr(keras.callbacks.Callback, hook)


def _gains_from_jit(
    model: keras.Model, optimizer: keras.Optimizer, loss: object, metrics: Metrics
) -> bool:
    """Returns whether XLA makes a model's steps faster on a CPU, and no less exact.

    XLA fuses the optimizer's updates: a Dense layer of 8 million weights steps in 11 ms, not 22.
    Its random numbers differ, so models with Dropout are left alone, and on a CPU its convolutions
    are slow.
    """
    if keras.backend.backend() != "tensorflow" or not on_cpu():
        return False
    random = [x for x in model.layers if getattr(x, "rate", 0.0)]
    plain = all(type(operation) in _PLAIN for operation in model.operations)
    exact = all(getattr(x, "compute_dtype", "float32") == "float32" for x in model.layers)
    parts = (optimizer, loss, *metrics)
    known = all(isinstance(part, str) or _is_keras(part) for part in parts)
    return plain and exact and known and not random


def _is_keras(part: object) -> bool:
    """Returns whether an object's class is one of Keras's."""
    return type(part).__module__.split(".")[0] == "keras"


@contextlib.contextmanager
def plain_failures(batches: EpochBatches) -> Iterator[None]:
    """Raises the error of the data itself in the place of TensorFlow's long message about it."""
    try:
        yield
    except Exception as error:
        for source in (batches.train, batches.validation):
            if (failure := getattr(source, "failure", None)) not in (None, error):
                raise failure from None
        raise
