"""Reads the curves of a training, and says whether they still fall."""

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from transferlearn.fitted import FittedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEADY = 4  # last values, each below the one before; four random ones are so 1 time in 24


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """Holds the losses and scores of each epoch; `None` for what was not measured.

    Attributes:
        loss: The loss of the items trained on: the epoch's mean, with all regularisation on.
        score: The task's score of the items trained on, likewise the epoch's mean.
        val_loss: The loss of the items held out, at the end of each epoch.
        val_score: The task's score of the items held out, at the end of each epoch.
        score_name: The name of the score in the history.
        borders: How many epochs had been run when each phase ended.
        epoch_of_model: The epoch, from 0 on, whose weights the model has.
    """

    loss: np.ndarray
    score: np.ndarray | None
    val_loss: np.ndarray | None
    val_score: np.ndarray | None
    score_name: str
    borders: tuple[int, ...]
    epoch_of_model: int

    @classmethod
    def of(cls, fitted: FittedModel) -> "Curves":
        """Reads the curves from the history of a trained model."""
        history = fitted.history.history

        def curve(name: str) -> np.ndarray | None:
            """Returns the values of a metric by epoch; `None` if it was not measured."""
            return np.asarray(history[name], float) if name in history else None

        score = fitted.encoding.score
        # A user's metrics may measure the score under a name of their own, such as "acc".
        names = (name for name in history if not name.startswith("val_"))
        name = next((name for name in names if score.is_called(name)), score.name)
        return cls(
            loss=np.asarray(history["loss"], float),
            score=curve(name),
            val_loss=curve("val_loss"),
            val_score=curve(f"val_{name}"),
            score_name=name,
            borders=tuple(accumulate(phase.epochs for phase in fitted.phases)),
            epoch_of_model=fitted.epoch - 1,
        )

    @property
    def epochs(self) -> int:
        """Counts the epochs that were run."""
        return len(self.loss)

    @property
    def best_epoch(self) -> int | None:
        """The epoch, from 0 on, with the lowest held-out loss; `None` without such a loss."""
        if self.val_loss is None or not np.isfinite(self.val_loss).any():
            return None
        return int(np.nanargmin(self.val_loss))

    @property
    def loss_fell_since_best(self) -> bool:
        """Returns whether the training loss fell from the best held-out epoch to the model's."""
        return self.at(self.loss, self.epoch_of_model) < self.at(self.loss, self.best_epoch)

    def to_model(self, values: np.ndarray) -> np.ndarray:
        """Cuts a curve: from the start of the phase that the model is from, up to its epoch."""
        begin = max(border for border in (0, *self.borders) if border <= self.epoch_of_model)
        return values[begin : self.epoch_of_model + 1]

    @staticmethod
    def at(values: np.ndarray | None, epoch: int | None) -> float:
        """Returns the value of a curve at an epoch, from 0 on; NaN if either is `None`."""
        return math.nan if values is None or epoch is None else float(values[epoch])

    def draw(self, figure: "Figure") -> None:
        """Draws loss and score by epoch into an empty figure, and marks where phases ended."""
        from transferlearn.plotting.curves import Curve, draw_curves

        curves = [Curve("loss", self.loss, self.val_loss)]
        if self.score is not None or self.val_score is not None:
            curves.append(Curve(self.score_name, self.score, self.val_score))
        axes = figure.subplots(1, len(curves), squeeze=False)[0]
        draw_curves(axes, curves, self.borders, self.epoch_of_model + 1)


def falls(losses: np.ndarray, noise: float) -> bool:
    """Returns whether a loss fell in each of the last epochs, fast enough for more to be worth it.

    Args:
        losses: The loss of each epoch.
        noise: As many epochs again, at the pace of the last ones, must lower the loss by more.
    """
    if len(losses) < STEADY:
        return False
    steps = np.diff(losses[-STEADY:])
    return bool((steps < 0).all() and -steps.mean() * len(losses) > noise)


def wobble(losses: np.ndarray) -> float:
    """Estimates from a curve how far the losses of neighbouring epochs differ by chance.

    These are two standard deviations of the steps from epoch to epoch; 0 for fewer than two steps.
    """
    return 2 * float(np.std(np.diff(losses), ddof=1)) if len(losses) > 2 else 0.0
