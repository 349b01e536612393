"""Finds how surely a held-out score is known, where single items have to be looked at."""

from typing import Any

import keras
import numpy as np

from transferlearn.data.batches import ItemBatches
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.iterating import without_retracing_advice
from transferlearn.tasks import Encoding
from transferlearn.tasks.intervals import Interval
from transferlearn.training import PhaseInput, TrainingData


@without_retracing_advice()
def held_out_interval(
    given: PhaseInput, loaded: TrainingData, encoding: Encoding[Any]
) -> Interval | None:
    """Gives the 95% interval of the held-out score, as `evaluate` computes it.

    The held-out items are read once more, from where the last phase read them; an epoch does the
    same after its training.

    Args:
        given: The input of the last phase; its features are used where they are stored.
        loaded: The data of the training.
        encoding: The meaning of the outputs.

    Returns:
        The interval; `None` where it follows from the score alone, as that of an accuracy does,
        where nothing or a stream is held out, or where one item says nothing of chance.
    """
    held_out, batches = loaded.validation, given.batches.validation
    if not encoding.by_batch or not isinstance(held_out, ItemDataset):
        return None
    if not isinstance(batches, ItemBatches) or not len(batches):
        return None
    tallies = []
    for index in range(len(batches)):
        x = keras.tree.map_structure(keras.ops.convert_to_tensor, batches[index][0])
        values = encoding.values(given.model(x, training=False))
        targets = np.asarray(held_out.learnt[batches.rows(index)])
        tallies.append(encoding.tally(values, targets))
    intervals = type(tallies[0]).joined(tallies).evaluation().intervals
    return intervals.get(encoding.score.name)
