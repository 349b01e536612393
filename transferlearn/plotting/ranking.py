"""Draws how well probabilities rank items: precision by recall, and the ROC."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferlearn.plotting.canvas import INK, canvas, finished, legend, styles
from transferlearn.plotting.evaluations import check_type
from transferlearn.plotting.labels import label
from transferlearn.tasks import ClassEvaluation

_NAMED = 8  # classes whose lines can be told apart
_DRAWN = 50  # classes at most
_POINTS = 400  # of a curve; more are not seen

Points = tuple[np.ndarray, np.ndarray]
"""The x and the y of a curve, `(thresholds,)` each."""


class _Curve(NamedTuple):
    """Holds the curve of a class, and the area below it, in [0, 1]."""

    name: str
    points: Points
    area: float


def precision_recall(evaluation: ClassEvaluation, ax: Axes | None = None) -> Figure:
    """Draws precision by recall for each class against all others, the eight worst with a name.

    Args:
        evaluation: The evaluation of a classifier.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    check_type(evaluation, ClassEvaluation)
    ax = canvas(ax, 4.6, 4.8, xlabel="recall", ylabel="precision")

    def points(true: np.ndarray, false: np.ndarray) -> Points:
        precision = true / (true + false)
        return np.append(0, true / true[-1]), np.append(precision[:1], precision)

    curves = _curves(evaluation, "average_precision", points)
    return _drawn(curves, "average precision", ax)


def roc(evaluation: ClassEvaluation, ax: Axes | None = None) -> Figure:
    """Draws the ROC for each class against all others, the eight worst classes with a name.

    Args:
        evaluation: The evaluation of a classifier.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    check_type(evaluation, ClassEvaluation)
    ax = canvas(ax, 4.6, 4.8, xlabel="share of false alarms", ylabel="share that is found")
    ax.plot([0, 1], [0, 1], ":", color=INK, linewidth=1)

    def points(true: np.ndarray, false: np.ndarray) -> Points:
        return np.append(0, false / false[-1]), np.append(0, true / true[-1])

    return _drawn(_curves(evaluation, "roc_auc", points), "area", ax)


def _curves(
    evaluation: ClassEvaluation,
    area: str,
    points: Callable[[np.ndarray, np.ndarray], Points],
) -> list[_Curve]:
    """Returns the curves of classes that some items have and others have not, the worst first.

    Args:
        evaluation: The evaluation of a classifier.
        area: The name of the figure that is the area below the curve.
        points: Gives the points from the counts of true and false items at each threshold.
    """
    found = []
    for name in evaluation.class_names:
        _, true, false = evaluation.counts_by_threshold(name)
        if true[-1] and false[-1]:
            found.append(_Curve(name, points(true, false), evaluation[f"{area}: {name}"]))
    return sorted(found, key=lambda curve: curve.area)


def _drawn(curves: list[_Curve], area: str, ax: Axes) -> Figure:
    """Draws the curve of each class; the worst come first, and have names."""
    named, others = curves[:_NAMED], curves[_NAMED:_DRAWN]
    for curve in others:
        ax.plot(*_thinned(curve.points), color=INK, linewidth=0.5, alpha=0.5)
    for curve, style in zip(named, styles(), strict=False):
        ax.plot(
            *_thinned(curve.points), **style, label=f"{label(curve.name, 16)}: {curve.area:.3f}"
        )
    if curves:
        mean = np.mean([curve.area for curve in curves])
        some = f"\nof {len(curves)} classes, the {_NAMED} worst are named" if others else ""
        ax.set_title(f"Mean {area} {mean:.3f}{some}", fontsize="medium")
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    legend(ax)
    return finished(ax)


def _thinned(points: Points) -> list[np.ndarray]:
    """Returns the points of a curve, or some of them."""
    kept = np.unique(np.linspace(0, len(points[0]) - 1, _POINTS).astype(int))
    return [part[kept] for part in points]
