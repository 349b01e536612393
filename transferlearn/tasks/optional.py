"""Defines what a task may say besides its encoding: functions to register by the encoding's type.

Example:
    @tl.tasks.outputs_in_words.register
    def _(encoding: RatingEncoding):
        return "It gives the stars of each film, from 1 to 5."
"""

from functools import singledispatch

import keras

from transferlearn.data import Kind
from transferlearn.tasks.answering import Answerer
from transferlearn.tasks.encoding import Encoding
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.solving.solver import Solver
from transferlearn.tasks.temperature import TemperatureScaling


@singledispatch
def linear_solver(encoding: Encoding) -> Solver | None:
    """Returns the solver of a linear layer that learns this, whatever a network's head is.

    The solver takes targets as `Scoring.raw` makes them. `None`, the default: there is none.
    """
    return None


@singledispatch
def temperature_scaling(encoding: Encoding) -> TemperatureScaling | None:
    """Returns how the network's logits are calibrated; `None`, the default: it has no logits."""
    return None


@singledispatch
def outputs_in_words(encoding: Encoding) -> str:
    """Describes in a sentence what the network returns, for those who call it without tl."""
    return ""


@singledispatch
def decided_by(encoding: Encoding, held_out: Evaluation) -> Encoding:
    """Returns the encoding with what held-out items decide, such as thresholds; by default none."""
    return encoding


@singledispatch
def scorer(encoding: Encoding, model: keras.Model, kind: Kind) -> Answerer:
    """Returns what answers items for `Scoring`; by default, what answers them for `predict`."""
    return encoding.answerer(model, kind)
