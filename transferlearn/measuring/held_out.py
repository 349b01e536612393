"""Evaluates the held-out items at the end of a training, where single ones have to be looked at."""

from dataclasses import replace

import numpy as np

from transferlearn.data.dataset import ItemDataset
from transferlearn.data.messages import quiet
from transferlearn.data.targets.base import Targets
from transferlearn.data.targets.classes import ClassTargets
from transferlearn.tasks import Evaluation
from transferlearn.tasks.solving.logistic import UNEQUAL
from transferlearn.training import HeldOutScore, PhaseInput


def last_evaluation(given: PhaseInput, scoring: HeldOutScore) -> Evaluation | None:
    """Returns the figures of the held-out items, as `evaluate` computes them.

    Args:
        given: The input of the last phase.
        scoring: What scores the held-out items.

    Returns:
        The figures; `None` where the score alone says as much, as an accuracy does of classes that
        are about as large, or where nothing or a stream is held out.
    """
    encoding, held_out = scoring.encoding, scoring.held_out
    if not isinstance(held_out, ItemDataset) or not held_out.size:
        return None
    if encoding.scoring.by_batch or encoding.after_epoch or not encoding.score.of_items:
        return scoring.evaluation(given)
    if not _are_unequal(held_out.targets):
        return None
    with quiet():  # of classes without held-out items, which was said before
        return scoring.evaluation(given)


def baseline_of(scoring: HeldOutScore, batch_size: int, pretrained: bool) -> float | None:
    """Returns the score on the held-out items of what knows nothing of those to train on.

    It is that of the pretrained network, where that answers, and else of a guess; `None` where
    nothing is held out, or there is no such guess. It is called before the training.

    Args:
        scoring: What scores the held-out items.
        batch_size: The number of items in a batch.
        pretrained: Whether the network has pretrained weights.
    """
    encoding, held_out = scoring.encoding, scoring.held_out
    if held_out is None:
        return None
    if encoding.answers_untrained and pretrained and held_out.size:
        before = replace(scoring)  # what it compiles knows no later change of the layers
        return before.read_anew(batch_size)[encoding.score.name]
    return encoding.scoring.baseline(held_out.learnt)


def _are_unequal(targets: Targets | None) -> bool:
    """Returns whether items have a class each, and classes that occur differ much in size."""
    if not isinstance(targets, ClassTargets) or targets.labels is None or targets.labels.ndim > 1:
        return False
    counts = np.bincount(targets.labels)
    return bool(counts.max() > UNEQUAL * counts[counts > 0].min())
