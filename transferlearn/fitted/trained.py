"""Describes what a fitted model holds, for the files that measure, show and save it."""

from typing import Any, Protocol

import keras

from transferlearn.data.kind import Kind
from transferlearn.fitted.calibration import Calibration
from transferlearn.fitted.outline import Outline
from transferlearn.fitted.reliable_score import KnownScore
from transferlearn.monitoring import Reference
from transferlearn.schedules import PhaseResult
from transferlearn.tasks import Answerer, Encoding


class Trained(Protocol):
    """Has the attributes of `FittedModel`, which explains them; its file reads those of others."""

    model: keras.Model
    kind: Kind
    encoding: Encoding
    history: keras.callbacks.History
    phases: tuple[PhaseResult, ...]
    outline: Outline
    temperature: float
    reference: Reference | None
    calibration: Calibration | None
    builder: Any

    def answerer(self, **options: object) -> Answerer: ...  # noqa: D102

    @property
    def epoch(self) -> int: ...  # noqa: D102

    @property
    def known_score(self) -> KnownScore | None: ...  # noqa: D102

    @property
    def reliable_score(self) -> str: ...  # noqa: D102
