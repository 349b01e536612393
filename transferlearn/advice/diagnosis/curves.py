"""The curves of a training."""

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from transferlearn.fitted import FittedModel

STEADY = 4  # values each below the last: by chance 1 time in 24


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """What each epoch gave; `None` for what was not measured.

    Attributes:
        loss: On the images to train on: the epoch's mean, with all regularisation on.
        score: Likewise, the task's score.
        val_loss: On the items held out, at the end of each epoch.
        val_score: Likewise.
        score_name: As the history calls the score.
        borders: How many epochs had been run when each phase ended.
        epoch_of_model: The one, from 0 on, whose weights the model has.
    """

    loss: np.ndarray
    score: np.ndarray | None
    val_loss: np.ndarray | None
    val_score: np.ndarray | None
    score_name: str
    borders: tuple[int, ...]
    epoch_of_model: int

    @classmethod
    def of(cls, fitted: FittedModel[Any]) -> "Curves":
        """Reads them from the history."""
        history = fitted.history.history

        def curve(name: str) -> np.ndarray | None:
            return np.asarray(history[name], float) if name in history else None

        score = fitted.encoding.score
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
        """How many were run."""
        return len(self.loss)

    @property
    def best_epoch(self) -> int | None:
        """The one, from 0 on, after which the held-out loss was lowest."""
        if self.val_loss is None or not np.isfinite(self.val_loss).any():
            return None
        return int(np.nanargmin(self.val_loss))

    @property
    def loss_fell_since_best(self) -> bool:
        """Whether the training loss is lower than in the epoch that was best for those held out."""
        return self.at(self.loss, self.epoch_of_model) < self.at(self.loss, self.best_epoch)

    def to_model(self, values: np.ndarray) -> np.ndarray:
        """Those of the phase that the model is of, up to its epoch."""
        begin = max(border for border in (0, *self.borders) if border <= self.epoch_of_model)
        return values[begin : self.epoch_of_model + 1]

    @staticmethod
    def at(values: np.ndarray | None, epoch: int | None) -> float:
        """One value; NaN where there is none."""
        return math.nan if values is None or epoch is None else float(values[epoch])

    def draw(self, figure: Any) -> None:
        """Draws them into an empty figure."""
        of_score = (self.score_name, self.score, self.val_score)
        pairs = [("loss", self.loss, self.val_loss), of_score]
        drawn = [pair for pair in pairs if pair[1] is not None]
        epochs = np.arange(1, self.epochs + 1)
        for place, (name, train, held_out) in enumerate(drawn, start=1):
            axes = figure.add_subplot(1, len(drawn), place, xlabel="epoch", ylabel=name)
            axes.plot(epochs, train, "o-", markersize=3, label="trained on")
            if held_out is not None:
                axes.plot(epochs, held_out, "o-", markersize=3, label="held out")
            for border in self.borders[:-1]:
                axes.axvline(border + 0.5, color="0.7", linestyle=":")
            axes.xaxis.get_major_locator().set_params(integer=True)
            axes.legend()


def falls(losses: np.ndarray, noise: float) -> bool:
    """Whether a loss fell in each of the last epochs, and as many epochs again may bring more.

    Args:
        losses: One an epoch.
        noise: At the pace of the last epochs, all that were run must have brought more than this.
    """
    if len(losses) < STEADY:
        return False
    steps = np.diff(losses[-STEADY:])
    return bool((steps < 0).all() and -steps.mean() * len(losses) > noise)


def wobble(losses: np.ndarray) -> float:
    """How far apart by chance two epochs' losses are, by the curve: two standard deviations."""
    return 2 * float(np.std(np.diff(losses), ddof=1)) if len(losses) > 2 else 0.0
