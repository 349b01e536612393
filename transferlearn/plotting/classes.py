"""Draws evaluations of classes: what is taken for what, and whether to trust probabilities."""

import functools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from transferlearn.plotting.canvas import (
    COLOURS,
    INK,
    MARKERS,
    canvas,
    faintness,
    finished,
    legend,
)
from transferlearn.plotting.evaluations import (
    Draw,
    Mistake,
    check_type,
    feature_map,
    mistakes,
    pictures,
)
from transferlearn.plotting.labels import label, labels
from transferlearn.plotting.matrices import draw_matrix
from transferlearn.plotting.ranking import precision_recall, roc
from transferlearn.tasks import ClassEvaluation
from transferlearn.tasks.intervals import wilson

_SOME = 30  # classes with the most mistakes
_HALO = withStroke(linewidth=1.5, foreground="white")  # around letters that lie on points
_LISTED = 24  # classes of a legend; the first 28 differ in colour and marker


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
    Of more than 100 classes, the 30 that are confused most are drawn, as the title says. Where an
    item can have several classes, it is drawn for each class how often it is found, missed and
    given wrongly instead.

    Args:
        evaluation: The evaluation of a classifier.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    check_type(evaluation, ClassEvaluation)
    counts = evaluation.confusion
    if evaluation.several:
        return _tags(counts, evaluation.class_names, ax)
    return draw_matrix(counts, evaluation.class_names, ax)


