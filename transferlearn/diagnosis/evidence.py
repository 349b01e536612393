"""The figures of a training that say how well it fits, and their noise."""

import math
from dataclasses import dataclass
from typing import Any

from transferlearn.diagnosis.curves import Curves
from transferlearn.fitted import FittedModel

_STANDARD_ERRORS = 2.0  # 95% of what is noise stays below


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The figures behind a diagnosis; NaN where something is not known.

    Noise is two standard errors: what is above it is hardly chance.

    Attributes:
        train_items: Images trained on.
        train_accuracy: Share of them that are right.
        train_loss: Their loss.
        held_out_items: Images held out.
        held_out_accuracy: Share of them that are right.
        held_out_loss: Their loss.
        majority: The accuracy on them of always giving the commonest answer.
        epochs: That were run.
        best_epoch: The one, from 1 on, after which the held-out loss was lowest.
        best_loss: The held-out loss then.
        last_loss: The held-out loss after the epoch that the model is of.
        curve_items: Images that these two losses are the mean of.
    """

    train_items: float
    train_accuracy: float
    train_loss: float
    held_out_items: float
    held_out_accuracy: float
    held_out_loss: float
    majority: float
    epochs: int
    best_epoch: float
    best_loss: float
    last_loss: float
    curve_items: float

    @property
    def gap(self) -> float:
        """How much better the images trained on are recognised."""
        return self.train_accuracy - self.held_out_accuracy

    @property
    def gap_noise(self) -> float:
        """Of the gap."""
        return math.hypot(self.train_noise, self.held_out_noise)

    @property
    def train_noise(self) -> float:
        """Of the accuracy on the images trained on."""
        return share_noise(self.train_accuracy, self.train_items)

    @property
    def held_out_noise(self) -> float:
        """Of the accuracy on the images held out."""
        return share_noise(self.held_out_accuracy, self.held_out_items)

    @property
    def rise(self) -> float:
        """How much the held-out loss rose from its best."""
        return self.last_loss - self.best_loss

    @property
    def rise_noise(self) -> float:
        """Of the rise."""
        return loss_noise(max(self.best_loss, self.last_loss), self.curve_items)

    @property
    def all_right(self) -> bool:
        """Whether no image held out is wrong."""
        return self.held_out_accuracy == 1

    @property
    def no_better_than_guessing(self) -> bool:
        """Whether both accuracies are within their noise of the commonest answer's."""
        return (
            self.train_accuracy <= self.majority + self.train_noise
            and self.held_out_accuracy <= self.majority + self.held_out_noise
        )


def share_noise(share: float, items: float) -> float:
    """How far a share of `items` goes by chance, also one of 0 or 1 (Agresti and Coull)."""
    added = _STANDARD_ERRORS**2
    middle = (share * items + added / 2) / (items + added)
    return _STANDARD_ERRORS * math.sqrt(middle * (1 - middle) / (items + added))


def loss_noise(loss: float, items: float) -> float:
    """How far a change of a mean cross-entropy goes by chance.

    Curves hold means alone. On real photos, what the loss of a single image changed between the
    best epoch and a later one was spread 0.3 to 2 times as wide as the mean loss was high: the
    largest is taken, of the higher mean.
    """
    return _STANDARD_ERRORS * 2 * loss / math.sqrt(items)


def gather(fitted: FittedModel, curves: Curves, train: Any, validation_data: Any) -> Evidence:
    """Reads the figures from the curves, and measures them where there is data."""
    outline, epoch = fitted.outline, curves.epoch_of_model
    figures = {
        "train_items": outline.train_items,
        "train_accuracy": curves.at(curves.accuracy, epoch),
        "train_loss": curves.at(curves.loss, epoch),
        "held_out_items": outline.validation_items,
        "held_out_accuracy": curves.at(curves.val_accuracy, epoch),
        "held_out_loss": curves.at(curves.val_loss, epoch),
        "majority": outline.majority,
    }
    if train is not None:
        scores = fitted.evaluate(train)
        figures |= {f"train_{name}": scores[name] for name in ("accuracy", "loss")}
        figures["train_items"] = scores.count
    if validation_data is not None:
        scores = fitted.evaluate(validation_data)
        figures |= {f"held_out_{name}": scores[name] for name in ("accuracy", "loss")}
        figures |= {"held_out_items": scores.count, "majority": scores.majority}
    best = curves.best_epoch
    return Evidence(
        **{name: math.nan if value is None else float(value) for name, value in figures.items()},
        epochs=curves.epochs,
        best_epoch=math.nan if best is None else best + 1,
        best_loss=curves.at(curves.val_loss, best),
        last_loss=curves.at(curves.val_loss, epoch),
        curve_items=outline.validation_items or math.nan,
    )
