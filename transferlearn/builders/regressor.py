"""Defines what all builders of regressors share, for images as for texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import keras

from transferlearn.builders.base import Builder
from transferlearn.checks import whole
from transferlearn.data import Numbers
from transferlearn.schedules import AutoForNumbers, Schedule
from transferlearn.tasks import NumberEncoding, NumberPrediction, Regression, Task


@dataclass(frozen=True)
class Regressor(Builder[NumberPrediction]):
    """Builds and trains networks that predict one number or several for each item.

    Args:
        target_names: The names of the numbers, in the order of the outputs; in a table, the names
            of their columns. By default a table's column `target`, `value`, `number`, `y`, `score`
            or `label`, or the only column that is left.
        loss: `"mse"` (the default), `"mae"`, `"huber"`, `"log_cosh"`, or a loss of your own. It
            gets standardised numbers: their mean is taken away, and their standard deviation is the
            unit.
        metrics: Keras metrics, in the numbers' own units; by default the mean absolute error and
            R2.
    """

    target_names: Sequence[str] | str | None = None

    auto: ClassVar[Schedule] = AutoForNumbers()
    _makes: ClassVar[str] = "regressor"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "target_names", Numbers(self.target_names).names)

    @property
    def task(self) -> Task[NumberPrediction]:
        """The task: regression of the numbers with these names."""
        return Regression(Numbers(self.target_names))

    def build(self, num_outputs: int = 1) -> keras.Model:
        """Makes the compiled model, for plain `model.fit` and everything else that Keras does.

        Args:
            num_outputs: How many numbers are predicted for each item.

        Returns:
            A plain, flat, functional `keras.Model`, with numbers `(batch, num_outputs)` out, as the
            head gives them: standardise targets that lie far from 0 or far apart, or use `fit`.

        Example:
            model = tl.ImageRegressorBuilder("VGG16", freeze="all").build()
            model.fit(train_ds, epochs=10)
        """
        return self._build(_blank(num_outputs))

    def summary(self, num_outputs: int = 1, *, print_fn: Callable[[str], object] = print) -> None:
        """Prints, block by block, what is frozen or trained, and how many parameters that is."""
        self._summary(_blank(num_outputs), print_fn)


def _blank(num_outputs: int) -> NumberEncoding:
    """Makes an encoding for building without data, which leaves the numbers as they are."""
    count = whole("num_outputs", num_outputs, least=1)
    names = tuple(f"number {i}" for i in range(count))
    return NumberEncoding(names=names, mean=(0.0,) * count, spread=(1.0,) * count)
