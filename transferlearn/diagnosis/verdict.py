"""Whether a training over- or underfitted, by its curves and its scores."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from transferlearn.diagnosis.curves import Curves, falls
from transferlearn.diagnosis.evidence import Evidence, gather, loss_noise
from transferlearn.diagnosis.remedies import (
    Case,
    Remedy,
    against_overfitting,
    against_underfitting,
    to_go_on,
)
from transferlearn.fitted import FittedModel
from transferlearn.plotting import write_figure

Verdict = Literal["overfitting", "underfitting", "still improving", "neither", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Whether a training over- or underfitted, by which figures, and what to change next.

    Attributes:
        verdict: `"overfitting"`, `"underfitting"`, `"still improving"`, `"neither"` or
            `"cannot tell"`.
        reason: Why, in a sentence.
        evidence: The figures.
        advice: What to change, in the order to try it in.
        changes: The first advice as fields for `dataclasses.replace(builder, **changes)`; empty
            where it is nothing of the builder.
        note: What the figures leave open, if anything.
        curves: What each epoch gave.
    """

    verdict: Verdict
    reason: str
    evidence: Evidence
    advice: tuple[str, ...]
    changes: dict[str, Any]
    note: str
    curves: Curves = field(repr=False)

    def plot(self, path: str | Path) -> None:
        """Draws the curves, and where phases ended, into a file such as `curves.png`.

        Raises:
            ImportError: matplotlib is not installed.
        """
        write_figure(path, self.curves.draw)

    def __str__(self) -> str:
        lines = [f"{self.verdict.capitalize()}: {self.reason}."]
        lines += [f"{i}. {text}" for i, text in enumerate(self.advice, start=1)]
        return "\n".join([*lines, *([f"Note: {self.note}"] if self.note else [])])


def diagnose(fitted: FittedModel, train: Any = None, validation_data: Any = None) -> Diagnosis:
    """Says whether a model over- or underfits, by which figures, and what to change next.

    When to use it: after each `fit`, also on a model that `tl.load` brought back. It reads the
    history; what it is given data of, it measures.

    What is left of the error is of two kinds: what is wrong on the images trained on too
    (underfitting), and the gap from those to the images held out (overfitting). The larger one is
    named, if it is above the noise that so many images have. Before that, it is overfitting where
    the held-out loss rose from its best by more than its noise while the training loss fell, and
    still improving where the held-out loss fell in each of the last epochs.

    Args:
        fitted: What `fit` gave.
        train: What it was trained on, as `fitted.evaluate` takes it. Without it, the training
            scores are those of an epoch: its mean, with dropout, augmentation and mixup on.
        validation_data: Images held out; by default the history's scores on those are taken.

    Returns:
        A `Diagnosis`; printed, it is a short text.

    Example:
        diagnosis = tl.diagnose(fitted)
        print(diagnosis)
        builder = dataclasses.replace(builder, **diagnosis.changes)
    """
    curves = Curves.of(fitted)
    seen = gather(fitted, curves, train, validation_data)
    case = Case.of(fitted, curves, seen)
    is_clean = case.solved or train is not None
    is_lower_bound = not is_clean and (case.mixed or seen.epochs == 1)
    verdict, reason, remedies = _by_curves(case, curves, seen) or _by_scores(
        case, seen, is_lower_bound=is_lower_bound
    )
    chosen = list(remedies)
    return Diagnosis(
        verdict=verdict,
        reason=reason,
        evidence=seen,
        advice=tuple(remedy.text for remedy in chosen),
        changes=chosen[0].changes,
        note="" if is_clean else _NOT_CLEAN,
        curves=curves,
    )


_Found = tuple[Verdict, str, Iterable[Remedy]]
_NOT_CLEAN = (
    "training scores are an epoch's mean, with dropout, augmentation and mixup on; "
    "tl.diagnose(fitted, train=...) measures the model itself"
)


def _by_curves(case: Case, curves: Curves, seen: Evidence) -> _Found | None:
    epoch, best = curves.epoch_of_model, curves.best_epoch
    if case.exploded:
        return "underfitting", case.exploded, against_underfitting(case)
    if curves.val_loss is None or best is None:
        return None
    went = (
        f"the held-out loss was lowest after epoch {best + 1} of {seen.epochs}, "
        f"{seen.best_loss:.3g}, and is {seen.last_loss:.3g} at the end"
    )
    if seen.rise > seen.rise_noise and curves.loss[epoch] < curves.loss[best]:
        reason = f"{went}, {seen.rise:.3g} higher, where {seen.rise_noise:.3g} may be noise"
        return "overfitting", f"{reason}. {_accuracies(seen)}", against_overfitting(case)
    if falls(curves.last_phase(curves.val_loss), loss_noise(seen.last_loss, seen.held_out_items)):
        reason = f"the held-out loss fell in each of the last epochs, to {seen.last_loss:.3g}"
        return "still improving", f"{reason}. {_accuracies(seen)}", to_go_on(case)
    return None


def _by_scores(case: Case, seen: Evidence, *, is_lower_bound: bool) -> _Found:
    if np.isnan(seen.held_out_accuracy):
        return "cannot tell", "there is no accuracy of images held out", [_HOLD_OUT]
    if np.isnan(seen.gap_noise):
        reason = "the accuracy, or the number of images, of one of the two sides is not known"
        return "cannot tell", reason, [_MEASURE]
    error, said = 1 - seen.train_accuracy, _accuracies(seen)
    gap_counts, error_counts = seen.gap > seen.gap_noise, error > seen.held_out_noise
    if gap_counts and (seen.gap >= error or not error_counts):
        return "overfitting", said, against_overfitting(case)
    if seen.no_better_than_guessing and not (is_lower_bound and case.mixed):
        reason = f"{said}; always giving the commonest answer reaches {seen.majority:.3f}"
        return "underfitting", reason, against_underfitting(case)
    if is_lower_bound:
        why = "of one epoch" if seen.epochs == 1 else "with mixup on"
        return "cannot tell", f"{said}, but training scores {why} say little", [_MEASURE]
    if error_counts:
        return "underfitting", said, against_underfitting(case)
    return "neither", said, [_NOTHING]


def _accuracies(seen: Evidence) -> str:
    return (
        f"{seen.train_accuracy:.3f} of {seen.train_items:,.0f} images trained on are right and "
        f"{seen.held_out_accuracy:.3f} of {seen.held_out_items:,.0f} held out, a gap of "
        f"{seen.gap:.3f}, where {seen.gap_noise:.3f} may be noise"
    )


_HOLD_OUT = Remedy(
    "hold images out: fit(..., validation_split=0.2) or validation_data=..., or give them here: "
    "tl.diagnose(fitted, train=..., validation_data=...)",
    {},
)
_MEASURE = Remedy(
    "measure the model itself: tl.diagnose(fitted, train=..., validation_data=...)", {}
)
_NOTHING = Remedy(
    "nothing: what is left is within the noise of so few images; hold out more to see more", {}
)
