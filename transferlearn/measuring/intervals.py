"""Finds how surely a held-out score is known, where single items have to be looked at."""

from transferlearn.data.dataset import ItemDataset
from transferlearn.tasks.intervals import Interval
from transferlearn.training import HeldOutScore, PhaseInput


def held_out_interval(given: PhaseInput, scoring: HeldOutScore) -> Interval | None:
    """Returns the 95% interval of the held-out score, as `evaluate` computes it.

    Args:
        given: The input of the last phase.
        scoring: What scores the held-out items.

    Returns:
        The interval; `None` where it follows from the score alone, as that of an accuracy does,
        where nothing or a stream is held out, or where one item says nothing of chance.
    """
    encoding, held_out = scoring.encoding, scoring.held_out
    if not (encoding.by_batch or encoding.after_epoch) or not isinstance(held_out, ItemDataset):
        return None
    if not held_out.size:
        return None
    return scoring.evaluation(given).intervals.get(scoring.score.name)
