"""Finds how surely a held-out score is known, where single items have to be looked at."""

from typing import Any

import keras

from transferlearn.data.dataset import ItemDataset
from transferlearn.tasks import Encoding
from transferlearn.tasks.intervals import Interval
from transferlearn.training import PhaseInput, TrainingData
from transferlearn.training.held_out_score import held_out_evaluation


def held_out_interval(
    given: PhaseInput, loaded: TrainingData, encoding: Encoding[Any], whole: keras.Model
) -> Interval | None:
    """Returns the 95% interval of the held-out score, as `evaluate` computes it.

    Args:
        given: The input of the last phase.
        loaded: The data of the training.
        encoding: The meaning of the outputs.
        whole: The full model.

    Returns:
        The interval; `None` where it follows from the score alone, as that of an accuracy does,
        where nothing or a stream is held out, or where one item says nothing of chance.
    """
    held_out = loaded.validation
    if not (encoding.by_batch or encoding.after_epoch) or not isinstance(held_out, ItemDataset):
        return None
    if not held_out.size:
        return None
    found = held_out_evaluation(given, held_out, encoding, whole)
    return found.intervals.get(encoding.score.name)
