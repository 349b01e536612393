"""Evaluates the held-out items at the end of a training, where single ones have to be looked at."""

from transferlearn.data.dataset import ItemDataset
from transferlearn.tasks import Evaluation
from transferlearn.training import HeldOutScore, PhaseInput


def last_evaluation(given: PhaseInput, scoring: HeldOutScore) -> Evaluation | None:
    """Returns the figures of the held-out items, as `evaluate` computes them.

    Args:
        given: The input of the last phase.
        scoring: What scores the held-out items.

    Returns:
        The figures; `None` where the interval of the score follows from the score alone, as that of
        an accuracy does, or where nothing or a stream is held out.
    """
    encoding, held_out = scoring.encoding, scoring.held_out
    if not (encoding.by_batch or encoding.after_epoch) or not isinstance(held_out, ItemDataset):
        return None
    return scoring.evaluation(given) if held_out.size else None
