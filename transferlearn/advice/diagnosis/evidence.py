"""The figures of a training that say how well it fits, and their noise."""

import math
from dataclasses import dataclass
from typing import Any

from transferlearn.advice.diagnosis.curves import Curves
from transferlearn.fitted import FittedModel
from transferlearn.tasks import Score

_STANDARD_ERRORS = 2.0  # 95% of what is noise stays below


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The figures behind a diagnosis; NaN where something is not known.

    Of a score more is better, and 1 is perfect. Noise is two standard errors: what is above it is
    hardly chance.

    Attributes:
        score: What is measured.
        train_items: Items trained on.
        train_score: How good the model is on them.
        train_loss: Their loss.
        held_out_items: Items held out.
        held_out_score: How good the model is on them.
        held_out_loss: Their loss.
        guessing: The score of knowing nothing, such as always giving the commonest answer.
        epochs: That were run.
        best_epoch: The one, from 1 on, after which the held-out loss was lowest.
        best_loss: The held-out loss then.
        last_loss: The held-out loss after the epoch that the model is of.
        curve_items: Items that these two losses are the mean of.
    """

    score: Score
    train_items: float
    train_score: float
    train_loss: float
    held_out_items: float
    held_out_score: float
    held_out_loss: float
    guessing: float
    epochs: int
    best_epoch: float
    best_loss: float
    last_loss: float
    curve_items: float

    @property
    def gap(self) -> float:
        """Says how much better the model is on the items that it was trained on."""
        return self.train_score - self.held_out_score

    @property
    def gap_noise(self) -> float:
        """Gives the noise of the gap."""
        return math.hypot(self.train_noise, self.held_out_noise)

    @property
    def train_noise(self) -> float:
        """Gives the noise of the score on the items trained on."""
        return self.score.noise(self.train_score, self.train_items)

    @property
    def held_out_noise(self) -> float:
        """Gives the noise of the score on the items held out."""
        return self.score.noise(self.held_out_score, self.held_out_items)

    @property
    def rise(self) -> float:
        """Says how much the held-out loss rose from its best."""
        return self.last_loss - self.best_loss

    @property
    def rise_noise(self) -> float:
        """Gives the noise of the rise."""
        return loss_noise(max(self.best_loss, self.last_loss), self.curve_items)

    @property
    def all_right(self) -> bool:
        """Says whether nothing held out is wrong."""
        return self.held_out_score == 1

    @property
    def no_better_than_guessing(self) -> bool:
        """Says whether both scores are within their noise of that of guessing."""
        return (
            self.train_score <= self.guessing + self.train_noise
            and self.held_out_score <= self.guessing + self.held_out_noise
        )


def loss_noise(loss: float, items: float) -> float:
    """Says how far a change of a mean loss goes by chance.

    Curves hold means alone. On real photos, what the loss of a single image changed between the
    best epoch and a later one was spread 0.3 to 2 times as wide as the mean loss was high: the
    largest is taken, of the higher mean.
    """
    return _STANDARD_ERRORS * 2 * loss / math.sqrt(items)


def gather(fitted: FittedModel[Any], curves: Curves, train: Any, validation_data: Any) -> Evidence:
    """Reads the figures from the curves, and measures them where there is data."""
    outline, epoch, score = fitted.outline, curves.epoch_of_model, fitted.encoding.score
    known = {
        "train_items": outline.train_items,
        "train_score": curves.at(curves.score, epoch),
        "train_loss": curves.at(curves.loss, epoch),
        "held_out_items": outline.validation_items,
        "held_out_score": curves.at(curves.val_score, epoch),
        "held_out_loss": curves.at(curves.val_loss, epoch),
        "guessing": outline.baseline,
    }
    for part, data in (("train", train), ("held_out", validation_data)):
        if data is not None:
            scores = fitted.evaluate(data)
            measured = {"items": scores.count, "score": scores[score.name], "loss": scores.loss}
            known |= {f"{part}_{name}": value for name, value in measured.items()}
            if part == "held_out":
                known["guessing"] = scores.baseline
    figures = {name: math.nan if v is None else float(v) for name, v in known.items()}
    best = curves.best_epoch
    return Evidence(
        score=score,
        **figures,
        epochs=curves.epochs,
        best_epoch=math.nan if best is None else best + 1,
        best_loss=curves.at(curves.val_loss, best),
        last_loss=curves.at(curves.val_loss, epoch),
        curve_items=outline.validation_items or math.nan,
    )
