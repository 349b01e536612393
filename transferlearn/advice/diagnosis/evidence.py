"""Gathers the figures of a training that say how well it fits, and their noise."""

import math
from dataclasses import dataclass

from transferlearn.advice.diagnosis.curves import Curves
from transferlearn.data import load
from transferlearn.fitted import FittedModel
from transferlearn.fitted.outputs import evaluated
from transferlearn.tasks import Score
from transferlearn.types import Source

# Seen on solar cells, digits, typefaces: .75 to .91 with right labels, .69 to .74 with a tenth of
# them made wrong, .66 to .71 with a fifth.
_USUALLY_SURER = 0.7
_STANDARD_ERRORS = 2.0  # in 95% of all cases, chance makes a smaller difference


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Holds the figures behind a diagnosis; NaN where something is not known.

    A higher score is better, and 1 is perfect. Noise is two standard errors: a difference above it
    is hardly chance.

    Attributes:
        score: The kind of score that is measured, such as accuracy.
        train_items: The number of items trained on.
        train_score: The score of the items trained on.
        train_loss: The mean loss of the items trained on.
        held_out_items: The number of items held out.
        held_out_score: The score of the items held out.
        held_out_loss: The mean loss of the items held out.
        guessing: The score of knowing nothing, such as always giving the commonest answer.
        epochs: The number of epochs that were run.
        best_epoch: The epoch, from 1 on, after which the held-out loss was lowest.
        best_loss: The held-out loss after the best epoch.
        last_loss: The held-out loss after the epoch that the model is of.
        curve_items: The number of items that `best_loss` and `last_loss` are the mean of.
        surer_if_right: How often a solved head was surer of an item left out that it is right about
            than of one that it is wrong about, in [0, 1].
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
    surer_if_right: float

    @property
    def gap(self) -> float:
        """Returns how much higher the score is on the items trained on than on those held out."""
        return self.train_score - self.held_out_score

    @property
    def gap_noise(self) -> float:
        """The noise of the gap."""
        # The two scores are of different items, so their errors are independent.
        return math.hypot(self.train_noise, self.held_out_noise)

    @property
    def train_noise(self) -> float:
        """The noise of the score on the items trained on."""
        return self.score.noise(self.train_score, self.train_items)

    @property
    def held_out_noise(self) -> float:
        """The noise of the score on the items held out."""
        return self.score.noise(self.held_out_score, self.held_out_items)

    @property
    def rise(self) -> float:
        """Returns how much the held-out loss rose from the best epoch to the model's epoch."""
        return self.last_loss - self.best_loss

    @property
    def rise_noise(self) -> float:
        """The noise of the rise."""
        return loss_noise(max(self.best_loss, self.last_loss), self.curve_items)

    @property
    def contradicts(self) -> bool:
        """Returns whether a solved head is nearly as sure where it contradicts labels."""
        return self.surer_if_right < _USUALLY_SURER

    @property
    def all_right(self) -> bool:
        """Returns whether the model is right on every item held out."""
        return self.held_out_score == 1

    @property
    def no_better_than_guessing(self) -> bool:
        """Returns whether neither score is above that of guessing by more than its noise."""
        return (
            self.train_score <= self.guessing + self.train_noise
            and self.held_out_score <= self.guessing + self.held_out_noise
        )


def loss_noise(loss: float, items: float) -> float:
    """Estimates how far chance changes the mean loss of `items` items between two epochs.

    Curves hold means alone, not the losses of single items. On real photos, the change of a single
    image's loss between the best epoch and a later one had a standard deviation of 0.3 to 2 times
    the mean loss: the largest factor is taken.

    Args:
        loss: The mean loss, the higher of the two that are compared.
        items: The number of items in the mean.
    """
    return _STANDARD_ERRORS * 2 * loss / math.sqrt(items)


def gather(
    fitted: FittedModel,
    curves: Curves,
    train: Source | None,
    validation_data: Source | None,
) -> Evidence:
    """Gathers scores and losses: measured on the data that is passed, else from the history."""
    outline, epoch, score = fitted.outline, curves.epoch_of_model, fitted.encoding.score
    known = {
        "train_items": outline.train_items,
        "train_score": curves.at(curves.score, epoch),
        "train_loss": curves.at(curves.loss, epoch),
        "held_out_items": outline.validation_items,
        "held_out_score": curves.at(curves.val_score, epoch),
        "held_out_loss": curves.at(curves.val_loss, epoch),
        "guessing": outline.baseline,
        "surer_if_right": next(
            (phase.solved.surer_if_right for phase in fitted.phases if phase.solved), None
        ),
    }
    for prefix, data in (("train", train), ("held_out", validation_data)):
        if data is not None:
            # Items trained on are wanted here, so `fitted.evaluate`, which warns of them, is for
            # those held out.
            scores = (
                evaluated(fitted, load(data, fitted.kind, fitted.encoding.target))
                if prefix == "train"
                else fitted.evaluate(data)
            )
            known[f"{prefix}_items"] = scores.count
            known[f"{prefix}_score"] = scores[score.name]
            if "loss" in scores.figures:  # else the curve's stands: tags and masks measure none
                known[f"{prefix}_loss"] = scores["loss"]
            if prefix == "held_out":
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
        # The curve is of the items that `fit` held out, even where others are measured here.
        curve_items=outline.validation_items or math.nan,
    )
