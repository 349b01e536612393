"""Leaves pictures of a training beside the model."""

import functools
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from transferlearn.atomic_files import written_whole
from transferlearn.cli.messages import say
from transferlearn.cli.replacing import refuse_other_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from transferlearn.builders import Training
    from transferlearn.fitted import FittedModel

_HELD_OUT = 1000  # items that are scored for a picture, at most


def leave_pictures(training: "Training", fitted: "FittedModel", place: Path) -> Path | None:
    """Draws a batch, the curves, and results and mistakes on held-out items, as PNG files.

    Args:
        training: The training that has run.
        fitted: The model that it gave.
        place: The folder of the save.

    Returns:
        The folder of the pictures, beside that of the save; `None` without Matplotlib.
    """
    if find_spec("matplotlib") is None:
        return None
    folder = place.with_name(f"{place.name}-pictures")
    for title, draw in _pictures(training, fitted).items():
        file = folder / f"{title.lower().replace(' ', '-')}.png"
        try:
            folder.mkdir(exist_ok=True)
            refuse_other_file(file)
            with written_whole(file) as draft:
                draw().savefig(draft, format="png", dpi=120, facecolor="white")
        except (ValueError, TypeError, OSError) as error:
            say(f"{title} is not drawn: {error}")
    return folder


def _pictures(training: "Training", fitted: "FittedModel") -> "dict[str, Callable[[], Figure]]":
    """Returns what is drawn, by title."""
    from transferlearn import plotting
    from transferlearn.data.dataset import ItemDataset
    from transferlearn.fitted.outputs import evaluated

    found: dict[str, Callable[[], Figure]] = {
        "batch": functools.partial(plotting.show_batch, training)
    }
    if fitted.history.history.get("loss"):
        found["curves"] = functools.partial(plotting.training_curves, fitted)
    if isinstance(fitted.held_out, ItemDataset):
        held_out = fitted.held_out.at_most(_HELD_OUT)
        evaluation = evaluated(fitted, held_out)
        found |= plotting.pictures(evaluation)
        found |= plotting.pictures_of_items(evaluation, fitted, held_out)
    return found
