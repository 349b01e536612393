"""Draws evaluations of numbers: predicted against true ones, and what is left between them."""

import functools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferlearn.plotting.canvas import (
    COLOURS,
    INK,
    SCALE,
    canvas,
    canvases,
    faintness,
    finished,
    scale,
)
from transferlearn.plotting.evaluations import (
    Draw,
    Mistake,
    check_type,
    feature_map,
    mistakes,
    pictures,
)
from transferlearn.plotting.labels import label
from transferlearn.tasks import NumberEvaluation

_MOST = 6  # numbers that are drawn
_AS_PIXELS = 1000  # items; more points would make a large file


@pictures.register
def _(evaluation: NumberEvaluation) -> dict[str, Draw]:
    return {"Predicted and true": functools.partial(predicted_and_true, evaluation)}


def predicted_and_true(evaluation: NumberEvaluation, axes: Sequence[Axes] | None = None) -> Figure:
    """Draws predicted against true numbers, and beside it the residuals, for each of the numbers.

    Of more than six numbers the first six are drawn. Predictions that are NaN or infinite are left
    out, and counted in the title.

    Args:
        evaluation: The evaluation of a regressor.
        axes: The axes to draw in, two for each number; `None`: those of a new figure.
    """
    check_type(evaluation, NumberEvaluation)
    names = evaluation.names[:_MOST]
    axes = canvases(axes, 2 * len(names), 2, 4.2, 3.6)
    for i, name in enumerate(names):
        true, predicted = evaluation.true[:, i], evaluation.predicted[:, i]
        known = np.isfinite(true) & np.isfinite(predicted)
        _against(axes[2 * i], true[known], predicted[known], label(name))
        _residuals(axes[2 * i + 1], true[known], predicted[known], label(name))
        if lost := int((~known).sum()):
            axes[2 * i].set_title(
                f"{lost:,} of {len(known):,} are NaN or infinite", fontsize="small"
            )
    return finished(*axes)


def _against(ax: Axes, true: np.ndarray, predicted: np.ndarray, name: str) -> None:
    """Draws predicted against true numbers, with the diagonal on which both are equal."""
    _points(ax, true, predicted)
    if len(true):
        ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
        ax.plot(ends, ends, ":", color=INK, linewidth=1)
    ax.set(xlabel=f"{name}, true", ylabel=f"{name}, predicted")


def _residuals(ax: Axes, true: np.ndarray, predicted: np.ndarray, name: str) -> None:
    """Draws predicted less true numbers against predicted ones, with their mean."""
    residuals = predicted - true
    _points(ax, predicted, residuals)
    ax.axhline(0, color=INK, linestyle=":", linewidth=1)
    if len(residuals):
        mean = residuals.mean()
        ax.axhline(mean, color=COLOURS[1], linestyle="--", linewidth=1)
        ax.set_title(f"mean {mean:.3g} (dashed), spread {residuals.std():.3g}", fontsize="small")
    ax.set(xlabel=f"{name}, predicted", ylabel="predicted less true")


def _points(ax: Axes, x: np.ndarray, y: np.ndarray) -> None:
    """Draws a point for each item, fainter where there are many."""
    faint, many = faintness(len(x)), len(x) > _AS_PIXELS
    ax.plot(x, y, "o", ms=3, color=COLOURS[0], alpha=faint, mew=0, rasterized=many)


@mistakes.register
def _(evaluation: NumberEvaluation, count: int = 12) -> list[Mistake]:
    errors = np.abs(evaluation.predicted - evaluation.true)
    spread = evaluation.true.std(axis=0)
    sizes = np.where(np.isfinite(errors), errors, 0) / np.where(spread > 0, spread, 1)
    worst = np.argsort(-sizes.max(axis=1), kind="stable")[:count]
    found = []
    for item in worst:
        number = int(sizes[item].argmax())
        if not sizes[item, number]:
            break
        name = evaluation.names[number : number + 1] if len(evaluation.names) > 1 else ()
        said, true = evaluation.predicted[item, number], evaluation.true[item, number]
        found.append(Mistake(int(item), (*name, f"said {said:.4g}", f"is {true:.4g}")))
    return found


@feature_map.register
def _(evaluation: NumberEvaluation, points: np.ndarray, ax: Axes | None = None) -> Figure:
    ax = canvas(ax, 5.2, 4.2, xticks=[], yticks=[])
    x, y = np.asarray(points).T
    shown = ax.scatter(x, y, c=evaluation.true[:, 0], cmap=SCALE, s=14, ec=INK, lw=0.3)
    scale(ax, shown, f"{label(evaluation.names[0])}, true")
    return finished(ax)
