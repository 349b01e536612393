"""Draws masks: beside their photos, over them, and what was taken for what."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from transferlearn import data
from transferlearn.checks import whole
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.edge.maps.palette import VOID, VOID_STRIPES, as_hex, colours, of_hex
from transferlearn.fitted import FittedModel
from transferlearn.plotting.canvas import COLOURS, INK, bare, canvas, canvases, finished
from transferlearn.plotting.evaluations import Draw, Mistake, check_type, mistakes, pictures
from transferlearn.plotting.items import draw_targets
from transferlearn.plotting.labels import label, labels
from transferlearn.plotting.matrices import draw_matrix
from transferlearn.plotting.mistaken_items import file_of, items_of, pictures_of_items
from transferlearn.plotting.results import draw_results
from transferlearn.tasks import MaskEncoding, MaskEvaluation
from transferlearn.types import Source

_OPACITY = 0.55  # of a mask over its photo
_STRIPE = 3  # pixels; void is striped
_LISTED = 24  # classes of a legend
_FONT = 8.0  # points
_SIDE = 1.7  # inches


class _Shown(NamedTuple):
    """Holds a photo as the network sees it, what is true of its pixels, and what is said of them.

    Attributes:
        pixels: The photo, uint8 `(height, width, 3)`.
        truth: The class ids of its mask, -1 for void, `(height, width)`; `None`: not known. Where a
            pixel may have several classes, it is drawn as the smallest of them, and 0 is none.
        said: The class ids that the model gives.
        size: The `(height, width)` that it had before resizing.
    """

    pixels: np.ndarray
    truth: np.ndarray | None
    said: np.ndarray
    size: tuple[int, ...]


def show_masks(
    fitted: FittedModel,
    source: Source | Dataset | None,
    evaluation: MaskEvaluation | None = None,
    *,
    count: int = 6,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draws photos with their masks, and what a segmenter says of them.

    Each photo is a row: the photo, its mask, the model's mask, and that over the photo, where white
    lines are the borders of the true mask. Void is striped grey. Masks are drawn at `image_size`;
    where a pixel has several classes, the smallest of them is on top.

    Args:
        fitted: The segmenter.
        source: Photos with masks, as `fitted.evaluate` takes them; `None`: the files that
            `evaluation` knows, without their masks.
        evaluation: What `fitted.evaluate(source)` gave, to draw the worst photos; `None`: the
            first ones are drawn.
        count: The greatest number of photos.
        axes: The axes to draw in, four for each photo; `None`: those of a new figure.

    Example:
        tl.plotting.show_masks(fitted, "photos/test").savefig("masks.png")
    """
    whole("count", count, least=1)
    names = _encoding(fitted).drawn_names
    if source is not None and not isinstance(source, Dataset):
        source = data.load(source, fitted.kind, fitted.encoding.target)
    if evaluation is None:
        numbers = list(range(count))
        if isinstance(source, ItemDataset):
            numbers = numbers[: len(source.items)]
    else:
        numbers = [one.item for one in mistakes(evaluation, count)]
    rows = _read(fitted, source, evaluation, numbers)
    own = axes is None
    places = canvases(axes, 4 * max(1, len(rows)), 4, _SIDE, _SIDE + 0.25)
    for ax in places:
        bare(ax)
    for i, one in enumerate(rows):
        of_row = places[4 * i : 4 * i + 4]
        _draw_row(of_row, one, i == 0)
        if evaluation is not None:
            words = (file_of(evaluation, numbers[i]), *_lines(evaluation, numbers[i]))
            of_row[0].set_ylabel("\n".join(label(w, 30) for w in words), fontsize=7.0, color=INK)
    figure = finished(*places)
    if own:
        _legend(
            figure,
            names,
            any((one.truth == -1).any() for one in rows if one.truth is not None),
        )
    return figure


