"""Turns a builder's settings into a freezing strategy, and into what schedules plan by."""

from typing import NamedTuple, Self

import keras

from transferlearn.backbones import Backbone
from transferlearn.freezing import Freeze, FreezeStrategy, as_strategy
from transferlearn.schedules import Job, Schedule, default_freeze
from transferlearn.templates import copy_optimizer
from transferlearn.types import Optimizer

_STEPS_OF_ONE_SIZE = (
    keras.optimizers.Adam,
    keras.optimizers.Adamax,
    keras.optimizers.Lion,
    keras.optimizers.Nadam,
)


def named_freeze(freeze: Freeze | None) -> FreezeStrategy | None:
    """Makes a strategy of the builder's `freeze`; `None` leaves the choice to the schedule."""
    return None if freeze is None else as_strategy(freeze)


def strategy(freeze: Freeze | None, backbone: Backbone) -> FreezeStrategy:
    """Makes a strategy of `freeze`; `None` freezes all of a pretrained backbone, else nothing."""
    return default_freeze(named_freeze(freeze), backbone.pretrained)


class HeldOutShare(NamedTuple):
    """The share of the items that is held out; of fewer than `least_to_split`, nothing."""

    validation_split: float
    least_to_split: int

    @classmethod
    def of(cls, validation_split: float | None, schedule: Schedule | None = None) -> Self:
        """Takes the share that the user named to the letter, or else a tenth."""
        if validation_split is not None:
            return cls(validation_split, 0)
        return cls(0.1, schedule.least_to_split if schedule else 0)


def make_job(
    backbone: Backbone,
    *,
    freeze: Freeze | None,
    optimizer: Optimizer,
    rate: float | None,
    rate_given: bool,
    epochs: int,
    items: int | None,
) -> Job:
    """Makes the job, which tells a schedule about the training that it plans.

    Args:
        backbone: The backbone, with its blocks.
        freeze: The builder's setting `freeze`.
        optimizer: The builder's setting `optimizer`.
        rate: The rate of an optimizer that is named; `None` for its own.
        rate_given: Whether the user chose the rate, or the optimizer object that has it.
        epochs: The epochs of the whole training.
        items: The number of items to train on; `None` where a stream does not tell.
    """
    template = copy_optimizer(optimizer, rate)
    return Job(
        blocks=backbone.blocks,
        freeze=named_freeze(freeze),
        pretrained=backbone.pretrained,
        epochs=epochs,
        # Schedules call nothing of Keras, so the rate becomes a plain number.
        learning_rate=float(keras.ops.convert_to_numpy(template.learning_rate)),
        rate_given=rate_given,
        steps_of_one_size=isinstance(template, _STEPS_OF_ONE_SIZE),
        items=items,
        results=[],
    )
