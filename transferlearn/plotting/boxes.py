"""Draws boxes: those of photos and what a detector says, and its figures."""

import functools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from transferlearn import data
from transferlearn.checks import whole
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.edge.maps.palette import as_hex, colours
from transferlearn.fitted import FittedModel
from transferlearn.plotting.canvas import INK, bare, canvas, canvases, finished, legend, styles
from transferlearn.plotting.evaluations import Draw, Mistake, check_type, mistakes, pictures
from transferlearn.plotting.items import draw_targets
from transferlearn.plotting.labels import label
from transferlearn.plotting.matrices import draw_matrix
from transferlearn.plotting.mistaken_items import file_of, pictures_of_items
from transferlearn.plotting.results import draw_results
from transferlearn.tasks import BoxEncoding, BoxEvaluation
from transferlearn.tasks.detection.figures import found_objects, is_crowd, reported
from transferlearn.tasks.detection.matching import RECALLS
from transferlearn.tasks.detection.precision import curve
from transferlearn.types import Source

_SIDE = 2.4  # inches
_CURVES = 8  # classes
_NAME = 0.08  # of a photo's height, which the name of a class takes


def show_boxes(
    fitted: FittedModel,
    source: Source | Dataset,
    evaluation: BoxEvaluation | None = None,
    *,
    count: int = 12,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draws photos with what a detector finds, and with dashed lines what is there.

    What is not found has the name of its class below it. Crowds, which need not be found, have
    dotted lines.

    Args:
        fitted: The detector.
        source: Photos with boxes, as `fitted.evaluate` takes them; no stream.
        evaluation: What `fitted.evaluate(source)` gave, to draw the worst photos; `None`: the
            first ones are drawn.
        count: The greatest number of photos.
        axes: The axes to draw in, one for each photo; `None`: those of a new figure.

    Example:
        tl.plotting.show_boxes(fitted, "photos/test").savefig("boxes.png")
    """
    whole("count", count, least=1)
    encoding = fitted.encoding
    if not isinstance(encoding, BoxEncoding):
        raise TypeError(f"Boxes are drawn of a detector. Received: a model of {encoding.name}")
    dataset = source
    if not isinstance(dataset, Dataset):
        dataset = data.load(source, fitted.kind, encoding.target)
    if not isinstance(dataset, ItemDataset):
        raise ValueError("The photos of a stream cannot be read again: pass files or arrays.")
    numbers = list(range(min(count, len(dataset.first_rows))))
    if evaluation is not None:
        numbers = [one.item for one in mistakes(evaluation, count)]
    rows = dataset.first_rows[np.asarray(numbers, int)]
    places = canvases(axes, max(1, len(rows)), 4, _SIDE, _SIDE)
    for ax in places:
        bare(ax)
    if len(rows):
        pixels = np.asarray(dataset.items.start(rows)())
        values, targets = fitted.answerer()(pixels), dataset.learnt[rows]
        for ax, photo, said, true in zip(places, pixels, values, targets, strict=False):
            ax.imshow(np.clip(np.rint(photo), 0, 255).astype(np.uint8))
            shown = reported(said, encoding.thresholds)
            _draw_true(ax, true[true[:, 4] >= 0], shown, encoding, photo.shape)
            _draw(ax, shown, encoding, photo.shape)
    if evaluation is not None:
        for ax, one in zip(places, mistakes(evaluation, count), strict=False):
            words = (file_of(evaluation, one.item), *one.lines)
            ax.set_xlabel(", ".join(label(word, 30) for word in words), fontsize=7.0, color=INK)
    return finished(*places)


def precision_by_recall(evaluation: BoxEvaluation, ax: Axes | None = None) -> Figure:
    """Draws the precision of each class by recall, at an IoU of .5.

    Args:
        evaluation: The evaluation of a detector.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    check_type(evaluation, BoxEvaluation)
    ax = canvas(ax, 4.6, 3.6, xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    pairs = zip(evaluation.class_names, evaluation.matches, styles(), strict=False)
    for name, one, style in list(pairs)[:_CURVES]:
        precision, _ = curve(one, 0)
        ax.plot(RECALLS, precision[0], label=label(name, 20), **style)
    legend(ax)
    return finished(ax)


@pictures.register
def _(evaluation: BoxEvaluation) -> dict[str, Draw]:
    names = (*evaluation.class_names, "background")
    return {
        "Precision by recall": functools.partial(precision_by_recall, evaluation),
        "Confusion of classes": lambda: draw_matrix(evaluation.confusion, names),
    }


@mistakes.register
def _(evaluation: BoxEvaluation, count: int = 12) -> list[Mistake]:
    return [Mistake(item, (f"F1 {f1:.2f}",)) for item, f1 in evaluation.worst(count)]


@pictures_of_items.register
def _(
    evaluation: BoxEvaluation, fitted: FittedModel, source: Source | Dataset | None = None
) -> dict[str, Draw]:
    if source is None:
        return {}
    return {"Worst photos": functools.partial(show_boxes, fitted, source, evaluation)}


@draw_results.register
def _(
    encoding: BoxEncoding,
    fitted: FittedModel,
    labelled: ItemDataset,
    axes: Sequence[Axes] | None,
) -> Figure:
    return show_boxes(fitted, labelled, count=len(labelled.first_rows), axes=axes)


@draw_targets.register
def _(encoding: BoxEncoding, targets: object, axes: Sequence[Axes]) -> None:
    for ax, rows in zip(axes, np.asarray(targets), strict=False):
        _draw(ax, rows, encoding, (*encoding.size, 3))


def _draw(ax: Axes, rows: np.ndarray, encoding: BoxEncoding, shape: Sequence[int]) -> None:
    """Draws boxes of detections `(n, 6)` with their scores, or of targets `(n, 7)`."""
    made = [as_hex(colour) for colour in colours(len(encoding.class_names) + 1)[1:]]
    said = rows.shape[1] == 6
    for row in rows:
        id_ = int(row[5] if said else row[4])
        if id_ < 0:
            continue
        x, y, _ = _outline(ax, row, shape, edgecolor=made[id_])
        words = label(encoding.class_names[id_], 16) + (f" {row[4]:.2f}" if said else "")
        _write(ax, words, (x, y), shape, "bottom", ("black", "white", made[id_]))


def _draw_true(
    ax: Axes, objects: np.ndarray, shown: np.ndarray, encoding: BoxEncoding, shape: Sequence[int]
) -> None:
    """Draws with dashed lines where objects `(n, 7)` are, and names those that are not found."""
    crowd = is_crowd(objects)
    for row in objects[crowd]:
        _outline(ax, row, shape, edgecolor="white", linestyle=":")
    objects = objects[~crowd]
    for row, found in zip(objects, found_objects(shown, objects), strict=True):
        x, _, y = _outline(ax, row, shape, edgecolor="white", linestyle="--")
        if not found:
            words = label(encoding.class_names[int(row[4])], 16)
            _write(ax, words, (x, y), shape, "top", ("white", "black", "white"))


def _write(
    ax: Axes,
    words: str,
    place: tuple[float, float],
    shape: Sequence[int],
    side: Literal["top", "bottom"],
    colours: tuple[str, str, str],
) -> None:
    """Writes a name at a corner of a box, or within the photo where it would go beyond its edge.

    Args:
        ax: The axes.
        words: The name.
        place: The corner, `(x, y)` in pixels.
        shape: The photo's shape, height and width first.
        side: The side of the name that is at the corner.
        colours: Those of letters, ground and border.
    """
    ink, ground, border = colours
    (x, y), (height, width) = place, shape[:2]
    if not _NAME < y / height < 1 - _NAME:
        side = "top" if y < height / 2 else "bottom"
    fits = x / width < 1 - 2 * _NAME
    ax.text(
        x if fits else width - 1,
        y,
        words,
        ha="left" if fits else "right",
        va=side,
        fontsize=5.5,
        color=ink,
        bbox={"facecolor": ground, "edgecolor": border, "pad": 0.8, "linewidth": 0.6},
        clip_on=True,
    )


def _outline(
    ax: Axes, row: np.ndarray, shape: Sequence[int], **style: Any
) -> tuple[float, float, float]:
    """Draws the lines of a box, and returns its left, upper and lower side in pixels."""
    x0, y0, x1, y1 = row[:4] * (shape[1], shape[0], shape[1], shape[0])
    ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, linewidth=1.2, **style))
    return x0, y0, y1
