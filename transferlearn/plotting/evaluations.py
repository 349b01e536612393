"""Defines what each type of evaluation draws; a task's own file registers what is drawn for it."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferlearn.plotting.canvas import COLOURS, canvas, finished
from transferlearn.tasks import Evaluation

Draw = Callable[[], Figure]
"""Draws a picture, and gives its figure."""


class Mistake(NamedTuple):
    """Names an item that a model was wrong about.

    Attributes:
        item: The number of the item among those that were evaluated.
        lines: What the model said, and what is true, a line each.
    """

    item: int
    lines: tuple[str, ...]


def check_type(value: object, wanted: type) -> None:
    """Raises a `TypeError` unless a value is of the type that a picture is drawn of."""
    if not isinstance(value, wanted):
        raise TypeError(
            f"This picture needs a {wanted.__name__}: fit and tl.load give a FittedModel, and "
            f"fitted.evaluate(test) the evaluation of its task. Received: {type(value).__name__}"
        )


@functools.singledispatch
def pictures(evaluation: Evaluation) -> dict[str, Draw]:
    """Returns the pictures of an evaluation by title, as functions that draw them; by default none.

    A task of one's own registers its pictures, by the type of its evaluations:

    Example:
        @tl.plotting.pictures.register
        def _(evaluation: MaskEvaluation):
            return {"Overlap by size": functools.partial(overlap_by_size, evaluation)}

        for title, draw in tl.plotting.pictures(fitted.evaluate("photos/test")).items():
            draw().savefig(f"{title}.png")
    """
    return {}


@functools.singledispatch
def mistakes(evaluation: Evaluation, count: int = 12) -> list[Mistake]:
    """Returns the items that a model was most wrong about, the worst first; by default none.

    Args:
        evaluation: The evaluation; register a function for the type of one's own.
        count: The greatest number of items.
    """
    return []


@functools.singledispatch
def feature_map(evaluation: Evaluation, points: np.ndarray, ax: Axes | None = None) -> Figure:
    """Draws items as points in a plane, by their features, with what is true of them.

    Args:
        evaluation: The evaluation of the items; register a function for the type of one's own.
        points: The place of each item, float `(items, 2)`, as `tl.explaining.in_plane` gives it.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    ax = canvas(ax, 5.2, 4.2)
    ax.plot(*np.asarray(points).T, ".", color=COLOURS[0])
    ax.set(xticks=[], yticks=[])
    return finished(ax)
