"""Judges by its curves and scores whether a training over- or underfitted."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from transferlearn.advice.diagnosis.curves import Curves, falls
from transferlearn.advice.diagnosis.evidence import Evidence, gather, loss_noise
from transferlearn.advice.diagnosis.remedies import (
    Case,
    Remedy,
    against_overfitting,
    against_underfitting,
    to_go_on,
)
from transferlearn.fitted import FittedModel
from transferlearn.plotting import write_figure
from transferlearn.types import Source

Verdict = Literal[
    "wrong labels", "overfitting", "underfitting", "still improving", "neither", "cannot tell"
]


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Holds the verdict on a training, the figures behind it, and what to change next.

    Attributes:
        verdict: `"wrong labels"`, `"overfitting"`, `"underfitting"`, `"still improving"`,
            `"neither"` or `"cannot tell"`.
        reason: The reason for the verdict, in a sentence.
        evidence: The figures behind the verdict.
        advice: What to change, in the order to try it in.
        changes: The first advice that is about fields of the builder, for
            `dataclasses.replace(builder, **changes)`; empty where none is.
        note: How far the figures can be trusted; empty where there is no doubt.
        curves: The losses and scores of each epoch.
    """

    verdict: Verdict
    reason: str
    evidence: Evidence
    advice: tuple[str, ...]
    changes: dict[str, Any]
    note: str
    curves: Curves = field(repr=False)

    def plot(self, path: str | Path) -> None:
        """Draws the curves, and marks where phases ended.

        Args:
            path: The file to write, such as `curves.png`.

        Raises:
            ImportError: matplotlib is not installed.
        """
        write_figure(path, self.curves.draw)

    def __str__(self) -> str:
        lines = [f"{self.verdict.capitalize()}: {self.reason}."]
        lines += [f"{i}. {text}" for i, text in enumerate(self.advice, start=1)]
        return "\n".join([*lines, *([f"Note: {self.note}"] if self.note else [])])

    __repr__ = __str__


def diagnose(
    fitted: FittedModel, train: Source | None = None, validation_data: Source | None = None
) -> Diagnosis:
    """Returns whether a model over- or underfits, by which figures, and what to change next.

    When to use it: after each `fit`, also on a model that `tl.load` brought back. It reads the
    history, and measures the scores of the data that is passed.

    Labels are probably wrong where a head that was solved without them is about as sure where it
    contradicts them as where it agrees; then nothing else is judged. Otherwise, the error on
    held-out items has two parts: the error on the items trained on (underfitting), and
    the gap from there to the items held out (overfitting). The larger part is the verdict, if it is
    above the noise of that many items. It is overfitting, too, where the held-out loss rose from
    its lowest by more than its noise while the training loss fell and some answers are wrong. And a
    training that seems to underfit is still improving where the held-out loss fell in each of the
    last epochs to its lowest, so fast that as many epochs again would lower it by more than noise.

    Args:
        fitted: The trained model that `fit` gave.
        train: The data it was trained on, as `fitted.evaluate` takes it. Without it, the training
            scores are those of an epoch: its mean, with dropout, augmentation and mixup on.
        validation_data: Data held out, as `fitted.evaluate` takes it; by default the history's
            scores are taken.

    Returns:
        A `Diagnosis`; printed, it is a short text.

    Raises:
        TypeError: `fitted` is something else than what `fit` gave.
        ValueError: It was not trained, such as what `pretrained` of a builder gives.

    Example:
        diagnosis = tl.diagnose(fitted)
        print(diagnosis)
        builder = dataclasses.replace(builder, **diagnosis.changes)
    """
    if not isinstance(fitted, FittedModel):
        raise TypeError(f"diagnose takes what a builder's fit gave. Received: {fitted!r}")
    if not fitted.history.history:
        raise ValueError("The model is as it came, and was not trained: builder.fit(train)")
    curves = Curves.of(fitted)
    seen = gather(fitted, curves, train, validation_data)
    case = Case.of(fitted, curves, seen)
    is_clean = case.solved or train is not None
    # Mixed items are harder, and the mean of a single epoch begins with an untrained head.
    is_lower_bound = not is_clean and (case.mixed or seen.epochs == 1)
    verdict, reason, remedies = _judge(case, curves, seen, is_lower_bound=is_lower_bound)
    chosen = list(remedies)
    return Diagnosis(
        verdict=verdict,
        reason=reason,
        evidence=seen,
        advice=tuple(remedy.text for remedy in chosen),
        changes=next((remedy.changes for remedy in chosen if remedy.changes), {}),
        note="; ".join(_notes(fitted, seen, case, is_clean=is_clean)),
        curves=curves,
    )


_Judgement = tuple[Verdict, str, Iterable[Remedy]]


