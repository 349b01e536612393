"""Calibrates a fitted model: its probabilities are made to say how often it is right."""

from functools import partial

import numpy as np

from transferlearn import data
from transferlearn.data.messages import notice
from transferlearn.fitted.calibration import Calibration
from transferlearn.fitted.leakage import doubts_of
from transferlearn.fitted.logits import open_output
from transferlearn.fitted.outputs import check_finite, with_targets
from transferlearn.fitted.trained import Trained
from transferlearn.tasks import OnePass, TemperatureScaling, temperature_scaling
from transferlearn.tasks.base import in_numpy
from transferlearn.tasks.temperature import best_temperature
from transferlearn.types import Source


class _Logits(OnePass):
    """Answers by the logits themselves, which a network without its last activation gives."""

    def meaning(self, outputs: object) -> np.ndarray:
        """Returns the logits."""
        return np.asarray(in_numpy(outputs))


def calibrate(fitted: Trained, labelled: Source, on_error: str) -> Calibration:
    """Finds the temperature on labelled items, and gives `fitted` a model that has it inside."""
    scaling = temperature_scaling(fitted.encoding)
    if scaling is None:
        raise ValueError(
            f"calibrate is for the probabilities of classes of whole {fitted.kind.noun}s, which a "
            f"model of {fitted.encoding.name} does not give: look at the intervals of "
            "fitted.evaluate(...) for how far it errs."
        )
    dataset = data.load(labelled, fitted.kind, fitted.encoding.target, on_error=on_error)
    for doubt in doubts_of(fitted, dataset, "it will be too sure of itself on others"):
        notice(doubt)
    opened = open_output(fitted.model, scaling.activation)
    answerer = _Logits(fitted.encoding, opened.logits)
    logits, targets = with_targets(fitted, dataset, answerer)
    check_finite(logits, [None] * len(logits))

    def values(temperature: float) -> np.ndarray:
        return dataset.of_items(scaling.values(logits / temperature))

    before = values(1.0)
    found = best_temperature(lambda t: scaling.log_loss(values(t), targets))
    if found is None:
        notice(
            f"No temperature fits these {len(before)} {fitted.kind.noun}s best: the answers for "
            "them are all right, or no better than guessing. The model stays as it is; calibrate "
            "on more items, that it was not trained on."
        )
    temperature = 1.0 if found is None else found
    measured = _measured(scaling, temperature, targets, before=before, after=values(temperature))
    if temperature != 1.0:
        fitted.model = opened.divided(temperature)
        fitted.temperature *= temperature
        if fitted.reference is not None:  # its probabilities are those from before
            fitted.reference = fitted.reference.without_outputs()
        fitted.calibration = measured
    return measured


def _measured(
    scaling: TemperatureScaling,
    temperature: float,
    targets: np.ndarray,
    *,
    before: np.ndarray,
    after: np.ndarray,
) -> Calibration:
    """Measures the values before and after a calibration."""
    log_loss, error = (
        partial(judge, targets=targets) for judge in (scaling.log_loss, scaling.error)
    )
    return Calibration(
        temperature=temperature,
        items=len(before),
        log_loss_before=log_loss(before),
        log_loss_after=log_loss(after),
        error_before=error(before),
        error_after=error(after),
    )