def overlaps(evaluation: MaskEvaluation, ax: Axes | None = None) -> Figure:
    """Draws the intersection over union of each class, with its 95% interval.

    Args:
        evaluation: The evaluation of a segmenter.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    check_type(evaluation, MaskEvaluation)
    names = evaluation.class_names
    values = np.array([evaluation[f"iou: {name}"] for name in names])
    ends = np.array(
        [
            evaluation.intervals.get(f"iou: {name}", (v, v))
            for name, v in zip(names, values, strict=True)
        ]
    )
    ax = canvas(ax, 5.0, 1.2 + 0.28 * len(names), xlabel="intersection over union", xlim=(0, 1))
    rows = np.arange(len(names))
    ax.barh(rows, np.nan_to_num(values), 0.6, color=COLOURS[0])
    around = np.abs(ends.T - values)
    ax.errorbar(values, rows, xerr=around, fmt="none", ecolor=INK, elinewidth=1, capsize=2)
    ax.axvline(evaluation["mean_iou"], color=COLOURS[1], linestyle="--", linewidth=1)
    ax.set_yticks(rows, labels(names), fontsize="small")
    ax.set(ylim=(len(names) - 0.5, -0.5))
    ax.set_title(f"mean {evaluation['mean_iou']:.3f} (dashed)", fontsize="medium")
    return finished(ax)


@pictures.register
def _(evaluation: MaskEvaluation) -> dict[str, Draw]:
    def confused() -> Figure:
        return draw_matrix(_counts(evaluation), evaluation.class_names, noun="pixels")

    drawn: dict[str, Draw] = {"Overlap of each class": functools.partial(overlaps, evaluation)}
    if evaluation.confusion is not None:
        drawn["Confusion of pixels"] = confused
    return drawn


@mistakes.register
def _(evaluation: MaskEvaluation, count: int = 12) -> list[Mistake]:
    found = evaluation.mean_ious
    order = np.argsort(found, kind="stable")[:count].tolist()
    return [Mistake(i, _lines(evaluation, i)) for i in order if found[i] < 1]


@pictures_of_items.register
def _(
    evaluation: MaskEvaluation, fitted: FittedModel, source: Source | Dataset | None = None
) -> dict[str, Draw]:
    return {"Worst photos": functools.partial(show_masks, fitted, source, evaluation)}


@draw_results.register
def _(
    encoding: MaskEncoding,
    fitted: FittedModel,
    labelled: ItemDataset,
    axes: Sequence[Axes] | None,
) -> Figure:
    return show_masks(fitted, labelled, count=len(labelled.first_rows), axes=axes)


@draw_targets.register
def _(encoding: MaskEncoding, targets: object, axes: Sequence[Axes]) -> None:
    drawn, names = encoding.drawn(np.asarray(targets)), encoding.drawn_names
    for ax, ids in zip(axes, drawn, strict=False):
        _paint(ax, ids, len(names), _OPACITY)
    _legend(finished(*axes), names, bool((drawn < 0).any()))


def _lines(evaluation: MaskEvaluation, item: int) -> tuple[str, ...]:
    """Returns how good a photo's mask is, and of which class it is worst."""
    assert evaluation.overlaps is not None
    both, shown, said = evaluation.overlaps[item]
    either = shown + said - both
    ious = np.where(either > 0, both / np.maximum(either, 1), np.inf)
    worst = int(ious.argmin())
    return (
        f"mean IoU {evaluation.mean_ious[item]:.2f}",
        f"worst: {evaluation.class_names[worst]} ({ious[worst]:.2f})",
    )


def _counts(evaluation: MaskEvaluation) -> np.ndarray:
    """Returns how many pixels of each class were taken for each class."""
    assert evaluation.confusion is not None
    return evaluation.confusion


def _encoding(fitted: FittedModel) -> MaskEncoding:
    """Returns the encoding of a segmenter, and refuses other models."""
    if not isinstance(fitted.encoding, MaskEncoding):
        raise TypeError(
            f"Masks are drawn of a segmenter. Received: a model of {fitted.encoding.name}"
        )
    return fitted.encoding