def reliability(evaluation: ClassEvaluation, ax: Axes | None = None) -> Figure:
    """Draws how often answers of a probability are right: on the diagonal, as often as they say.

    Answers are put into 15 bins by their probability. Bars show the share of the answers in each
    bin, error bars are 95% intervals (Wilson). Of several tags for an item, each tag is an answer.

    Reference: [Guo and others](https://arxiv.org/abs/1706.04599).

    Args:
        evaluation: The evaluation of a classifier.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    check_type(evaluation, ClassEvaluation)
    bins = evaluation.reliability
    ax = canvas(ax, 4.6, 4.8, xlabel="probability of the answer", ylabel="share that is right")
    ax.plot([0, 1], [0, 1], ":", color=INK, linewidth=1, label="as often as it says")
    shares, widths = bins.counts / bins.counts.sum(), np.diff(bins.edges)
    ax.bar(
        bins.edges[:-1],
        shares,
        0.9 * widths,
        align="edge",
        color=INK,
        alpha=0.25,
        label="share of the answers",
    )
    filled = np.flatnonzero(bins.counts)
    x, y = bins.confidence[filled], bins.accuracy[filled]
    ends = [wilson(float(bins.accuracy[i]), int(bins.counts[i])) for i in filled]
    reach = np.abs(np.transpose(ends) - y)
    ax.errorbar(
        x, y, reach, fmt="o-", color=COLOURS[0], capsize=2, clip_on=False, label="this model"
    )
    ax.set_title(f"Expected calibration error {bins.error:.3f}", fontsize="medium")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    legend(ax)
    return finished(ax)


@mistakes.register
def _(evaluation: ClassEvaluation, count: int = 12) -> list[Mistake]:
    names, said = evaluation.class_names, np.nan_to_num(evaluation.probabilities)
    if evaluation.several:
        wrong = evaluation.predicted != evaluation.labels
        sure = np.where(wrong, np.abs(said - 0.5), 0).max(axis=1)
        found = np.flatnonzero(wrong.any(axis=1))
        worst = found[np.argsort(-sure[found], kind="stable")][:count]
        rows = zip(
            worst, evaluation.labels[worst] == 1, evaluation.predicted[worst] == 1, strict=True
        )
        return [Mistake(int(i), _said(tagged(names, p), "", tagged(names, t))) for i, t, p in rows]
    found = np.flatnonzero(evaluation.predicted != evaluation.labels)
    sure = said.max(axis=1)
    worst = found[np.argsort(-sure[found], kind="stable")][:count]
    return [
        Mistake(
            int(i),
            _said(names[evaluation.predicted[i]], f" {sure[i]:.0%}", names[evaluation.labels[i]]),
        )
        for i in worst
    ]


def confused_pairs(evaluation: ClassEvaluation, pairs: int = 4) -> dict[str, list[int]]:
    """Returns the pairs of classes that are confused most often, in words, with their items.

    Args:
        evaluation: The evaluation of a classifier that gives each item one class.
        pairs: The greatest number of pairs.

    Returns:
        The numbers of the items, the most confident mistakes first, by words such as
        `"12 of 50 cat are taken for dog"`.
    """
    if evaluation.several:
        return {}
    counts = evaluation.confusion
    totals = counts.sum(axis=1)
    wrong = counts - np.diag(np.diag(counts))
    found = {}
    for place in np.argsort(-wrong, axis=None, kind="stable")[:pairs]:
        true, taken = np.unravel_index(place, wrong.shape)
        if not wrong[true, taken]:
            break
        rows = np.flatnonzero((evaluation.labels == true) & (evaluation.predicted == taken))
        sure = np.nan_to_num(evaluation.probabilities[rows, taken])
        first, second = label(evaluation.class_names[true]), label(evaluation.class_names[taken])
        words = f"{wrong[true, taken]:,} of {totals[true]:,} {first} are taken for {second}"
        found[words] = rows[np.argsort(-sure, kind="stable")].tolist()
    return found


def _said(predicted: str, sure: str, true: str) -> tuple[str, str]:
    """Writes what a model said and what is true, in two lines."""
    return f"said {predicted}{sure}", f"is {true}"


def tagged(names: Sequence[str], has: np.ndarray) -> str:
    """Names the classes that an item has."""
    return ", ".join(name for name, yes in zip(names, has, strict=True) if yes) or "-"


def _tags(counts: np.ndarray, class_names: Sequence[str], ax: Axes | None) -> Figure:
    """Draws for each class how many items have it and are found or missed, and the false alarms."""
    order = np.argsort(-(counts[:, 0, 1] + counts[:, 1, 0]), kind="stable")
    chosen = np.sort(order[:_SOME])
    parts = {
        "found": (counts[chosen, 1, 1], COLOURS[0], ""),
        "missed": (counts[chosen, 1, 0], COLOURS[1], "//"),
        "false alarms": (-counts[chosen, 0, 1], COLOURS[3], ".."),
    }
    ax = canvas(ax, 6.0, 1.4 + 0.28 * len(chosen), xlabel="items (false alarms to the left)")
    begin = np.zeros(len(chosen))
    rows = range(len(chosen))
    for name, (sizes, colour, pattern) in parts.items():
        left = np.where(sizes < 0, 0, begin)
        ax.barh(rows, sizes, 0.7, left=left, fc=colour, ec=INK, hatch=pattern, label=name)
        begin = begin + np.maximum(sizes, 0)
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_yticks(rows, labels([class_names[i] for i in chosen]), fontsize="small")
    ax.set(ylim=(len(chosen) - 0.5, -0.5))
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    some = f"the {len(chosen)} of {len(counts)} classes with the most mistakes"
    ax.set_title(some if len(chosen) < len(counts) else "", fontsize="medium")
    legend(ax, loc="lower center", bbox_to_anchor=(0.5, 1.02), ncols=3)
    return finished(ax)


@feature_map.register
def _(evaluation: ClassEvaluation, points: np.ndarray, ax: Axes | None = None) -> Figure:
    ax = canvas(ax, 5.4, 4.2, xticks=[], yticks=[])
    points = np.asarray(points)
    truth = evaluation.labels if not evaluation.several else evaluation.labels.argmax(axis=1)
    names = labels(evaluation.class_names)
    faint = faintness(len(points))
    commonest = np.argsort(-np.bincount(truth, minlength=len(names)), kind="stable")
    for place, i in enumerate(commonest):
        of_class = points[(truth == i) & np.isfinite(points).all(axis=1)]
        if not len(of_class):
            continue
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        ax.plot(*of_class.T, marker, color=colour, ms=4, alpha=faint, mew=0, label=names[i])
        if len(names) > _LISTED:
            x, y = np.median(of_class, axis=0)
            ax.text(x, y, names[i], ha="center", fontsize=6, color="black", path_effects=[_HALO])
    if len(names) <= _LISTED:
        legend(ax, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return finished(ax)
