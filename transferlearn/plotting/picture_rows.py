"""Draws pictures that a network made: beside what went in, and what it should have made."""

import functools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferlearn import data
from transferlearn.checks import whole
from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.fitted import FittedModel
from transferlearn.plotting.canvas import COLOURS, INK, bare, canvas, canvases, finished
from transferlearn.plotting.evaluations import Draw, Mistake, check_type, mistakes, pictures
from transferlearn.plotting.items import draw_targets
from transferlearn.plotting.labels import label
from transferlearn.plotting.mistaken_items import file_of, pictures_of_items
from transferlearn.plotting.results import draw_results
from transferlearn.tasks import PictureEncoding, PictureEvaluation
from transferlearn.types import Source

_TITLES = ("what goes in", "answer", "target")
_SIDE = 2.2  # inches
_FONT = 8.0  # points
_INSET = (0.55, 0.0, 0.45, 0.45)  # the place of a target within its item


def show_pictures(
    fitted: FittedModel,
    source: Source | Dataset | None,
    evaluation: PictureEvaluation | None = None,
    *,
    count: int = 6,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draws what goes into a network, its answer and the target, side by side.

    They are drawn at the size in which the network takes and gives them.

    Args:
        fitted: The model, of image to image.
        source: Pictures with their targets, as `fitted.evaluate` takes them; `None`: the files that
            `evaluation` knows, of pairs without their targets.
        evaluation: What `fitted.evaluate(source)` gave, to draw the worst ones; `None`: the first
            ones are drawn.
        count: The greatest number of pictures.
        axes: The axes to draw in, three for each picture; `None`: those of a new figure.

    Example:
        tl.plotting.show_pictures(fitted, "photos/test").savefig("pictures.png")
    """
    whole("count", count, least=1)
    if not isinstance(fitted.encoding, PictureEncoding):
        raise TypeError(f"The model gives no pictures, but {fitted.encoding.name}.")
    dataset = _dataset(fitted, source, evaluation)
    numbers = list(range(min(count, len(dataset.items))))
    if evaluation is not None:
        numbers = [one.item for one in mistakes(evaluation, count)]
    places = canvases(axes, len(_TITLES) * max(1, len(numbers)), len(_TITLES), _SIDE, _SIDE + 0.2)
    for ax in places:
        bare(ax)
    rows = dataset.first_rows[np.asarray(numbers, int)]
    given = dataset.items.start(rows)() if len(rows) else np.empty((0, 1, 1, 3))
    answers = fitted.answerer()(given) if len(rows) else given
    targets = None if dataset.targets is None or not len(rows) else dataset.targets[rows]
    for i, number in enumerate(numbers):
        shown = (given[i], answers[i], None if targets is None else targets[i])
        of_row = places[len(_TITLES) * i : len(_TITLES) * (i + 1)]
        for ax, pixels in zip(of_row, shown, strict=True):
            if pixels is not None:
                ax.imshow(_whole(pixels), interpolation="nearest")
        if evaluation is not None:
            words = (file_of(evaluation, number), *_lines(evaluation, number))
            of_row[0].set_ylabel("\n".join(label(w, 30) for w in words), fontsize=7.0, color=INK)
    for ax, title in zip(places, _TITLES, strict=False):
        ax.set_title(title, fontsize=_FONT, color=INK, loc="left")
    return finished(*places)


def similarities(evaluation: PictureEvaluation, axes: Sequence[Axes] | None = None) -> Figure:
    """Draws how many pictures have which PSNR, and which SSIM, with the means.

    Args:
        evaluation: The evaluation of a model of image to image.
        axes: The two axes to draw in; `None`: those of a new figure.
    """
    check_type(evaluation, PictureEvaluation)
    assert evaluation.by_item is not None
    places = canvases(axes, 2, 2, 3.6, 2.8)
    for i, (ax, name, said) in enumerate(
        zip(places, ("psnr", "ssim"), ("PSNR, dB", "SSIM"), strict=True)
    ):
        canvas(ax, xlabel=said, ylabel="pictures")
        ax.hist(evaluation.by_item[:, i], bins="auto", color=COLOURS[0])
        ax.axvline(evaluation[name], color=COLOURS[1], linestyle="--", linewidth=1)
        ax.set_title(f"mean {evaluation[name]:.3f} (dashed)", fontsize="medium")
    return finished(*places)


@pictures.register
def _(evaluation: PictureEvaluation) -> dict[str, Draw]:
    return {"PSNR and SSIM": functools.partial(similarities, evaluation)}


@mistakes.register
def _(evaluation: PictureEvaluation, count: int = 12) -> list[Mistake]:
    assert evaluation.by_item is not None
    order = np.argsort(evaluation.by_item[:, 1], kind="stable")[:count].tolist()
    return [Mistake(i, _lines(evaluation, i)) for i in order]


@pictures_of_items.register
def _(
    evaluation: PictureEvaluation, fitted: FittedModel, source: Source | Dataset | None = None
) -> dict[str, Draw]:
    return {"Worst pictures": functools.partial(show_pictures, fitted, source, evaluation)}


@draw_results.register
def _(
    encoding: PictureEncoding,
    fitted: FittedModel,
    labelled: ItemDataset,
    axes: Sequence[Axes] | None,
) -> Figure:
    return show_pictures(fitted, labelled, count=len(labelled.first_rows), axes=axes)


@draw_targets.register
def _(encoding: PictureEncoding, targets: object, axes: Sequence[Axes]) -> None:
    for ax, pixels in zip(axes, np.asarray(targets), strict=False):
        inset = ax.inset_axes(_INSET)
        bare(inset)
        inset.imshow(_whole(pixels))


def _dataset(
    fitted: FittedModel,
    source: Source | Dataset | None,
    evaluation: PictureEvaluation | None,
) -> ItemDataset:
    """Returns the pictures to draw, with their targets if there are any."""
    kind, encoding = fitted.kind, fitted.encoding
    if source is None:
        paths = [] if evaluation is None else [path for path in evaluation.paths if path]
        if not paths:
            raise ValueError("Pass pictures with their targets, or an evaluation of files.")
        source = data.load(paths, kind, encoding.target) if encoding.target.alone else None
        source = kind.unlabelled(paths) if source is None else source
    elif not isinstance(source, Dataset):
        source = data.load(source, kind, encoding.target)
    if not isinstance(source, ItemDataset):
        raise ValueError("A stream cannot be drawn: pass files or arrays.")
    return source


def _lines(evaluation: PictureEvaluation, item: int) -> tuple[str, ...]:
    """Returns how near a picture is to its target."""
    assert evaluation.by_item is not None
    psnr, ssim, *_ = evaluation.by_item[item]
    return f"SSIM {ssim:.3f}", f"PSNR {psnr:.1f} dB"


def _whole(pixels: np.ndarray) -> np.ndarray:
    """Returns pixels as uint8."""
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
