"""Draws how well probabilities rank items: precision by recall, and the ROC."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferlearn.plotting.canvas import INK, canvas, finished, legend, styles
from transferlearn.plotting.labels import label
from transferlearn.tasks import ClassEvaluation

_NAMED = 4  # classes that get a colour: as many as there are that all can tell apart
_DRAWN = 50  # classes at most
_POINTS = 400  # of a curve; more are not seen


class Curve(NamedTuple):
    """Holds the curve of a class, with its area, a float in [0, 1]."""

    x: np.ndarray
    y: np.ndarray
    area: float


def precision_recall(evaluation: ClassEvaluation, ax: Axes | None = None) -> Figure:
    """Draws precision by recall for each class against all others, the four worst with a name.

    Args:
        evaluation: The evaluation of a classifier.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    ax = canvas(ax, 4.4, 4.2, xlabel="recall", ylabel="precision")
    return _drawn(evaluation, precision_recall_curve, "average precision", "lower left", ax)


def roc(evaluation: ClassEvaluation, ax: Axes | None = None) -> Figure:
    """Draws the ROC for each class against all others, the four worst classes with a name.

    Args:
        evaluation: The evaluation of a classifier.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    ax = canvas(ax, 4.4, 4.2, xlabel="share of false alarms", ylabel="share that is found")
    ax.plot([0, 1], [0, 1], ":", color=INK, linewidth=1)
    return _drawn(evaluation, roc_curve, "area", "lower right", ax)


def precision_recall_curve(scores: np.ndarray, truth: np.ndarray) -> Curve:
    """Gives precision by recall, and the average precision.

    Args:
        scores: A score for each item, float `(items,)`.
        truth: Whether each item has the class, bool `(items,)`; at least one has.
    """
    found, alarms = _counts(scores, truth)
    recall, precision = found / truth.sum(), found / (found + alarms)
    area = float(np.diff(recall, prepend=0) @ precision)
    return Curve(np.append(0, recall), np.append(precision[:1], precision), area)


def roc_curve(scores: np.ndarray, truth: np.ndarray) -> Curve:
    """Gives the share that is found by the share of false alarms, and the area below.

    Args:
        scores: A score for each item, float `(items,)`.
        truth: Whether each item has the class, bool `(items,)`; one has, and one has not.
    """
    found, alarms = _counts(scores, truth)
    x, y = np.append(0, alarms / (~truth).sum()), np.append(0, found / truth.sum())
    return Curve(x, y, float(np.trapezoid(y, x)))


def _counts(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts, at each different score from the highest on, items found and false alarms."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    found = np.cumsum(truth[order])[last]
    return found, last + 1 - found


def _drawn(
    evaluation: ClassEvaluation,
    curve_of: Callable[[np.ndarray, np.ndarray], Curve],
    area: str,
    place: str,
    ax: Axes,
) -> Figure:
    """Draws the curve of each class; the worst come first, and have names."""
    curves = _curves(evaluation, curve_of)
    named, others = curves[:_NAMED], curves[_NAMED:_DRAWN]
    for _, curve in others:
        ax.plot(*_thinned(curve), color=INK, linewidth=0.5, alpha=0.5)
    for (name, curve), style in zip(named, styles(), strict=False):
        ax.plot(*_thinned(curve), **style, label=f"{label(name, 20)}: {curve.area:.3f}")
    if curves:
        mean = np.mean([curve.area for _, curve in curves])
        some = f", {_NAMED} worst of {len(curves)} named" if others else ""
        ax.set_title(f"Mean {area} {mean:.3f}{some}", fontsize="medium")
        legend(ax, loc=place)
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    return finished(ax)


def _curves(
    evaluation: ClassEvaluation, curve_of: Callable[[np.ndarray, np.ndarray], Curve]
) -> list[tuple[str, Curve]]:
    """Gives the curves of classes that some items have and some have not, the worst first."""
    labels, values = evaluation.labels, evaluation.probabilities
    known = np.isfinite(values).all(axis=1)
    found = []
    for i, name in enumerate(evaluation.class_names):
        truth = (labels[:, i] == 1 if evaluation.several else labels == i)[known]
        if truth.any() and not truth.all():
            found.append((name, curve_of(values[known, i], truth)))
    return sorted(found, key=lambda pair: pair[1].area)


def _thinned(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """Gives the points of a curve, or some of them."""
    kept = np.unique(np.linspace(0, len(curve.x) - 1, _POINTS).astype(int))
    return curve.x[kept], curve.y[kept]
