"""Holds what the training of a phase gives, and joins the histories of all phases."""

import time
from typing import NamedTuple

import keras
import numpy as np

from transferlearn.json_fields import Json
from transferlearn.schedules import PhaseResult, SolvedHead
from transferlearn.training.compiled import CompiledPhase
from transferlearn.training.inputs import PhaseInput
from transferlearn.training.keeping import Keeping


class PhaseOutcome(NamedTuple):
    """Holds what the training of one phase gave, such as its history and metrics.

    Attributes:
        history: The Keras `History` of this phase.
        metrics: The metrics of the weights that it ended with.
        head: How the head was solved, or `None`.
        left_out: What a time limit left out, in words; else empty.
    """

    history: keras.callbacks.History
    metrics: Json
    head: SolvedHead | None
    left_out: str = ""

    def result(
        self, compiled: CompiledPhase, given: PhaseInput, keeping: Keeping, started: float
    ) -> PhaseResult:
        """Returns the result of the phase, which started at this time of the monotonic clock."""
        return PhaseResult(
            epochs=len(self.history.epoch),
            learning_rate=compiled.rate,
            frozen_layers=compiled.frozen_layers,
            trainable_parameters=compiled.trainable_parameters,
            seconds=time.monotonic() - started,
            metrics={name: plain(value) for name, value in self.metrics.items()},
            stored=given.stored,
            not_stored=given.not_stored,
            solved=self.head,
            not_solved=compiled.not_solved,
            kept=keeping.note,
            kept_epoch=keeping.kept_epoch,
            left_out=self.left_out,
        )


def join(joined: keras.callbacks.History, history: keras.callbacks.History) -> None:
    """Adds a phase's history to that of the whole training."""
    missing = len(joined.epoch)
    joined.params = history.params
    joined.epoch += history.epoch
    for name, values in history.history.items():
        # A History among the user's callbacks still holds what earlier phases gave it.
        new = values[len(values) - len(history.epoch) :]
        joined.history.setdefault(name, [float("nan")] * missing).extend(map(plain, new))


def plain(value: object) -> object:
    """Turns a metric into a plain number, or into a list of them if it has one for each class."""
    return np.asarray(value).tolist()
