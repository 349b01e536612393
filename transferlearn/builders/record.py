"""Writes the line and the warning about a training, and the record of its settings."""

from collections.abc import Sequence

import keras

from transferlearn import configs
from transferlearn.builders.networks import NetworkBuilder
from transferlearn.data import Dataset, LoadedData
from transferlearn.data.messages import notice
from transferlearn.fitted.leakage import digests, fingerprint
from transferlearn.json_fields import Json
from transferlearn.schedules import Job, OnePhase, Schedule
from transferlearn.types import Source

_NAMED = 20  # skipped items that a record names


def data_line(data: LoadedData) -> str:
    """Writes a line on what is learnt, and on how many items are trained and validated on."""
    sizes = [
        f"{'?' if part.count is None else format(part.count, ',')} to {purpose}"
        for part, purpose in zip(data, ("train on", "validate on"), strict=True)
        if part is not None
    ]
    if data.validation is None:
        sizes.append("none to validate on")
    return f"{data.train.learnt.summary()}: {', '.join(sizes)}"


def data_record(train: Dataset) -> Json:
    """Records what a model was trained on, for `Outline.data`."""
    skipped = [[str(item.path), item.reason] for item in train.skipped[:_NAMED]]
    return {
        "fingerprint": fingerprint(train),
        "digests": digests(train),
        "targets": train.learnt.table(),
        "skipped": len(train.skipped),
        "skipped_items": skipped,
        "ignored": dict(train.ignored),
    }


def say_unused_rate(job: Job) -> None:
    """Warns that a given rate or optimizer had no effect, if every phase solved the head."""
    if job.rate_given and all(result.solved for result in job.results):
        notice(
            "A solved head takes no steps, so the learning_rate or optimizer that was given has no "
            "effect. Take another schedule, such as 'auto' or 'fine-tune', to train with it."
        )


def arguments_of(validation_data: Source | None, **arguments: object) -> Json:
    """Records the arguments of `fit` that were given; of data to validate on, only that it was."""
    given = {name: configs.write(value) for name, value in arguments.items() if value is not None}
    return given if validation_data is None else {"validation_data": True, **given}


def settings_of(
    builder: NetworkBuilder,
    plan: Schedule,
    callbacks: Sequence[keras.callbacks.Callback],
) -> Json:
    """Records a builder's settings that differ from the defaults, as JSON can hold them.

    The backbone is not among them; the schedule, the callbacks and a user's own head are.
    """
    settings = {
        f.name: configs.write(getattr(builder, f.name))
        for f in configs.changed_fields(builder)
        if f.name != "backbone"
    }
    # If the builder chose no augmentation, the schedule did; named, it would be another training,
    # since the default recipe asks whether it may mirror only what nobody asked for.
    if getattr(builder, "augmentation", "none") is None and plan.augmentation != "none":
        settings["schedule_augmentation"] = plan.augmentation
    head = type(builder).build_head
    if not head.__module__.startswith(f"{__package__}."):  # a head of the user's own
        settings["head"] = configs.write(head)
    if plan != OnePhase():
        settings["schedule"] = configs.write(plan)
    if callbacks:
        settings["callbacks"] = configs.write(list(callbacks))
    return settings
