"""Prepares a training, runs it, and says the score of the model that comes of it."""

import os
from collections.abc import Callable
from typing import Literal, TypeVar

from transferlearn.builders.prepared import Training
from transferlearn.fitted import FittedModel
from transferlearn.training import as_callbacks
from transferlearn.types import Callbacks, Verbose

Prediction = TypeVar("Prediction")


def fit(
    prepare: Callable[[], Training[Prediction]],
    *,
    callbacks: Callbacks,
    verbose: Verbose,
    resume: str | os.PathLike[str] | None,
    on_interrupt: Literal["raise", "return"],
    reference: bool,
) -> FittedModel[Prediction]:
    """Returns the model of a training; the last line that it prints is the model's score.

    Args:
        prepare: A function that loads the data and builds the network.
        callbacks: Keras callbacks.
        verbose: As for `Builder.fit`, like all that follows.
        resume: The folder of the run, or `None`.
        on_interrupt: What an interrupt does.
        reference: Whether items are measured for monitoring.
    """
    watching = as_callbacks(callbacks)  # refuses wrong ones before the data is loaded
    fitted = prepare().run(
        callbacks=watching,
        verbose=verbose,
        resume=resume,
        on_interrupt=on_interrupt,
        reference=reference,
    )
    if verbose:
        print(f"Result: {fitted.reliable_score}")
    return fitted
