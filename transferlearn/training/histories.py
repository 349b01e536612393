"""Holds what the training of a phase gives, and joins the histories of all phases."""

from typing import Any, NamedTuple

import keras
import numpy as np

from transferlearn.schedules import SolvedHead


class PhaseOutcome(NamedTuple):
    """Holds what the training of one phase gave: history, metrics, and how a head was solved.

    Attributes:
        history: The Keras `History` of this phase.
        metrics: The metrics of the weights that it ended with.
        head: How the head was solved, or `None`.
    """

    history: keras.callbacks.History
    metrics: dict[str, Any]
    head: SolvedHead | None


def join(joined: keras.callbacks.History, history: keras.callbacks.History) -> None:
    """Adds a phase's history to that of the whole training."""
    missing = len(joined.epoch)
    joined.params = history.params
    joined.epoch += history.epoch
    for name, values in history.history.items():
        # A History among the user's callbacks still holds what earlier phases gave it.
        new = values[len(values) - len(history.epoch) :]
        joined.history.setdefault(name, [float("nan")] * missing).extend(map(plain, new))


def plain(value: Any) -> Any:
    """Turns a metric into a plain number, or into a list of them if it has one for each class."""
    return np.asarray(value).tolist()