def _read(
    fitted: FittedModel,
    source: Dataset | None,
    evaluation: MaskEvaluation | None,
    numbers: Sequence[int],
) -> list[_Shown]:
    """Reads photos again, with their masks if there are any, and predicts on them."""
    truth: np.ndarray | None = None
    encoding = _encoding(fitted)
    if isinstance(source, ItemDataset):
        rows = source.first_rows[np.asarray(numbers, int)]
        pixels = source.items.start(rows)() if len(rows) else np.empty((0, 1, 1, 3))
        known = source.original_sizes
        sizes = [None if known is None else known[i] for i in rows]
        if source.targets is not None and len(rows):
            truth = encoding.drawn(encoding.encoder(source.targets[rows]).targets)
    elif evaluation is not None:
        files = items_of(fitted, evaluation, numbers, None)
        read = [one for file in files if (one := fitted.kind.one(file)) is not None]
        if len(read) < len(files):
            raise ValueError("Some of these files have changed, and cannot be read any more.")
        pixels = np.concatenate([one.batch for one in read])
        sizes = [one.size for one in read]
    else:
        raise ValueError("Pass photos with masks as files or arrays, or an evaluation of files.")
    if not len(pixels):
        return []
    said = encoding.drawn(encoding.scoring.said(fitted.answerer()(pixels)))
    shown = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return [
        _Shown(shown[i], None if truth is None else truth[i], said[i], size or said[i].shape)
        for i, size in enumerate(sizes)
    ]


def _draw_row(axes: Sequence[Axes], one: _Shown, is_first: bool) -> None:
    """Draws a photo, its mask, what is said of it, and that over the photo."""
    count = int(max(one.said.max(), 0 if one.truth is None else one.truth.max())) + 1
    titles = ("photo", "mask", "prediction", "prediction over photo")
    photo, mask, said, over = axes
    for ax, title in zip(axes, titles, strict=True):
        if is_first:
            ax.set_title(title, fontsize=_FONT, color=INK, loc="left")
    for ax in (photo, over):
        ax.imshow(one.pixels)
    if one.truth is not None:
        _paint(mask, one.truth, count)
        for i in np.unique(one.truth)[1:]:  # the borders of the first are those of others
            over.contour(one.truth == i, levels=[0.5], colors="white", linewidths=0.8)
    _paint(said, one.said, count)
    _paint(over, one.said, count, _OPACITY)
    height, width = one.said.shape
    for ax in axes:
        ax.set_aspect(one.size[0] / one.size[1] * width / height)


def _paint(ax: Axes, ids: np.ndarray, count: int, opacity: float = 1.0) -> None:
    """Paints the classes of pixels into axes; void is striped."""
    table = np.concatenate([colours(count), [of_hex(VOID), of_hex(VOID_STRIPES)]])
    down, across = np.indices(ids.shape)
    stripes = (down + across) // _STRIPE % 2
    painted = np.where(ids < 0, count + stripes, ids)
    alpha = np.where(ids < 0, 0.9 * opacity + 0.1, opacity)
    rgba = np.dstack([table[painted] / 255, alpha])
    ax.imshow(rgba, interpolation="nearest")


def _legend(figure: Figure, class_names: Sequence[str], has_void: bool) -> None:
    """Draws a legend below a figure: which colour is which class."""
    made = colours(len(class_names))
    named = labels(class_names)[:_LISTED]
    handles = [Patch(fc=as_hex(c), ec=INK, label=n) for c, n in zip(made, named, strict=False)]
    if has_void:
        handles.append(Patch(fc=VOID, ec=VOID_STRIPES, hatch="////", label="void"))
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=min(6, len(handles)),
        frameon=False,
        fontsize=_FONT,
        labelcolor=INK,
    )
