"""Calibrates a fitted model: its probabilities are made to say how often it is right."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from transferlearn import data
from transferlearn.data.messages import notice
from transferlearn.fitted.logits import open_output
from transferlearn.fitted.outputs import check_finite, with_targets
from transferlearn.tables import as_table
from transferlearn.tasks import TemperatureScaling
from transferlearn.tasks.base import in_numpy
from transferlearn.tasks.temperature import best_temperature
from transferlearn.types import Source
from transferlearn.wording import counted

if TYPE_CHECKING:
    from transferlearn.fitted.model import FittedModel


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Tells what a calibration did; printed, it is a short table.

    Attributes:
        temperature: The number by which the logits were divided; 1: nothing was changed.
        items: The number of items that it was found on.
        log_loss_before: The mean log-loss of these items before, in nats.
        log_loss_after: Their mean log-loss since.
        error_before: Their expected calibration error before (15 bins of equal width).
        error_after: Their calibration error since; of a few hundred items it is mostly noise.
    """

    temperature: float
    items: int
    log_loss_before: float
    log_loss_after: float
    error_before: float
    error_after: float

    def rows(self) -> list[list[str]]:
        """Writes the figures as the cells of a table, its head first."""
        return [
            ["", "before", "after"],
            ["log-loss", f"{self.log_loss_before:.4f}", f"{self.log_loss_after:.4f}"],
            ["calibration error", f"{self.error_before:.4f}", f"{self.error_after:.4f}"],
        ]

    def __str__(self) -> str:
        head = f"Temperature {self.temperature:.4g}, found on {counted(self.items, 'item')}."
        return f"{head}\n{as_table(self.rows(), right=(1, 2))}"


def calibrate(fitted: "FittedModel[Any]", labelled: Source, on_error: str) -> Calibration:
    """Finds the temperature on labelled items, and gives `fitted` a model that has it inside."""
    scaling = fitted.encoding.temperature_scaling()
    if scaling is None:
        raise ValueError(
            f"A model of {fitted.encoding.name} gives no probabilities, so there is nothing to "
            "calibrate: look at the intervals of fitted.evaluate(...) for how far it errs."
        )
    dataset = data.load(labelled, fitted.kind, fitted.encoding.target, on_error=on_error)
    opened = open_output(fitted.model, scaling.activation)
    logits, targets = with_targets(fitted, dataset, opened.logits, in_numpy)
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
    told = _told(scaling, temperature, targets, before=before, after=values(temperature))
    if temperature != 1.0:
        fitted.model = opened.divided(temperature)
        fitted.temperature *= temperature
        fitted.calibration = told
    return told


def _told(
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