def _notes(fitted: FittedModel, seen: Evidence, case: Case, *, is_clean: bool) -> Iterator[str]:
    """Yields warnings of what makes the figures less reliable, for `Diagnosis.note`."""
    if not is_clean:
        on = "dropout, augmentation and mixup" if case.varied else "dropout"
        yield (
            f"training scores are an epoch's mean, with {on} on "
            "(tl.diagnose(fitted, train=...) measures the model itself)"
        )
    trained_on = fitted.outline.train_items
    if trained_on is not None and seen.train_items > trained_on:
        yield (
            f"train= holds {seen.train_items:,.0f} examples, of which fit trained on "
            f"{trained_on:,}; the others make the gap look smaller"
        )
    if fitted.outline.backbone_layers is None:
        yield "this save does not say how its builder was set, so defaults are taken"


def _judge(case: Case, curves: Curves, seen: Evidence, *, is_lower_bound: bool) -> _Judgement:
    """Returns the verdict, the reason for it, and what to change."""
    # The order matters: the first verdict that holds is given.
    if case.exploded:
        return "underfitting", case.exploded, against_underfitting(case)
    if seen.contradicts and not seen.no_better_than_guessing:
        return "wrong labels", _CONTRADICTED.format(seen.surer_if_right), [_DOUBT]
    error, said = 1 - seen.train_score, _score_text(seen)
    error_counts = error > seen.held_out_noise
    rose = seen.rise > seen.rise_noise and curves.loss_fell_since_best
    if rose and not (seen.all_right or seen.gap < 0):
        return "overfitting", f"{_rise_text(seen)}; {said}", against_overfitting(case)
    if seen.gap > seen.gap_noise and (seen.gap >= error or not error_counts):
        return "overfitting", said, against_overfitting(case)
    if _improves(curves, seen):
        fell = f"the held-out loss fell in each of the last epochs, to {seen.last_loss:.3g}"
        return "still improving", f"{fell}; {said}", to_go_on(case)
    if math.isnan(seen.held_out_score):
        name = seen.score.name
        return "cannot tell", f"there is no {name} of examples held out", [_HOLD_OUT]
    if math.isnan(seen.gap_noise):
        more = "" if math.isnan(seen.train_score) else ", and more is not known"
        return "cannot tell", f"{said}{more}", [_MEASURE]
    if seen.no_better_than_guessing and not (is_lower_bound and case.mixed):
        guessing = f"{seen.score.guess} reaches {seen.score.shown(seen.guessing)}"
        return "underfitting", f"{said}; {guessing}", against_underfitting(case)
    if is_lower_bound:
        why = "of one epoch" if seen.epochs == 1 else "with mixup on"
        return "cannot tell", f"{said}, but training scores {why} say little", [_MEASURE]
    if error_counts:
        return "underfitting", said, against_underfitting(case)
    return "neither", said, [_NOTHING]


def _improves(curves: Curves, seen: Evidence) -> bool:
    """Returns whether the held-out loss still falls, and is at its lowest."""
    if curves.val_loss is None or seen.all_right or seen.rise > 0:
        return False
    return falls(curves.to_model(curves.val_loss), loss_noise(seen.last_loss, seen.curve_items))


def _rise_text(seen: Evidence) -> str:
    """Describes how far the held-out loss rose from its lowest, and how much may be noise."""
    return (
        f"the held-out loss was lowest after epoch {seen.best_epoch:g} of {seen.epochs}, "
        f"{seen.best_loss:.3g}, and is {seen.last_loss:.3g} now, where a rise by "
        f"{seen.rise_noise:.2g} may be noise"
    )


def _score_text(seen: Evidence) -> str:
    """Describes both scores, the gap between them, and how much of it may be noise."""
    score = seen.score
    if math.isnan(seen.train_score):
        return (
            f"of {seen.held_out_items:,.0f} examples held out {score.said(seen.held_out_score)}, "
            "and training measured none of those trained on"
        )
    return (
        f"of {seen.train_items:,.0f} examples trained on {score.said(seen.train_score)}, of "
        f"{seen.held_out_items:,.0f} held out {score.shown(seen.held_out_score)}, a gap of "
        f"{score.shown(seen.gap)}, where {score.shown(seen.gap_noise)} may be noise"
    )


_CONTRADICTED = (
    "some labels are probably wrong, since a head that was solved without them is about as sure "
    "where it contradicts them as where it agrees (it is surer of what it is right about in {:.0%} "
    "of pairs, where 75% or more are usual)"
)
_DOUBT = Remedy(
    'look at the most doubtful ones: tl.doubt(builder, "photos").show(), or "transferlearn doubt '
    'photos"',
    {},
)
_HOLD_OUT = Remedy(
    "hold examples out: fit(..., validation_split=0.2) or validation_data=..., or give them here: "
    "tl.diagnose(fitted, train=..., validation_data=...)",
    {},
)
_MEASURE = Remedy(
    "measure the model itself: tl.diagnose(fitted, train=..., validation_data=...)", {}
)
_NOTHING = Remedy(
    "nothing: what is left is within the noise of so few examples; hold out more to see more", {}
)
