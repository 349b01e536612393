"""Draws items that a model was wrong about."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferlearn import data
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.fitted import FittedModel
from transferlearn.plotting.canvas import INK, bare, canvases, finished
from transferlearn.plotting.classes import confused_pairs
from transferlearn.plotting.evaluations import Draw, check_type, mistakes
from transferlearn.plotting.items import draw_items, layout
from transferlearn.tasks import ClassEvaluation, Evaluation
from transferlearn.types import Source


def show_mistakes(
    fitted: FittedModel,
    evaluation: Evaluation,
    source: Source | Dataset | None = None,
    *,
    count: int = 12,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draws the items that a model was most wrong about, the most confident mistakes first.

    Args:
        fitted: The model.
        evaluation: What `fitted.evaluate` gave.
        source: What was evaluated; it is needed where the items are no files.
        count: The greatest number of items.
        axes: The axes to draw in, one for each item; `None`: those of a new figure.

    Example:
        evaluation = fitted.evaluate("photos/test")
        tl.plotting.show_mistakes(fitted, evaluation).savefig("mistakes.png")
    """
    check_type(fitted, FittedModel)
    check_type(evaluation, Evaluation)
    found = mistakes(evaluation, count)
    items = items_of(fitted, evaluation, [one.item for one in found], source)
    title = "Worst mistakes" if found else "No mistakes"
    below = [file_of(evaluation, one.item) for one in found]
    return draw_items(fitted.kind, items, [one.lines for one in found], axes, title, below)


def show_pairs(
    fitted: FittedModel,
    evaluation: ClassEvaluation,
    source: Source | Dataset | None = None,
    *,
    pairs: int = 4,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draws, for the pairs of classes that are confused most often, some of the items.

    Args:
        fitted: The model.
        evaluation: What `fitted.evaluate` gave.
        source: What was evaluated; it is needed where the items are no files.
        pairs: The greatest number of pairs, each of which is a row.
        axes: The axes to draw in, as many for each pair as are drawn side by side; `None`: those of
            a new figure.
    """
    check_type(fitted, FittedModel)
    check_type(evaluation, ClassEvaluation)
    found = confused_pairs(evaluation, pairs)
    columns, width, height = layout(fitted.kind)
    if not found:
        return draw_items(fitted.kind, [], [], axes, "No mistakes")
    places = canvases(axes, columns * len(found), columns, width, height)
    for row, (words, numbers) in enumerate(found.items()):
        of_row = places[columns * row : columns * (row + 1)]
        items = items_of(fitted, evaluation, numbers[:columns], source)
        below = [file_of(evaluation, i) for i in numbers[:columns]]
        draw_items(fitted.kind, items, [()] * columns, of_row, below=below)
        for ax in of_row[len(items) :]:
            bare(ax)
        # The heading is wider than its item, so only the blank title makes room for it.
        first = of_row[0]
        first.set_title(" ", fontsize=9)
        heading = first.annotate(
            words, (0, 1), (0, 4), "axes fraction", "offset points", color=INK, fontsize=9
        )
        heading.set_in_layout(False)
    return finished(*places)


def file_of(evaluation: Evaluation, item: int) -> str:
    """Names the file of an item, and its folder; of an item that is no file, gives its number."""
    path = evaluation.paths[item] if evaluation.paths else None
    return f"item {item}" if path is None else "/".join(Path(path).parts[-2:])


@functools.singledispatch
def pictures_of_items(
    evaluation: Evaluation, fitted: FittedModel, source: Source | Dataset | None = None
) -> dict[str, Draw]:
    """Returns the pictures of an evaluation that show items, by title, as functions that draw them.

    Args:
        evaluation: What `fitted.evaluate` gave; register a function for the type of one's own.
        fitted: The model.
        source: What was evaluated; it is needed where the items are no files.
    """
    if not mistakes(evaluation, 1):
        return {}
    return {"Worst mistakes": functools.partial(show_mistakes, fitted, evaluation, source)}


@pictures_of_items.register
def _(
    evaluation: ClassEvaluation, fitted: FittedModel, source: Source | Dataset | None = None
) -> dict[str, Draw]:
    found = pictures_of_items.dispatch(Evaluation)(evaluation, fitted, source)
    if confused_pairs(evaluation, 1):
        found["Most confused"] = functools.partial(show_pairs, fitted, evaluation, source)
    return found


def items_of(
    fitted: FittedModel,
    evaluation: Evaluation,
    numbers: Sequence[int],
    source: Source | Dataset | None,
) -> Sequence[object]:
    """Returns items that were evaluated, as `draw_item` takes them: paths of files, or arrays.

    Args:
        fitted: The model.
        evaluation: What `fitted.evaluate` gave.
        numbers: The numbers of the items.
        source: What was evaluated; it may be `None` where all these items are files.

    Raises:
        ValueError: The items are no files, and `source` was not given or has other items.
    """
    paths = [evaluation.paths[i] if evaluation.paths else None for i in numbers]
    in_files = all(path is not None for path in paths)
    if source is None and not in_files:
        raise ValueError(
            f"These {fitted.kind.noun}s are no files: pass what was evaluated once more, as the "
            "third argument (source=...)."
        )
    dataset = source
    if source is not None and not isinstance(source, Dataset):
        dataset = data.load(source, fitted.kind, fitted.encoding.target)
    if isinstance(dataset, ItemDataset) and dataset.count == evaluation["count"]:
        return dataset.as_given(np.asarray(numbers, int))
    if in_files:
        return paths
    count = dataset.count if isinstance(dataset, ItemDataset) else 0
    raise ValueError(
        f"source has {count} {fitted.kind.noun}s that can be read again, and "
        f"{evaluation['count']:.0f} were evaluated."
    )
