"""Draws what a model says of some items, beside what is true."""

import functools
import warnings
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferlearn import data
from transferlearn.checks import whole
from transferlearn.data import DataWarning
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.fitted import FittedModel
from transferlearn.fitted.outputs import evaluated
from transferlearn.plotting.classes import tagged
from transferlearn.plotting.evaluations import check_type
from transferlearn.plotting.items import draw_items
from transferlearn.plotting.mistaken_items import file_of
from transferlearn.tasks import ClassEvaluation, Encoding, Evaluation, NumberEvaluation
from transferlearn.types import Source


def show_results(
    fitted: FittedModel,
    labelled: Source | Dataset,
    *,
    count: int = 12,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draws some items with what a model says of them and what is true.

    They are drawn from each class in proportion, right answers and wrong ones; `show_mistakes`
    draws the worst. Masks and pictures stand beside their targets.

    Args:
        fitted: The model.
        labelled: Items with targets, as `fitted.evaluate` takes them; no stream.
        count: The greatest number of items.
        axes: The axes to draw in, one for each item (for masks four, for pictures three); `None`:
            those of a new figure.

    Example:
        tl.plotting.show_results(fitted, "photos/test").savefig("results.png")
    """
    check_type(fitted, FittedModel)
    whole("count", count, least=1)
    if not isinstance(labelled, Dataset):
        labelled = data.load(labelled, fitted.kind, fitted.encoding.target)
    if not isinstance(labelled, ItemDataset):
        raise ValueError(
            "The items of a stream cannot be read again: pass the folder, the table or the arrays "
            "that it is made of."
        )
    return draw_results(fitted.encoding, fitted, labelled.at_most(count), axes)


@functools.singledispatch
def draw_results(
    encoding: Encoding,
    fitted: FittedModel,
    labelled: ItemDataset,
    axes: Sequence[Axes] | None,
) -> Figure:
    """Draws items, and above each of them what the model says and what is true.

    Args:
        encoding: The model's encoding; register a function for the type of one's own.
        fitted: The model.
        labelled: The items to draw, with their targets.
        axes: The axes to draw in; `None`: those of a new figure.
    """
    with warnings.catch_warnings():
        # No figure of so few items is shown, so it does not matter which classes they lack.
        warnings.simplefilter("ignore", DataWarning)
        evaluation = evaluated(fitted, labelled)
    numbers = np.arange(len(labelled.first_rows))
    below = [file_of(evaluation, i) for i in numbers.tolist()]
    items = labelled.as_given(numbers)
    title = "What the model says, and what is true"
    return draw_items(fitted.kind, items, said_and_true(evaluation), axes, title, below)


@functools.singledispatch
def said_and_true(evaluation: Evaluation) -> list[tuple[str, ...]]:
    """Returns what is said of each item and what is true, in words."""
    assert evaluation.model_values is not None
    assert evaluation.targets is not None
    pairs = zip(evaluation.model_values, evaluation.targets, strict=True)
    return [(f"said {np.asarray(said)}", f"is {np.asarray(true)}") for said, true in pairs]


@said_and_true.register
def _(evaluation: ClassEvaluation) -> list[tuple[str, ...]]:
    names, predicted, labels = evaluation.class_names, evaluation.predicted, evaluation.labels
    if evaluation.several:
        tags = zip(predicted == 1, labels == 1, strict=True)
        return [_judged(tagged(names, said), "", tagged(names, true)) for said, true in tags]
    sure = evaluation.probabilities.max(axis=1)
    rows = zip(predicted, sure, labels, strict=True)
    return [_judged(names[said], f" {share:.0%}", names[true]) for said, share, true in rows]


@said_and_true.register
def _(evaluation: NumberEvaluation) -> list[tuple[str, ...]]:
    named = len(evaluation.names) > 1
    return [
        tuple(
            f"{f'{name}: ' if named else ''}said {said:.4g}, is {true:.4g}"
            for name, said, true in zip(evaluation.names, *of_item, strict=True)
        )
        for of_item in zip(evaluation.predicted, evaluation.true, strict=True)
    ]


def _judged(said: str, how_sure: str, true: str) -> tuple[str, ...]:
    """Writes an answer, whether it is right, and what is true if it is not."""
    if said == true:
        return (f"right: {said}{how_sure}",)
    return f"wrong: {said}{how_sure}", f"is {true}"
