"""Draws a batch as the network is fed it."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferlearn.builders import Builder, Training
from transferlearn.checks import whole
from transferlearn.plotting.items import draw_items
from transferlearn.plotting.target_words import targets_in_words
from transferlearn.tasks import Encoding
from transferlearn.types import Source


def show_batch(
    training: Training | Builder,
    train: Source | None = None,
    *,
    count: int = 12,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draws the first items that a network is trained on, as it gets them, with their targets.

    Images are resized, augmented and mixed as in training, before the network's own preprocessing;
    texts are cut into tokens. The training comes out the same with or without this look.

    Args:
        training: What `builder.prepare` gave; or a builder, with the data to train on.
        train: The data, as `fit` takes it, where a builder was passed.
        count: The greatest number of items.
        axes: The axes to draw in, one for each item; `None`: those of a new figure.

    Example:
        tl.plotting.show_batch(builder, "photos").savefig("batch.png")
    """
    whole("count", count, least=1)
    if isinstance(training, Builder):
        if train is None:
            raise ValueError('A builder needs the data: show_batch(builder, "photos").')
        training = training.prepare(train)
    batch = training.first_batch()
    lines = [[words] for words in targets_in_words(training.encoding, batch.targets)]
    # Weights of pixels are no weights of items.
    weights = batch.weights
    if weights is not None and np.size(weights) == len(lines) and not np.all(weights == 1):
        for of_item, weight in zip(lines, np.ravel(weights), strict=True):
            of_item.append(f"weight {weight:.3g}")
    title = "A batch to train on"
    figure = draw_items(training.kind, list(batch.items[:count]), lines, axes, title)
    drawn = figure.axes if axes is None else list(axes)
    draw_targets(training.encoding, batch.targets, drawn[:count])
    return figure


@functools.singledispatch
def draw_targets(encoding: Encoding, targets: Any, axes: Sequence[Axes]) -> None:
    """Draws a batch's targets over its items, where they are pictures; by default nothing.

    Args:
        encoding: The encoding; register a function for the type of one's own.
        targets: The targets as the loss reads them.
        axes: The axes that the items are drawn in.
    """
