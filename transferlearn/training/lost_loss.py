"""Explains why a loss was lost, and at which items."""

import math
import warnings
from collections.abc import Sequence

import keras

from transferlearn.data.batches import ItemBatches
from transferlearn.data.iterating import iterate
from transferlearn.training.inputs import PhaseInput
from transferlearn.training.keeping import Keeping
from transferlearn.types import TfData

_MOST_NAMED = 40  # items that a message lists: about a batch


def report_lost_loss(
    keeping: Keeping, went_back: bool, rate: float, given: PhaseInput, names: Sequence[str] | None
) -> None:
    """Warns that the loss was lost, and says what was done.

    Raises:
        ValueError: No epoch is known to be good.
    """
    said = f"The loss became {keeping.lost:g} at the learning rate {rate:g}"
    wrong = without_finite_loss(given.model, given.batches.train, names)
    if wrong:
        cause = f"With the last good weights it is not finite for {wrong}."
    else:
        cause = "With the last good weights it is finite everywhere: take a smaller learning_rate."
    if not keeping.metrics:
        raise ValueError(f"{said} before any epoch was known to be good. {cause}")
    back, end = "the phase went back to the weights before it", "training ended with the last good"
    warnings.warn(f"{said}, so {back if went_back else f'{end} weights'}. {cause}", stacklevel=2)


def without_finite_loss(
    model: keras.Model,
    batches: keras.utils.PyDataset | TfData,
    names: Sequence[str] | None,
) -> str:
    """Names the items of each batch whose loss is not finite, or else the batch itself.

    Args:
        model: A compiled model.
        batches: The batches to look through.
        names: The paths of the items, in order, or `None`.

    Returns:
        At most 40 names with commas between, such as `batch 0, batch 3`; empty if every loss is
        finite.
    """
    lost: list[str] = []
    for index, batch in enumerate(iterate(batches)):
        x, y, *weight = batch
        model.reset_metrics()  # else Keras 3.13 gives the mean with earlier batches
        loss = model.test_on_batch(x, y, *weight, return_dict=True)["loss"]
        if math.isfinite(float(loss)):
            continue
        if names is not None and isinstance(batches, ItemBatches):
            lost += [names[row] for row in batches.rows(index)]
        else:
            lost.append(f"batch {index}")
    return ", ".join(lost[:_MOST_NAMED]) + (", ..." if len(lost) > _MOST_NAMED else "")
