"""Defines the task of regression: one number for each item, or several."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import keras

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Numbers, Target, Targets
from transferlearn.data.targets import NumberTargets
from transferlearn.edge import NumberPrediction, NumberReader
from transferlearn.heads import Output
from transferlearn.tasks.base import PREDICTIONS, Encoding, Task
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.optional import linear_solver, outputs_in_words
from transferlearn.tasks.regression.figures import NumberScoring
from transferlearn.tasks.regression.standardised import R2, Standardised, check_loss, check_metrics
from transferlearn.tasks.scores import Determination, Score
from transferlearn.tasks.solving.ridge import RidgeSolver
from transferlearn.templates import copy_metrics
from transferlearn.types import Loss, Metrics, Tensor
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
    def target(self) -> Target:
        """A target that reads the numbers of these names."""
        return Numbers(self.names)

    @property
    def scoring(self) -> NumberScoring:
        """Returns what scores numbers, and compares those of two models."""
        return NumberScoring(self.names, self.mean, self.spread)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """A single output, with all numbers."""
        return {PREDICTIONS: Output(len(self.names))}

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
            encode=self.scoring.raw,
            solver=RidgeSolver(self.mean, self.spread) if plain else None,
            unsolvable="" if plain else "its loss is not the mean square",
        )

    def output_reader(self) -> NumberReader:
        """Returns what makes predictions of numbers."""
        return NumberReader(self.names)

    def summary(self) -> str:
        """Describes how many numbers there are, and names them."""
        count = counted(len(self.names), "number")
        return f"{count}: {', '.join(self.names)}"

    def _metrics(self) -> list[keras.metrics.Metric]:
        """Makes the usual metrics: the mean absolute error, and R2."""
        return [keras.metrics.MeanAbsoluteError(name="mae"), R2(self.mean, self.spread)]


@linear_solver.register
def _(encoding: NumberEncoding) -> RidgeSolver:
    """Returns the solver of ridge regression."""
    return RidgeSolver(encoding.mean, encoding.spread)


@outputs_in_words.register
def _(encoding: NumberEncoding) -> str:
    """Returns which numbers the outputs are."""
    count = counted(len(encoding.names), "number")
    return f"It gives {count}, in the units of the data: {', '.join(encoding.names)}."


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
