"""Draws single items of each kind: images as images, texts as texts, arrays as lines and fields."""

import functools
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from transferlearn.builders import Builder, Training
from transferlearn.checks import whole
from transferlearn.data import Audio, Images, Kind, Texts
from transferlearn.edge.hearing import DECIBELS, html_of_samples, spectrogram
from transferlearn.edge.pictures import ImageFileError, decode
from transferlearn.edge.recordings import RecordingError
from transferlearn.edge.words.sentences import Sentence
from transferlearn.plotting.canvas import COLOURS, INK, SCALE, bare, canvases, finished
from transferlearn.plotting.labels import label
from transferlearn.plotting.target_words import targets_in_words
from transferlearn.tasks import Encoding
from transferlearn.types import Source

_SIDE = 320  # pixels; images are drawn no larger, since they are small on the page
_LINE = 44  # letters of a text side by side
_LINES = 6
_FONT = 8.0  # points
_SMALL = 7.0
_TITLE = 10.0


class Grid(NamedTuple):
    """Describes how many items are drawn side by side, and how large one is, in inches."""

    columns: int
    width: float
    height: float


@functools.singledispatch
def layout(kind: Kind) -> Grid:
    """Returns the room that an item of a kind needs."""
    return Grid(4, 2.6, 1.9)


@functools.singledispatch
def draw_item(kind: Kind, item: Any, ax: Axes) -> None:
    """Draws one item into axes; register a function for a kind of your own.

    By default an array with one axis is drawn as a line, and one with two as a field.

    Args:
        kind: The kind of the item.
        item: The path of the item's file, or the item as the network gets it.
        ax: The axes to draw in.

    Example:
        @tl.plotting.draw_item.register
        def _(kind: Spectra, item, ax):
            ax.semilogy(np.load(item) if isinstance(item, str) else item)
    """
    read = kind.one(item) if isinstance(item, str) else None
    values = np.asarray(item if read is None else read.batch[0])
    if values.ndim == 1 and values.dtype.kind in "biuf":
        ax.plot(values, color=COLOURS[0], linewidth=0.8)
    elif values.ndim == 2:
        ax.imshow(values, cmap=SCALE, aspect="auto", interpolation="nearest")
    else:
        bare(ax)
        words = str(item) if isinstance(item, str) else f"{values.dtype} {values.shape}"
        _write(ax, label(words, _LINE))


@layout.register
def _(kind: Images) -> Grid:
    return Grid(6, 1.7, 2.4)


