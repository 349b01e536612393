"""Scores a network by a head that is trained for a few epochs on its frozen, stored features."""

from dataclasses import replace

from transferlearn.builders import Builder
from transferlearn.data import LoadedData
from transferlearn.data.dataset import ItemDataset
from transferlearn.fitted import FittedModel
from transferlearn.fitted.outputs import evaluated
from transferlearn.tasks.intervals import Interval

HEAD = "of a head trained for 4 epochs on the frozen network, held out"
_EPOCHS = 4
_HELD_OUT = 0.25


def score_of_head(builder: Builder, items: ItemDataset, seed: int) -> tuple[float, Interval]:
    """Trains the builder's head on three quarters of the items, and scores it on the others.

    Args:
        builder: The builder of the candidate.
        items: The items with their targets.
        seed: The seed by which items are held out.

    Returns:
        The score, and its 95% interval.
    """
    train, held_out = items.split(_HELD_OUT, seed)
    fitted = train_head(builder, train, held_out, seed)
    found, score = evaluated(fitted, held_out), fitted.encoding.score
    value = found[score.name]
    return value, found.intervals.get(score.name, (value, value))


def train_head(
    builder: Builder, train: ItemDataset, held_out: ItemDataset | None, seed: int
) -> FittedModel:
    """Trains a builder's head for four epochs on the frozen network."""
    # The builder's seed would set the backend's random state, which cannot be put back.
    quick = replace(builder, freeze="all", seed=None)
    training = quick.prepare(LoadedData(train, held_out), epochs=_EPOCHS)
    training = replace(training, data=replace(training.data, seed=seed))
    return training.run(verbose=0, reference=False)
