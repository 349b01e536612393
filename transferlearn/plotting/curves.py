"""Draws how loss and score changed while a model was trained."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from transferlearn.fitted import FittedModel
from transferlearn.plotting.canvas import COLOURS, INK, canvases, finished, legend
from transferlearn.plotting.evaluations import check_type


class Curve(NamedTuple):
    """Holds a figure by epoch.

    Attributes:
        name: The name of the figure, such as `"loss"`.
        trained: Its values on the items trained on, `(epochs,)`; `None` where it is of whole
            answers, which are only computed of items held out.
        held_out: Its values on the items held out; `None` where there are none.
    """

    name: str
    trained: np.ndarray | None
    held_out: np.ndarray | None


def training_curves(fitted: FittedModel, axes: Sequence[Axes] | None = None) -> Figure:
    """Draws loss and score by epoch, with the ends of phases and the epoch that was kept.

    Args:
        fitted: The model.
        axes: The axes to draw in, one for the loss and one for the score; `None`: those of a new
            figure.
    """
    check_type(fitted, FittedModel)
    history = fitted.history.history
    score = fitted.encoding.score
    plain = [name for name in history if not name.startswith("val_")]
    # A user's metrics may measure the score under a name of their own, such as "acc".
    named = [name for name in plain if score.is_called(name)][:1]
    if not named and score.key in history:
        named = [score.name]
    curves = [
        Curve(name, _values(history.get(name)), _values(history.get(f"val_{name}")))
        for name in ["loss", *named]
    ]
    borders = tuple(accumulate(phase.epochs for phase in fitted.phases))
    axes = canvases(axes, len(curves), 2, 4.5, 3.7)
    return draw_curves(axes, curves, borders, fitted.epoch)


def draw_curves(
    axes: Sequence[Axes], curves: Sequence[Curve], borders: Sequence[int], kept: int
) -> Figure:
    """Draws curves, each into axes of its own.

    Args:
        axes: The axes.
        curves: The curves, all of the same epochs.
        borders: How many epochs had been run when each phase ended.
        kept: The epoch, from 1 on, whose weights the model has.
    """
    for ax, curve in zip(axes, curves, strict=True):
        values = [v for v in (curve.held_out, curve.trained) if v is not None]
        epochs = np.arange(1, len(values[0]) + 1)
        if curve.trained is not None:
            ax.plot(epochs, curve.trained, "o-", color=COLOURS[0], markersize=3, label="trained on")
        if curve.held_out is not None:
            ax.plot(epochs, curve.held_out, "s--", color=COLOURS[1], markersize=3, label="held out")
        for border in borders[:-1]:
            ax.axvline(border + 0.5, color=INK, linestyle=":", linewidth=1)
        if len(borders) > 1:
            _number_phases(ax, borders)
        at = next((float(v[kept - 1]) for v in values if kept <= len(v)), math.nan)
        ax.plot([kept], [at], "*", color=COLOURS[2], markersize=11, label=f"kept: epoch {kept}")
        ax.set(xlabel="epoch", ylabel=curve.name, xlim=(0.5, len(epochs) + 0.5))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        legend(ax)
    return finished(*axes)


def _values(values: object) -> np.ndarray | None:
    """Returns the values of each epoch as an array; `None` where none were measured."""
    return None if values is None else np.asarray(values, float)


def _number_phases(ax: Axes, borders: Sequence[int]) -> None:
    """Writes the number of each phase above its epochs."""
    middles = [(a + b + 1) / 2 for a, b in zip([0, *borders[:-1]], borders, strict=True)]
    for number, middle in enumerate(middles, start=1):
        ax.text(
            middle,
            1.01,
            f"phase {number}" if len(middles) < 4 else str(number),
            transform=ax.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontsize="small",
            color=INK,
        )
