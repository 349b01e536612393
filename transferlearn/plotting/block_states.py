"""Draws which blocks of a network were stored, frozen and trained in each phase."""

from collections.abc import Mapping
from math import prod

import keras
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from transferlearn.fitted import FittedModel
from transferlearn.plotting.canvas import COLOURS, canvas, finished
from transferlearn.plotting.labels import labels
from transferlearn.schedules import PhaseResult
from transferlearn.wording import counted

# Of each state a colour and a pattern: the words in the fields are left out where they do not fit.
_STATES = {
    "stored": (COLOURS[0], "//"),
    "partly stored": (COLOURS[0], "/"),
    "frozen": (COLOURS[0], ""),
    "partly trained": (COLOURS[1], ".."),
    "trained": (COLOURS[1], ""),
    "solved": (COLOURS[2], ""),
}


def phases(fitted: FittedModel, ax: Axes | None = None) -> Figure:
    """Draws for each block and each phase whether it was stored, frozen or trained.

    Blocks are rows, from the input on, with their numbers of parameters. A stored block was
    computed once for each item, a frozen one in each epoch, and neither was changed.

    Args:
        fitted: The model.
        ax: The axes to draw in; `None`: those of a new figure.
    """
    blocks = {name: tuple(layers) for name, layers in fitted.outline.blocks.items()}
    of_blocks = {layer for layers in blocks.values() for layer in layers}
    sizes = _parameters(fitted.model)
    head = sum(size for name, size in sizes.items() if name not in of_blocks)
    rows = [(name, sum(sizes.get(one, 0) for one in layers)) for name, layers in blocks.items()]
    names = [*rows, ("head", head)] if blocks else [("network", head)]
    count = len(fitted.phases)
    ax = canvas(ax, 2.4 + 1.7 * max(1, count), 0.9 + 0.24 * len(names))
    for x, phase in enumerate(fitted.phases):
        states = [_state(phase, layers, sizes) for layers in blocks.values()]
        for y, state in enumerate([*states, "solved" if phase.solved else "trained"]):
            _field(ax, x, y, state)
    shown = labels([name for name, _ in names])
    texts = [f"{name} ({_short(size)})" for name, (_, size) in zip(shown, names, strict=True)]
    ax.set_yticks(range(len(names)), texts, fontsize="small")
    said = [_said(i, phase) for i, phase in enumerate(fitted.phases, start=1)]
    ax.set_xticks(range(count), said, fontsize="small")
    ax.set(xlim=(-0.5, count - 0.5), ylim=(len(names) - 0.5, -0.5))
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return finished(ax)


def _state(phase: PhaseResult, layers: tuple[str, ...], sizes: Mapping[str, int]) -> str:
    """Describes in a word or two what a phase did with a block."""
    weighty = [name for name in layers if sizes.get(name)] or list(layers)
    frozen = [name in phase.frozen_layers for name in weighty]
    kept = phase.stored.layers if phase.stored else ()
    stored = [name in kept for name in weighty]
    if all(stored):
        return "stored"
    if all(frozen):
        return "partly stored" if any(stored) else "frozen"
    return "partly trained" if any(frozen) else "trained"


def _field(ax: Axes, x: int, y: int, state: str) -> None:
    """Draws the field of a block in a phase, with its state in words."""
    colour, pattern = _STATES[state]
    place, size = (x - 0.47, y - 0.44), (0.94, 0.88)
    ax.add_patch(Rectangle(place, *size, facecolor=colour, alpha=0.12, label=state))
    ax.add_patch(Rectangle(place, *size, fill=False, edgecolor=colour, hatch=pattern, alpha=0.35))
    ax.text(x, y, state, ha="center", va="center", fontsize="small", color=colour)


def _said(number: int, phase: PhaseResult) -> str:
    """Writes the heading of a phase: its number, and how it was trained."""
    if phase.solved:
        return f"phase {number}\nhead solved"
    return f"phase {number}\n{counted(phase.epochs, 'epoch')}, rate {phase.learning_rate:.2g}"


def _parameters(model: keras.Model) -> dict[str, int]:
    """Counts the parameters of each layer, by its name."""
    return {layer.name: sum(prod(w.shape) for w in layer.weights) for layer in model.layers}


def _short(count: int) -> str:
    """Writes a number of parameters in at most five letters, such as "4.2M"."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.3g}{letter}"
    return str(count)
