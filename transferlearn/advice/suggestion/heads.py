"""Scores a network by a head that is solved, or trained shortly, on its frozen, stored features."""

from dataclasses import replace

from transferlearn.builders import Builder
from transferlearn.data import LoadedData
from transferlearn.data.dataset import ItemDataset
from transferlearn.fitted import FittedModel
from transferlearn.fitted.outputs import evaluated
from transferlearn.tasks.intervals import Interval

_EPOCHS = 4
_HELD_OUT = 0.25


def score_of_head(builder: Builder, items: ItemDataset, seed: int) -> tuple[float, Interval, str]:
    """Makes the builder's head of three quarters of the items, and scores it on the others.

    Args:
        builder: The builder of the candidate.
        items: The items with their targets.
        seed: The seed by which items are held out.

    Returns:
        The score, its 95% interval, and in words what it is a score of.
    """
    train, held_out = items.split(_HELD_OUT, seed)
    fitted = train_head(builder, train, held_out, seed)
    found, score = evaluated(fitted, held_out), fitted.encoding.score
    value = found[score.name]
    made = "solved" if any(x.solved for x in fitted.phases) else f"trained for {_EPOCHS} epochs"
    how = f"of a head {made} on the frozen network, held out"
    return value, found.intervals.get(score.name, (value, value)), how


def train_head(
    builder: Builder, train: ItemDataset, held_out: ItemDataset | None, seed: int
) -> FittedModel:
    """Solves a builder's head on the frozen network, or trains it for four epochs."""
    # The builder's seed would set the backend's random state, which cannot be put back.
    quick, data = replace(builder, freeze="all", seed=None), LoadedData(train, held_out)
    training = quick.prepare(data, epochs=_EPOCHS)
    if training.objective.solver is not None:
        training = quick.prepare(data, schedule="probe")
    training = replace(training, data=replace(training.data, seed=seed))
    return training.run(verbose=0, reference=False)
