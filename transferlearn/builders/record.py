"""What is said and written down of a training: its data, and how its builder was set."""

from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from transferlearn.data import Dataset, notice
from transferlearn.evaluation import majority
from transferlearn.schedules import Job, OnePhase, Schedule


def found(train: Dataset, held_out: Dataset | None) -> str:
    """Says how many images of which classes there are."""
    sizes = [
        f"{'?' if part.count is None else format(part.count, ',')} to {purpose}"
        for part, purpose in ((train, "train on"), (held_out, "validate on"))
        if part is not None
    ]
    names = train.class_names
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return f"{len(names)} classes ({listed}): {', '.join(sizes)}"


def say_unused_rate(job: Job) -> None:
    """Warns of a rate or an optimizer that was given, where no phase has taken a step."""
    if job.rate_given and all(result.head.startswith("solved") for result in job.results):
        notice(
            "A solved head takes no steps, so the learning_rate or optimizer that was given has no "
            "effect. Take another schedule, such as 'auto' or 'fine-tune', to train with it."
        )


def record(
    builder: Any,
    plan: Schedule,
    callbacks: Sequence[Any],
    layers: Sequence[Any],
    train: Dataset,
    held_out: Dataset | None,
) -> dict[str, Any]:
    """Gives what an `Outline` says of the training."""
    settings = {
        f.name: shown(getattr(builder, f.name))
        for f in fields(builder)
        if f.name != "backbone" and getattr(builder, f.name) != _default(f)
    }
    if getattr(builder, "augmentation", "none") is None and plan.augmentation != "none":
        settings["augmentation"] = shown(plan.augmentation)
    build_head = type(builder).build_head.__qualname__
    if build_head != "Builder.build_head":
        settings["head"] = build_head
    if plan != OnePhase():
        settings["schedule"] = shown(plan)
    if callbacks:
        settings["callbacks"] = shown(callbacks)
    labels = None if held_out is None else held_out.labels
    return {
        "settings": settings,
        "backbone_layers": len(layers),
        "train_items": train.count,
        "validation_items": held_out and held_out.count,
        "majority": None if labels is None else majority(labels, multi_label=train.multi_label),
    }


def shown(value: Any) -> str:
    """Writes a setting down: in full where it is plain, else the name of its type."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(shown, value))}]"
    if getattr(value, "restore_best_weights", False):
        return f"{type(value).__name__}(restore_best_weights=True)"
    if value is None or isinstance(value, (str, int, float)) or is_dataclass(value):
        return repr(value)
    return getattr(value, "__name__", type(value).__name__)


def _default(field: Any) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()
