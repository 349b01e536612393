"""What is said and written down of a training: its data, and how its builder was set."""

from collections.abc import Sequence
from typing import Any

from transferlearn import configs
from transferlearn.data import LoadedData
from transferlearn.data.messages import notice
from transferlearn.schedules import Job, OnePhase, Schedule


def found(data: LoadedData) -> str:
    """Says how many items there are, and what there is to learn of them."""
    sizes = [
        f"{'?' if part.count is None else format(part.count, ',')} to {purpose}"
        for part, purpose in zip(data, ("train on", "validate on"), strict=True)
        if part is not None
    ]
    return f"{data.train.learnt.summary()}: {', '.join(sizes)}"


def say_unused_rate(job: Job) -> None:
    """Warns of a rate or an optimizer that was given, where no phase has taken a step."""
    if job.rate_given and all(result.solved for result in job.results):
        notice(
            "A solved head takes no steps, so the learning_rate or optimizer that was given has no "
            "effect. Take another schedule, such as 'auto' or 'fine-tune', to train with it."
        )


def settings_of(builder: Any, plan: Schedule, callbacks: Sequence[Any]) -> dict[str, Any]:
    """Gives the settings that are not those by default, as `transferlearn.configs` writes them."""
    settings = {
        f.name: configs.write(getattr(builder, f.name))
        for f in configs.changed_fields(builder)
        if f.name != "backbone"
    }
    if getattr(builder, "augmentation", "none") is None and plan.augmentation != "none":
        settings["augmentation"] = plan.augmentation
    head = type(builder).build_head
    if not head.__module__.startswith(f"{__package__}."):
        settings["head"] = configs.write(head)
    if plan != OnePhase():
        settings["schedule"] = configs.write(plan)
    if callbacks:
        settings["callbacks"] = configs.write(list(callbacks))
    return settings
