"""Draws what a model says of each window of a long recording, above its spectrogram."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from transferlearn.data import Audio
from transferlearn.edge.hearing import DECIBELS, spectrogram_of_blocks
from transferlearn.edge.recordings import blocks_of, part_of
from transferlearn.fitted import FittedModel
from transferlearn.plotting.canvas import SCALE, canvases, finished, legend, styles
from transferlearn.plotting.labels import label

_NAMED = 8  # classes whose lines can be told apart


def show_windows(
    fitted: FittedModel,
    recording: object,
    windows: float,
    hop: float | None = None,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Draws the probabilities or numbers of each window, and the recording's spectrogram below.

    Of many classes, the eight are drawn that are likeliest in any window.

    Args:
        fitted: The model.
        recording: One recording, as `predict` takes it.
        windows: The length of a window in seconds.
        hop: The seconds from one window to the next; `None`: half a window.
        axes: The two axes to draw in; `None`: those of a new figure.

    Example:
        tl.plotting.show_windows(fitted, "street.wav", windows=1.0)
    """
    if not isinstance(fitted.kind, Audio):
        raise ValueError(f"Windows are of recordings. Received: a model of {fitted.kind.noun}s")
    found = fitted.predict(recording, windows=windows, hop=hop)
    said, heard = canvases(axes, 2, 1, 8.0, 2.2)
    start, end, rate = found[0].start, found[-1].end, fitted.kind.sample_rate
    answers = [one.prediction for one in found]
    named = [getattr(one, "probabilities", None) or one.values for one in answers]
    values = {name: np.array([one[name] for one in named]) for name in named[0]}
    middles = [(one.start + one.end) / 2 for one in found]
    drawn = sorted(values, key=lambda name: -values[name].max())[:_NAMED]
    for name, style in zip(drawn, styles(), strict=False):
        said.plot(middles, values[name], label=label(name), **style)
    of_classes = hasattr(answers[0], "probabilities")
    said.set(xlim=(start, end), ylabel="probability" if of_classes else "predicted")
    if of_classes:
        said.set_ylim(0, 1.02)
    legend(said, loc="upper left", bbox_to_anchor=(1, 1))
    blocks = blocks_of(part_of(recording), rate)
    heard.imshow(
        spectrogram_of_blocks(blocks, round((end - start) * rate)),
        extent=(start, end, 0, rate / 2000),
        cmap=SCALE,
        vmin=-DECIBELS,
        aspect="auto",
        origin="lower",
    )
    heard.set(xlabel="seconds", ylabel="kHz")
    return finished(said, heard)
