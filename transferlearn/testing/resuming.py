"""Checks that a run that is stopped goes on to exactly the weights of one that is not."""

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from transferlearn.builders import Builder
from transferlearn.fitted import FittedModel
from transferlearn.testing.requiring import require
from transferlearn.types import Logs, Source


class _Killed(BaseException):
    """Ends a run as a killed process ends: nothing is caught, and nothing more is written."""


class _KillAt(keras.callbacks.Callback):
    """Kills a run before the state of an epoch is written.

    Args:
        epoch: The number of the epoch, counted from 0 over all phases; `None`: none is killed.
    """

    def __init__(self, epoch: int | None) -> None:
        super().__init__()
        self._epoch = epoch

    def get_state(self) -> None:
        """Returns nothing, since nothing is remembered."""

    def set_state(self, state: None) -> None:
        """Sets nothing."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Kills the run if it is time."""
        if epoch == self._epoch:
            raise _Killed


def check_resume(builder: Builder, train: Source, **options: Any) -> None:
    """Checks that a run that is killed in each of its epochs ends with the same weights and logs.

    The run is killed in the process, not with it: nothing of it is written after that.

    Args:
        builder: The builder, with a seed.
        train: The items to train on.
        **options: Further arguments of `builder.fit`.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_resume(builder, (x, y), epochs=4)
    """
    require(builder.seed is not None, "Without a seed, no two runs are equal: pass seed=0.")
    callbacks = list(options.pop("callbacks", ()))

    def fit(folder: Path, kill_at: int | None) -> FittedModel:
        return builder.fit(
            train, callbacks=[_KillAt(kill_at), *callbacks], verbose=0, resume=folder, **options
        )

    with tempfile.TemporaryDirectory() as folder:
        whole = fit(Path(folder, "whole"), None)
        parts = Path(folder, "parts")
        for epoch in whole.history.epoch:
            with contextlib.suppress(_Killed):
                fit(parts, epoch)
        _compare(fit(parts, None), whole)
        _compare(fit(parts, None), whole)  # a run that has ended gives its model at once


def _compare(taken_up: FittedModel, whole: FittedModel) -> None:
    """Requires the same weights, to the bit, and the same history and metrics."""
    for weight, expected in zip(taken_up.model.weights, whole.model.weights, strict=True):
        value, wanted = (keras.ops.convert_to_numpy(x) for x in (weight, expected))
        require(
            bool(np.array_equal(value, wanted)),
            f"{weight.path} must be what it is in a run that was not stopped.",
        )
    for name in ("epoch", "history"):
        found, expected = (getattr(x.history, name) for x in (taken_up, whole))
        require(found == expected, f"history.{name} must be {expected}. Received: {found}")
    found, expected = ([(p.metrics, p.kept) for p in x.phases] for x in (taken_up, whole))
    require(found == expected, f"The phases must come to {expected}. Received: {found}")
