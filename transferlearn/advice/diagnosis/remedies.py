"""Lists what to change next in a builder, in the order to try it in."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from transferlearn import configs, heads
from transferlearn.advice.diagnosis.curves import STEADY, Curves, falls, wobble
from transferlearn.advice.diagnosis.evidence import Evidence, loss_noise
from transferlearn.data import Images, Texts
from transferlearn.fitted import FittedModel
from transferlearn.freezing import FreezeStrategy, TrainLastBlocks
from transferlearn.schedules import Auto, Schedule
from transferlearn.tasks import Encoding, NextTokenEncoding, WritingEncoding

_TOO_HIGH = 5  # times the loss of guessing: no untrained head is that bad
_KEEP_BEST = (
    "keep the best epoch: fit(..., callbacks=[keras.callbacks.EarlyStopping('val_loss', "
    "patience=3, restore_best_weights=True)])"
)


class Remedy(NamedTuple):
    """Holds one piece of advice, in words and, if it is about the builder, as its new fields.

    Attributes:
        text: The advice in words.
        changes: The same as fields of the builder; empty where it is not about those.
    """

    text: str
    changes: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Holds the facts of a training that decide what to change.

    Attributes:
        settings: What differs from the defaults of the builder, its schedule and its callbacks, as
            `transferlearn.configs` writes it.
        solved: Whether the head was solved in the phase that the model is of.
        epochs: The number of epochs that were run.
        learning_rate: The learning rate of the first phase that took gradient steps.
        frozen: The share of the backbone's layers that were frozen at the end.
        image_size: `(height, width)` in pixels; `None` where the items are no images.
        head_first: Whether a head was solved before anything else was trained.
        exploded: How the training loss exploded, in words; empty where it did not.
        guessing: Whether after several epochs the training loss is still above that of guessing.
        moved: Whether the training loss fell by more than it wobbles; `True` after one epoch, which
            cannot tell.
        falling: Whether the training loss still falls, or there are too few epochs to tell.
        encoding: What was learnt of the targets.
        past_best: Whether the held-out loss was lower after an earlier epoch.
        varied: The names of the augmentations that the builder takes, the weakest first.
    """

    settings: Mapping[str, object]
    solved: bool
    epochs: int
    learning_rate: float
    frozen: float
    image_size: tuple[int, int] | None
    head_first: bool
    exploded: str
    guessing: bool
    moved: bool
    falling: bool
    past_best: bool
    encoding: Encoding
    varied: tuple[str, ...]

    @property
    def has_own_rate(self) -> bool:
        """Returns whether the default recipe was used, which sets its own rate."""
        # It keeps its end too: under a rate that falls to 0, the last epoch is the best more often
        # than the one that is best on a few held-out items (docs/recipes.md).
        return isinstance(configs.read(self.settings.get("schedule"), Schedule), Auto)

    @classmethod
    def of(cls, fitted: FittedModel, curves: Curves, seen: Evidence) -> "Case":
        """Finds these facts in a trained model, its curves and its scores."""
        outline = fitted.outline
        # A phase that kept epoch 0 kept the weights from before it, so the model is not of it.
        kept = [phase for phase in fitted.phases if phase.kept_epoch != 0]
        phase = (kept or fitted.phases)[-1]
        stepped = [result for result in fitted.phases if not result.solved]
        losses = curves.to_model(curves.loss)
        noise = loss_noise(losses.min(), seen.train_items)
        is_last = curves.epoch_of_model == curves.epochs - 1
        layers, guessing = outline.backbone_layers, fitted.encoding.scoring.guessing_loss
        usual_start = guessing if fitted.encoding.starts_at_guessing else math.inf
        return cls(
            settings=outline.settings,
            solved=phase.solved is not None,
            epochs=curves.epochs,
            learning_rate=(stepped or [phase])[0].learning_rate,
            frozen=len(phase.frozen_layers) / layers if layers else 1.0,
            image_size=fitted.kind.image_size if isinstance(fitted.kind, Images) else None,
            head_first=len(stepped) < len(fitted.phases),
            exploded=_explosion(losses, noise, seen, usual_start),
            guessing=len(losses) > 1 and losses[-1] > guessing,
            moved=len(losses) == 1 or losses[0] - losses[-1] > wobble(losses),
            falling=is_last and (len(losses) < STEADY or falls(losses, noise)),
            past_best=seen.best_epoch - 1 < curves.epoch_of_model,
            encoding=fitted.encoding,
            varied=() if isinstance(fitted.kind, Texts) else fitted.encoding.varied,
        )

    @property
    def mixed(self) -> bool:
        """Returns whether items were mixed in training (mixup)."""
        return "mixup" in self.settings

    @property
    def head(self) -> heads.PooledDense | heads.FlattenDense | None:
        """The built-in head that was used; `None` where it was another one."""
        if any(output.per != "item" for output in self.encoding.outputs.values()):
            return None  # a decoder
        head: object = heads.PooledDense()
        if "head" in self.settings:
            head = configs.read(self.settings["head"], heads.Head)
        return head if isinstance(head, (heads.PooledDense, heads.FlattenDense)) else None


def _explosion(losses: np.ndarray, noise: float, seen: Evidence, guessing: float) -> str:
    """Describes how the training loss exploded; empty if it did not, or nearly all is right."""
    lowest, last = losses.min(), seen.train_loss
    if not math.isfinite(last):
        return "the training loss is not finite"
    if 1 - seen.train_score <= seen.train_noise:
        return ""  # near a perfect fit a loss goes up and down by many times itself
    if last - lowest > max(noise, (losses[0] - lowest) / 2):  # half of what was gained is lost
        return f"the training loss went up from {lowest:.3g} to {last:.3g}"
    above = min(last, seen.last_loss) > guessing + loss_noise(guessing, seen.train_items)
    if len(losses) > 1 and above and losses.max() > _TOO_HIGH * guessing:
        return f"the training loss, {last:.3g}, is above that of guessing, {guessing:.3g}"
    return ""


