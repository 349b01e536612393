"""Draws evaluations of classes: what is taken for what, and whether probabilities can be trusted."""

import functools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferlearn.plotting.canvas import (
    COLOURS,
    INK,
    MARKERS,
    SCALE,
    canvas,
    finished,
    legend,
    on,
)
from transferlearn.plotting.evaluations import Draw, Mistake, feature_map, mistakes, pictures
from transferlearn.plotting.labels import label, labels
from transferlearn.plotting.ranking import precision_recall, roc
from transferlearn.tasks import ClassEvaluation
from transferlearn.tasks.figures import wilson

_ALL = 100  # with more classes, only the most confused are drawn
_SOME = 30  # so many of them
_WITH_COUNTS = 20  # up to so many classes, numbers of items fit into the fields
_BINS = 10  # of probability


@pictures.register
def _(evaluation: ClassEvaluation) -> dict[str, Draw]:
    draw = {
        "Confusion": confusion,
        "Reliability": reliability,
        "Precision and recall": precision_recall,
        "ROC": roc,
    }
    return {title: functools.partial(picture, evaluation) for title, picture in draw.items()}


def confusion(evaluation: ClassEvaluation, ax: Axes | None = None) -> Figure:
    """Draws which classes are taken for which: rows are true classes, columns predicted ones.

    Shades are shares of the true class; up to 20 classes have their numbers of items written in.
    Of more than 100 classes, the 30 that are confused most are drawn, as the title says.

    Args:
        evaluation: The evaluation of a classifier.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    counts = np.asarray(evaluation.confusion)
    chosen = most_confused(counts, _SOME) if len(counts) > _ALL else np.arange(len(counts))
    drawn = counts[np.ix_(chosen, chosen)]
    totals = counts.sum(axis=1)[chosen, None]
    shares = np.divide(drawn, totals, out=np.full(drawn.shape, np.nan), where=totals > 0)
    side = float(np.clip(0.32 * len(chosen), 3.0, 11.0))
    ax = canvas(ax, side + 2.2, side + 1.4, xlabel="predicted", ylabel="true")
    field = ax.imshow(np.ma.masked_invalid(shares), cmap=SCALE, vmin=0, vmax=1)
    names = [evaluation.class_names[i] for i in chosen]
    shown = labels(names, 22 if len(names) <= _SOME else 14)
    size = float(np.clip(side / len(chosen) * 72 * 0.6, 4.0, 9.0))
    ax.set_xticks(range(len(shown)), shown, rotation=90 if len(shown) > 3 else 0, fontsize=size)
    ax.set_yticks(range(len(shown)), shown, fontsize=size)
    ax.tick_params(length=0)
    if len(chosen) <= _WITH_COUNTS:
        for row, column in zip(*np.nonzero(drawn), strict=True):
            count, share = drawn[row, column], shares[row, column]
            on(ax, column, row, f"{count:,.0f}", share, fontsize=size)
    ax.set_title(_confusion_title(counts, chosen), fontsize="medium")
    bar = ax.get_figure().colorbar(field, ax=ax, shrink=0.7, label="share of the true class")
    bar.ax.tick_params(colors=INK)
    bar.ax.yaxis.label.set_color(INK)
    bar.outline.set_visible(False)
    return finished(ax)


def _confusion_title(counts: np.ndarray, chosen: np.ndarray) -> str:
    """Says how many items are right; of a part of the classes, how many mistakes it shows."""
    right, items = np.trace(counts), counts.sum()
    title = f"{right:,.0f} of {items:,.0f} right"
    if len(chosen) == len(counts):
        return title
    shown = counts[np.ix_(chosen, chosen)]
    inside, all_of_them = shown.sum() - np.trace(shown), items - right
    return (
        f"{title}\nthe {len(chosen)} most confused of {len(counts)} classes, with "
        f"{inside:,.0f} of {all_of_them:,.0f} mistakes"
    )


def most_confused(counts: np.ndarray, count: int) -> np.ndarray:
    """Gives the ids of so many classes, in order, the pairs that are confused most often first."""
    wrong = counts + counts.T
    pairs = np.triu(wrong, k=1)
    order = np.argsort(-pairs, axis=None, kind="stable")
    first, second = np.unravel_index(order, pairs.shape)
    both = np.stack([first, second], axis=1).ravel()
    chosen = list(dict.fromkeys(both.tolist()))[:count]
    return np.sort(np.array(chosen, int))


def reliability(evaluation: ClassEvaluation, ax: Axes | None = None) -> Figure:
    """Draws how often answers of a probability are right: on the diagonal, as often as they say.

    Answers are put into ten bins by their probability. Bars show the share of the answers in each
    bin, error bars are 95% intervals (Wilson). Of several tags for an item, each tag is an answer.

    Reference: [Guo and others](https://arxiv.org/abs/1706.04599).

    Args:
        evaluation: The evaluation of a classifier.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    said, right = _answers(evaluation)
    ax = canvas(ax, 4.4, 4.2, xlabel="probability of the answer", ylabel="share that is right")
    ax.plot([0, 1], [0, 1], ":", color=INK, linewidth=1, label="as often as it says")
    if len(said):
        places = np.clip((said * _BINS).astype(int), 0, _BINS - 1)
        filled = [i for i in range(_BINS) if (places == i).any()]
        bins = [(said[places == i], right[places == i]) for i in filled]
        sizes = [len(answers) / len(said) for answers, _ in bins]
        middles = [(i + 0.5) / _BINS for i in filled]
        ax.bar(middles, sizes, 0.9 / _BINS, color=INK, alpha=0.25, label="share of the answers")
        x = np.array([answers.mean() for answers, _ in bins])
        y = np.array([true.mean() for _, true in bins])
        ends = np.array([wilson(float(true.mean()), len(true)) for _, true in bins]).T
        reach = np.abs(ends - y)
        ax.errorbar(x, y, reach, fmt="o-", color=COLOURS[0], capsize=2, label="this model")
        error = float(np.abs(x - y) @ sizes)
        ax.set_title(f"Expected calibration error {error:.3f}", fontsize="medium")
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    legend(ax, loc="upper left")
    return finished(ax)


def _answers(evaluation: ClassEvaluation) -> tuple[np.ndarray, np.ndarray]:
    """Gives the probability of each answer, and whether it is right; without NaN."""
    values, truth = evaluation.values, evaluation.targets
    if evaluation.several:
        said, right = values.ravel(), truth.ravel() >= 0.5
    else:
        said = values.max(axis=1)
        right = values.argmax(axis=1) == truth
    known = np.isfinite(said)
    return said[known], right[known]


@mistakes.register
def _(evaluation: ClassEvaluation, count: int = 12) -> list[Mistake]:
    pass
