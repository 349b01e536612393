"""What follows from the settings of a builder: how a network is compiled, and what is planned."""

from typing import Any

import keras

from transferlearn.backbones import Backbone
from transferlearn.freezing import Freeze, FreezeStrategy, as_strategy
from transferlearn.schedules import Job, default_freeze
from transferlearn.templates import copy_optimizer


def named_freeze(freeze: Freeze | None) -> FreezeStrategy | None:
    """Gives the strategy that a builder names; `None` where it leaves the choice to a schedule."""
    return None if freeze is None else as_strategy(freeze)


def strategy(freeze: Freeze | None, backbone: Backbone) -> FreezeStrategy:
    """Gives the strategy where no schedule chooses one."""
    return default_freeze(named_freeze(freeze), backbone.pretrained)


def make_job(
    backbone: Backbone,
    *,
    freeze: Freeze | None,
    optimizer: Any,
    rate: float | None,
    rate_given: bool,
    epochs: int,
    items: int | None,
) -> Job:
    """Makes what a schedule knows of the training that it plans.

    Args:
        backbone: What was pretrained.
        freeze: The builder's.
        optimizer: Likewise.
        rate: Of a named optimizer; `None`: its own.
        rate_given: Whether somebody asked for that rate.
        epochs: For the whole training.
        items: To train on; `None` where a stream does not tell.
    """
    template = copy_optimizer(optimizer, rate)
    return Job(
        blocks=backbone.blocks,
        freeze=named_freeze(freeze),
        pretrained=backbone.pretrained,
        epochs=epochs,
        learning_rate=float(keras.ops.convert_to_numpy(template.learning_rate)),
        rate_given=rate_given,
        items=items,
        results=[],
    )
