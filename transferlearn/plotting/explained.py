"""Draws explanations: heat maps over images, and texts with the words that count."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from transferlearn.explaining import HeatMap, WordImportances, explain
from transferlearn.fitted import FittedModel
from transferlearn.plotting.canvas import COLOURS, INK, bare, canvases, finished
from transferlearn.plotting.items import Grid
from transferlearn.plotting.labels import label

_SIDE = 320  # pixels; heat maps are drawn on images no larger
_LEVELS = (0.5, 0.8)  # of heat, at which lines are drawn
_COARSE = 7  # cells; the usual networks have as many at 224 pixels
_HOT = "#FFB000"
_MOST_WORDS = 16


@functools.singledispatch
def draw_explanation(explanation: object, ax: Axes) -> None:
    """Draws one explanation into axes; register a function for the explanations of your own kind.

    Args:
        explanation: What `tl.explaining.explain` gives for an item.
        ax: The axes to draw in.
    """
    raise TypeError(f"Nothing draws a {type(explanation).__name__}: register a function for it.")


@functools.singledispatch
def room(explanation: object) -> Grid:
    """Returns the room that an explanation needs."""
    return Grid(4, 2.6, 2.2)


@functools.singledispatch
def how_to_read(explanation: object) -> str:
    """Describes what the colours and lines of an explanation mean; empty where its axes say so."""
    return ""


def explanations(
    fitted: FittedModel,
    items: object,
    answer: str | None = None,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draws for each item what speaks for the model's answer: places in an image, words in a text.

    Args:
        fitted: The model.
        items: Whatever `predict` takes; a dozen items fill a page.
        answer: The class or the number to explain; `None`: the class that the model says, or the
            first number.
        axes: The axes to draw in, one for each item; `None`: those of a new figure.

    Example:
        tl.plotting.explanations(fitted, ["cat.jpg", "dog.jpg"]).savefig("why.png")
    """
    found = explain(fitted, items, answer)
    if not found:
        raise ValueError("There are no items to explain.")
    own = axes is None
    axes = canvases(axes, len(found), *room(found[0]))
    for ax, one in zip(axes, found, strict=False):
        draw_explanation(one, ax)
    figure = finished(*axes)
    if own and (how := how_to_read(found[0])):
        figure.supxlabel(how, color=INK, fontsize="small")
    return figure


@room.register
def _(explanation: HeatMap) -> Grid:
    return Grid(5, 2.0, 2.8)


@draw_explanation.register
def _(explanation: HeatMap, ax: Axes) -> None:
    heat, pixels = explanation.resized(), explanation.image
    step = max(1, max(heat.shape) // _SIDE)
    heat, pixels = heat[::step, ::step], pixels[::step, ::step]
    grey = np.asarray(pixels, np.float32).mean(axis=-1, keepdims=True) / 255
    # Lighter where the heat is, and lines around it: it is seen in shades of grey, too.
    share = 0.65 * np.clip(heat, 0, 1)[..., None]
    ax.imshow(np.clip(grey * (1 - share) + share * np.array(to_rgb(_HOT)), 0, 1))
    if heat.max() > heat.min():
        ax.contour(heat, levels=_LEVELS, colors=["white", "white"], linewidths=[0.6, 1.4])
    bare(ax)
    rows, columns = explanation.values.shape
    ax.set_title(label(explanation.answer, 26), fontsize=9, color=INK)
    file = "" if explanation.path is None else f"{label(Path(explanation.path).name, 30)}\n"
    ax.set_xlabel(f"{file}{rows} x {columns} cells", fontsize=7, color=INK)


@how_to_read.register
def _(explanation: HeatMap) -> str:
    thin, thick = _LEVELS
    rows, columns = explanation.values.shape
    coarse = ", so places are rough" if min(rows, columns) < _COARSE else ""
    return (
        "Yellow: what speaks for the answer. White lines: places that speak for it at least "
        f"{thin:.0%} (thin)\nor {thick:.0%} (thick) as much as the strongest one. The network's "
        f"map has {rows} x {columns} cells{coarse}."
    )


@room.register
def _(explanation: WordImportances) -> Grid:
    return Grid(2, 4.2, 3.4)


@draw_explanation.register
def _(explanation: WordImportances, ax: Axes) -> None:
    values = np.nan_to_num(explanation.values)
    # The strongest words, in the order of the text.
    shown = np.sort(np.argsort(-np.abs(values), kind="stable")[:_MOST_WORDS])
    colours = [COLOURS[0] if values[i] >= 0 else COLOURS[1] for i in shown]
    ax.barh(range(len(shown)), values[shown], color=colours, height=0.7)
    ax.axvline(0, color=INK, linewidth=0.8)
    words = [label(explanation.words[i], 22) for i in shown]
    ax.set_yticks(range(len(shown)), words, fontsize="small")
    ax.invert_yaxis()
    left_out = len(values) - len(shown)
    some = f" ({left_out} weaker words left out)" if left_out else ""
    ax.set_xlabel(f"how much the word speaks for it{some}", fontsize="small")
    ax.set_title(label(explanation.answer, 40), fontsize="medium")