@draw_item.register
def _(kind: Images, item: Any, ax: Axes) -> None:
    bare(ax)
    try:
        pixels = np.asarray(_small(item) if isinstance(item, str) else item)
    except ImageFileError as error:  # it was moved since, or has changed
        _write(ax, label(error, _LINE))
        return
    ax.imshow(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


@layout.register
def _(kind: Texts) -> Grid:
    return Grid(3, 3.2, 1.45)


@draw_item.register
def _(kind: Texts, item: Any, ax: Axes) -> None:
    bare(ax)
    if isinstance(item, Sentence):
        item = item.text
    if not isinstance(item, str):
        ids = [i for i in np.asarray(item).tolist() if i >= 0 and i != kind.tokenizer.padding]
        filled = len(item) - len(ids)
        item = " ".join(kind.tokenizer.spelled(ids))
        item += f" (+{filled} padding)" if filled else ""
    _write(ax, wrapped(item, _LINE, _LINES))


@layout.register
def _(kind: Audio) -> Grid:
    return Grid(4, 2.6, 1.7)


@draw_item.register
def _(kind: Audio, item: Any, ax: Axes) -> None:
    bare(ax)
    try:
        samples = kind.read(item)
    except RecordingError as error:  # it was moved since, or has changed
        _write(ax, label(error, _LINE))
        return
    ax.imshow(spectrogram(samples), cmap=SCALE, aspect="auto", origin="lower", vmin=-DECIBELS)


@functools.singledispatch
def heard(kind: Kind, item: object) -> str:
    """Returns HTML in which an item can be heard; by default, empty.

    Args:
        kind: The kind of the item; register a function for a kind of your own.
        item: The path of the item's file, or the item as it was given.
    """
    return ""


@heard.register
def _(kind: Audio, item: object) -> str:
    try:
        return html_of_samples(kind.read(item), kind.sample_rate)
    except RecordingError:
        return ""


def draw_items(
    kind: Kind,
    items: Sequence[object],
    lines: Sequence[Sequence[str]],
    axes: Sequence[Axes] | None = None,
    title: str = "",
    below: Sequence[str] = (),
) -> Figure:
    """Draws items beside and below each other, with some words above each, and its file below.

    Args:
        kind: The kind of the items.
        items: The items, as `draw_item` takes them.
        lines: The lines above each item; each is broken in two, or shortened, to the item's width.
        axes: The axes to draw in; `None`: those of a new figure.
        title: The title of a new figure.
        below: What is written below each item, such as the name of its file; empty for nothing.
    """
    columns, width, height = layout(kind)
    own = axes is None
    axes = canvases(axes, max(1, len(items)), columns, width, height)
    if not items:
        bare(axes[0])
    fit = int(width * 72 / _FONT * 1.5)  # letters: the mean one is 0.6 times as wide as high
    for ax, item, of_item in zip(axes, items, lines, strict=False):
        draw_item(kind, item, ax)
        shown = "\n".join(wrapped(line, fit, 2) for line in of_item)
        ax.set_title(shown, fontsize=_FONT, color=INK, loc="left")
    for ax, name in zip(axes, below, strict=False):
        shown = label(name, int(fit * _FONT / _SMALL))
        ax.set_xlabel(shown, fontsize=_SMALL, color=INK, loc="left")
    figure = finished(*axes)
    if own and title:
        letters = int(figure.get_figwidth() * 72 / _TITLE * 1.5)
        figure.suptitle(textwrap.fill(title, letters), color=INK, fontsize=_TITLE)
    return figure


def wrapped(text: str, width: int, lines: int) -> str:
    """Breaks a text into lines, each a label; what does not fit is left out at the end."""
    broken = textwrap.wrap(text[: 2 * width * lines], width) or [""]
    kept = broken[:lines]
    if len(broken) > lines:
        kept[-1] += " \N{HORIZONTAL ELLIPSIS}"
    return "\n".join(label(line, 2 * width) for line in kept)


def _small(path: str) -> Image.Image:
    """Decodes a file no larger than it is drawn, in its own proportions."""
    image = decode(path, least=_SIDE)
    image.thumbnail((_SIDE, _SIDE), reducing_gap=2.0)
    return image


def _write(ax: Axes, text: str) -> None:
    """Writes a text into empty axes, from the upper left corner on."""
    ax.text(0.0, 1.0, text, va="top", ha="left", fontsize=_FONT, color=INK, transform=ax.transAxes)


def show_batch(
    training: Training | Builder,
    train: Source | None = None,
    *,
    count: int = 12,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draws the first items that a network is trained on, as it gets them, with their targets.

    Images are resized, augmented and mixed as in training, before the network's own preprocessing;
    texts are cut into tokens. The training comes out the same with or without this look.

    Args:
        training: What `builder.prepare` gave; or a builder, with the data to train on.
        train: The data, as `fit` takes it, where a builder was passed.
        count: The greatest number of items.
        axes: The axes to draw in, one for each item; `None`: those of a new figure.

    Example:
        tl.plotting.show_batch(builder, "photos").savefig("batch.png")
    """
    whole("count", count, least=1)
    if isinstance(training, Builder):
        if train is None:
            raise ValueError('A builder needs the data: show_batch(builder, "photos").')
        training = training.prepare(train)
    batch = training.first_batch()
    lines = [[words] for words in targets_in_words(training.encoding, batch.targets)]
    # Weights of pixels are no weights of items.
    weights = batch.weights
    if weights is not None and np.size(weights) == len(lines) and not np.all(weights == 1):
        for of_item, weight in zip(lines, np.ravel(weights), strict=True):
            of_item.append(f"weight {weight:.3g}")
    title = "A batch to train on"
    figure = draw_items(training.kind, list(batch.items[:count]), lines, axes, title)
    drawn = figure.axes if axes is None else list(axes)
    draw_targets(training.encoding, batch.targets, drawn[:count])
    return figure


@functools.singledispatch
def draw_targets(encoding: Encoding, targets: object, axes: Sequence[Axes]) -> None:
    """Draws a batch's targets over its items, where they are pictures; by default nothing.

    Args:
        encoding: The encoding; register a function for the type of one's own.
        targets: The targets as the loss reads them.
        axes: The axes that the items are drawn in.
    """
