"""Draws which classes are taken for which, as a matrix, of items or of pixels."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from transferlearn.plotting.canvas import SCALE, canvas, finished, on, scale
from transferlearn.plotting.labels import labels

_ALL = 100  # with more classes, only the most confused are drawn
_SOME = 30  # so many of them
_WITH_COUNTS = 20  # up to so many classes, numbers fit into the fields
_SHORT = 12  # letters of a name that fits below a field of few classes


def draw_matrix(
    counts: np.ndarray, class_names: Sequence[str], ax: Axes | None = None, *, noun: str = ""
) -> Figure:
    """Draws which classes are taken for which: rows are true classes, columns predicted ones.

    Args:
        counts: How many there are of each class (rows) that were taken for each class (columns).
        class_names: The names of the classes.
        ax: The axes to draw in; `None`: those of a new figure.
        noun: What is counted, such as `"pixels"`: then fields hold shares, since there are many.
            Empty: items, whose numbers they hold.
    """
    chosen = most_confused(counts, _SOME) if len(counts) > _ALL else np.arange(len(counts))
    drawn = counts[np.ix_(chosen, chosen)]
    totals = counts.sum(axis=1)[chosen, None]
    shares = np.divide(drawn, totals, out=np.full(drawn.shape, np.nan), where=totals > 0)
    side = float(np.clip(0.32 * len(chosen), 3.0, 14.0))
    ax = canvas(ax, side + 2.2, side + 1.4, xlabel="predicted", ylabel="true")
    # A root, since most mistakes are a few percent of a class, which are to be seen.
    shades = PowerNorm(0.5, vmin=0, vmax=1)
    field = ax.imshow(np.ma.masked_invalid(shares), cmap=SCALE, norm=shades)
    names = [class_names[i] for i in chosen.tolist()]
    shown = labels(names, 22 if len(names) <= _SOME else 18)
    size = float(np.clip(side / len(chosen) * 72 * 0.6, 4.0, 9.0))
    is_tight = len(shown) > 3 or max(map(len, shown)) > _SHORT
    ax.set_xticks(range(len(shown)), shown, rotation=90 if is_tight else 0, fontsize=size)
    ax.set_yticks(range(len(shown)), shown, fontsize=size)
    ax.tick_params(length=0)
    if len(chosen) <= _WITH_COUNTS:
        for row, column in zip(*np.nonzero(drawn), strict=True):
            share = shares[row, column]
            text = f"{share:.1%}" if noun else f"{drawn[row, column]:,.0f}"
            on(ax, column, row, text, float(shades(share)), fontsize=size)
    ax.set_title(_title(counts, chosen, noun), fontsize="medium")
    scale(ax, field, "share of the true class")
    return finished(ax)


def _title(counts: np.ndarray, chosen: np.ndarray, noun: str) -> str:
    """Describes how many are right; of a part of the classes, how many mistakes it shows."""
    right, items = np.trace(counts), counts.sum()
    title = f"{right:,.0f} of {items:,.0f} {noun}".rstrip() + " right"
    if len(chosen) == len(counts):
        return title
    shown = counts[np.ix_(chosen, chosen)]
    inside, all_of_them = shown.sum() - np.trace(shown), items - right
    return (
        f"{title}\nthe {len(chosen)} most confused of {len(counts)} classes, with "
        f"{inside:,.0f} of {all_of_them:,.0f} mistakes"
    )


def most_confused(counts: np.ndarray, count: int) -> np.ndarray:
    """The ids of so many classes, in order, the pairs that are confused most often first."""
    wrong = counts + counts.T
    pairs = np.triu(wrong, k=1)
    order = np.argsort(-pairs, axis=None, kind="stable")
    first, second = np.unravel_index(order, pairs.shape)
    both = np.stack([first, second], axis=1).ravel()
    chosen = list(dict.fromkeys(both.tolist()))[:count]
    return np.sort(np.array(chosen, int))