def against_overfitting(case: Case) -> Iterator[Remedy]:
    """Lists remedies against overfitting, in the order to try them in."""
    head = case.head
    if not case.solved:  # a solved head has its L2 penalty already, chosen by cross-validation
        if case.past_best and not case.has_own_rate:
            yield Remedy(_KEEP_BEST, {})
        stronger = {"none": "light", "light": "strong"}
        by_schedule = case.settings.get("schedule_augmentation", "none")
        used = case.settings.get("augmentation", by_schedule)
        if isinstance(used, str) and (name := stronger.get(used)) in case.varied:
            views = {"views": 4} if case.frozen else {}
            yield _change("augmentation", augmentation=name, **views)
        for name, value, why in (
            ("dropout", 0.5, "more dropout in the head"),
            ("l2", 1e-4, "an L2 penalty in the head"),
        ):
            setting: dict[str, Any] = {name: value}
            if head and getattr(head, name) < value:
                yield _change(why, head=replace(head, **setting))
        if case.encoding.mixes and not case.mixed:
            yield _change("mixup", mixup=0.2)
    if case.frozen < 1 and (more := _freeze_more(case)):
        yield _change("fewer trained blocks", freeze=more)
    if isinstance(head, heads.FlattenDense):
        yield _change("a smaller head", head=heads.PooledDense(dropout=0.5))
    yield Remedy("more examples to train on", {})


def to_go_on(case: Case) -> Iterator[Remedy]:
    """Lists remedies for a training that still improves, in the order to try them in."""
    yield from _head_first(case)
    yield from _more_epochs(case)


def against_underfitting(case: Case) -> Iterator[Remedy]:
    """Lists remedies against underfitting, in the order to try them in."""
    if case.exploded:
        yield _change(
            "a smaller rate (tl.find_learning_rate finds one)",
            learning_rate=_times(0.1, case),
        )
    elif not case.solved:
        yield from _head_first(case)
        if not case.moved or case.guessing:
            yield from _faster(case)
        elif case.falling:
            yield from _more_epochs(case)
    head = case.head
    if head and not case.solved and (head.dropout > 0.2 or head.l2):
        less = replace(head, dropout=min(head.dropout, 0.2), l2=0.0)
        yield _change("less regularisation", head=less)
    if "mixup" in case.settings and not case.solved:
        yield _change("no mixup", mixup=0.0)
    if case.frozen == 1:
        free = _change("free the last blocks", freeze=TrainLastBlocks(2))
        yield Remedy(f"{free.text}, with fit(..., schedule='fine-tune')", free.changes)
    elif case.frozen:
        yield _change("free more blocks", freeze="none")
    if isinstance(head, heads.FlattenDense):
        yield _change("a larger head", head=replace(head, units=tuple(2 * n for n in head.units)))
    elif head:
        yield _change("a larger head", head=heads.FlattenDense((128,)))
    if case.image_size:
        height, width = (round(1.5 * side / 32) * 32 for side in case.image_size)
        yield _change("larger images", image_size=(height, width))
    yield Remedy("another backbone: 'transferlearn backbones' lists them", {})


def _change(why: str, **changes: object) -> Remedy:
    """Makes a remedy that sets fields of the builder, and shows them as code."""
    shown = ", ".join(f"{name}={_shown(value)}" for name, value in changes.items())
    return Remedy(f"{why}: {shown}", changes)


def _head_first(case: Case) -> Iterator[Remedy]:
    """Advises to solve the head first, if backbone layers were trained without that."""
    if case.frozen < 1 and not case.head_first and not case.encoding.answers_untrained:
        yield Remedy(
            "solve the head first; a random one spoils what is pretrained: "
            "fit(..., schedule='fine-tune')",
            {},
        )


def _more_epochs(case: Case) -> Iterator[Remedy]:
    """Advises to double the epochs, and then a larger rate where that can help."""
    yield Remedy(f"more epochs: fit(..., epochs={2 * case.epochs})", {})
    yield from _faster(case)


def _faster(case: Case) -> Iterator[Remedy]:
    """Advises a rate ten times as large, where that can help."""
    # Not where pretrained layers are trained, since a head bears a hundred times their rate, nor in
    # the default recipe, which has a rate of its own (docs/diagnosing.md).
    if case.frozen == 1 and not case.has_own_rate:
        yield _change(
            "a larger rate (tl.find_learning_rate finds one)", learning_rate=_times(10, case)
        )


def _times(factor: float, case: Case) -> float:
    """Returns the training's learning rate times a factor, rounded to three digits."""
    return float(f"{factor * case.learning_rate:.3g}")  # Keras holds it as a float32


def _freeze_more(case: Case) -> FreezeStrategy | str | None:
    """Returns a freezing that trains fewer blocks than the one that was used, if there is one."""
    if not case.frozen:
        return TrainLastBlocks(2)
    used = configs.read(case.settings.get("freeze"), FreezeStrategy)
    writes = isinstance(case.encoding, (NextTokenEncoding, WritingEncoding))  # so it has no head
    usual = 2 if writes else 0
    count = used.count // 2 if isinstance(used, TrainLastBlocks) else usual
    if count:
        return TrainLastBlocks(count)
    return None if writes else "all"


def _shown(value: object) -> str:
    """Writes a value as Python code that a user can paste."""
    if isinstance(value, float):
        return f"{value:g}"
    homes = {heads.Head: "tl.heads.", FreezeStrategy: "tl.freezing."}
    return "".join(home for family, home in homes.items() if isinstance(value, family)) + repr(
        value
    )
