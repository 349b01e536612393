"""Defines the task of regression: one number for each item, or several."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import keras
import numpy as np

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Numbers, Target, Targets
from transferlearn.data.targets import NumberRows, NumberTargets
from transferlearn.edge import NumberPrediction, NumberReader, Seen
from transferlearn.heads import Output
from transferlearn.monitoring import OutputSignals, Quantities
from transferlearn.tasks.base import PREDICTIONS, Encoding, Task, in_numpy
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.pairs import PairedTest
from transferlearn.tasks.regression.figures import (
    NumberEvaluation,
    compare_numbers,
    regression_figures,
)
from transferlearn.tasks.regression.standardised import R2, Standardised, check_loss, check_metrics
from transferlearn.tasks.scores import Determination, Score
from transferlearn.tasks.solving.ridge import RidgeSolver
from transferlearn.templates import copy_metrics
from transferlearn.types import Json, Loss, Metrics, Tensor
from transferlearn.wording import counted

_NUMBERS = Numbers()


@dataclass(frozen=True, kw_only=True)
class NumberEncoding(Encoding[NumberPrediction]):
    """Holds what a regressor knows of the numbers that it is trained on.

    Attributes:
        names: The names of the numbers, in the order of the outputs.
        mean: The mean of each number in the data to train on.
        spread: The standard deviation of each number there.
    """

    name: ClassVar[str] = "numbers"
    field: ClassVar[str] = "regression"
    score: ClassVar[Score] = Determination("r2")
    starts_at_guessing: ClassVar[bool] = False

    names: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]

    def __post_init__(self) -> None:
        sizes = {len(self.names), len(self.mean), len(self.spread)}
        if len(sizes) > 1 or not all(0 < spread < math.inf for spread in self.spread):
            raise ValueError(f"Each number has a name, a mean and a spread above 0: {self!r:.200}")

    @property
    def guessing_loss(self) -> float:
        """The loss of always giving the mean: the mean square of standardised numbers."""
        return 1.0

    @property
    def target(self) -> Target:
        """A target that reads the numbers of these names."""
        return Numbers(self.names)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """A single output, with all numbers."""
        return {PREDICTIONS: Output(len(self.names))}

    @property
    def raw(self) -> NumberRows:
        """The encoder that makes rows of numbers in their own units."""
        return NumberRows()

    @property
    def answers(self) -> tuple[str, ...]:
        """The names of the numbers."""
        return self.names

    @property
    def watched(self) -> OutputSignals:
        """Watches numbers, whose errors count in units of their spread."""
        return Quantities(self.names, self.spread)

    def described(self, encoded: Any) -> list[str]:
        """Writes each item's numbers, with their names if there are several."""
        named = ((f"{name} " if len(self.names) > 1 else "") for name in self.names)
        before = tuple(named)
        return [
            ", ".join(f"{name}{number:.4g}" for name, number in zip(before, row, strict=True))
            for row in np.asarray(encoded)
        ]

    def finish(self, outputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Adds a float32 layer that turns standardised numbers into their own units."""
        # A single number goes in as a plain float, several as lists, one for each output.
        spread, mean = (
            part[0] if len(part) == 1 else list(part) for part in (self.spread, self.mean)
        )
        # In float16 this layer gave 1998 for 2000, and NaN for 1.6e9.
        units = keras.layers.Rescaling(spread, mean, dtype="float32", name="in_units")
        return {name: units(tensor) for name, tensor in outputs.items()}

    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Loss | None) -> Self:
        """Refuses outputs with an activation, or with more or fewer units than numbers."""
        (output,) = outputs.values()
        if output.activation != "linear" or output.units != len(self.names):
            raise ValueError(
                f"The head gives {output.units} outputs with the activation {output.activation}, "
                f"for {len(self.names)} numbers. Its last layer should be "
                f"Dense({len(self.names)}), without activation."
            )
        return self

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes the given loss, or else the mean square, and applies it to standardised numbers.

        Raises:
            ValueError: A loss or metric of Keras means nothing for standardised numbers.
        """
        loss = keras.losses.get(loss or "mean_squared_error")
        check_loss(loss)
        check_metrics(metrics)
        # Exactly Keras's own: a subclass may compute something else.
        plain = (
            loss is keras.losses.mean_squared_error or type(loss) is keras.losses.MeanSquaredError
        )
        return Objective(
            loss=Standardised(loss, self.mean, self.spread),
            metrics=lambda: copy_metrics(metrics) or self._metrics(),
            encode=self.raw,
            solver=self.linear_solver() if plain else None,
            unsolvable="" if plain else "its loss is not the mean square",
        )

    def linear_solver(self) -> RidgeSolver:
        """Returns the solver of ridge regression."""
        return RidgeSolver(self.mean, self.spread)

    def baseline(self, targets: Targets) -> float:
        """Returns the R2 of always giving the mean: 0."""
        return 0.0

    def guess(self, targets: Targets) -> np.ndarray:
        """Returns the mean of each number."""
        return np.array(self.mean)

    def compare(self, first: Evaluation, second: Evaluation) -> PairedTest | None:
        """Compares the R2 by a paired bootstrap."""
        return compare_numbers(first, second, self.mean, self.spread)

    def values(self, outputs: Any) -> np.ndarray:
        """Returns the outputs as they are: `(rows, numbers)`, in their own units."""
        return in_numpy(outputs)

    def decode(self, values: np.ndarray, seen: Sequence[Seen]) -> list[NumberPrediction]:
        """Makes a prediction for each item: its numbers, by name."""
        reader = self.output_reader()
        return reader.read({reader.output: values}, seen)

    def meant(self, outputs: Tensor) -> dict[str, Tensor]:
        """Returns the outputs as they are: `(rows, numbers)`, in their own units."""
        return {NumberReader.output: outputs}

    def output_reader(self) -> NumberReader:
        """Returns what makes predictions of numbers."""
        return NumberReader(self.names)

    def measure(self, values: np.ndarray, targets: np.ndarray) -> NumberEvaluation:
        """Returns the errors in the numbers' own units, R2 and more."""
        return regression_figures(values, targets, self.names, self.mean, self.spread)

    def gives(self) -> str:
        """Returns which numbers the outputs are."""
        count = counted(len(self.names), "number")
        return f"It gives {count}, in the units of the data: {', '.join(self.names)}."

    def summary(self) -> str:
        """Describes how many numbers there are, and names them."""
        count = counted(len(self.names), "number")
        return f"{count}: {', '.join(self.names)}"

    def settings(self) -> Json:
        """Returns the names, the mean and the spread of the numbers."""
        return {name: list(part) for name, part in asdict(self).items()}

    @classmethod
    def load(cls, settings: Json) -> Self:
        """Makes the encoding that was saved with these settings."""
        return cls(**{name: tuple(part) for name, part in settings.items()})

    def _metrics(self) -> list[keras.metrics.Metric]:
        """Makes the usual metrics: the mean absolute error, and R2."""
        return [keras.metrics.MeanAbsoluteError(name="mae"), R2(self.mean, self.spread)]


@dataclass(frozen=True)
class Regression(Task[NumberPrediction]):
    """Learns one number for each item, or several.

    Args:
        target: Says where the numbers are found in the data, and names them.
    """

    target: Target = _NUMBERS

    def learn(self, targets: Targets) -> NumberEncoding:
        """Computes the mean and the spread of each number, by which it is standardised."""
        if not isinstance(targets, NumberTargets):
            raise TypeError(f"A regressor learns numbers. Received: {type(targets).__name__}")
        rows = targets.all
        mean, spread = (tuple(map(float, part)) for part in (rows.mean(axis=0), rows.std(axis=0)))
        return NumberEncoding(names=targets.names, mean=mean, spread=spread)
