"""Reads a fitted model back from its folder."""

from pathlib import Path
from typing import Any

import keras

from transferlearn.backbones.keras_hub import keras_hub
from transferlearn.backbones.saved_model import looking_beside
from transferlearn.configs import subclasses
from transferlearn.data.kind import Kind
from transferlearn.fitted.model import FittedModel, Outline
from transferlearn.fitted.old_saves import as_format_2
from transferlearn.fitted.saving import HUB, read_model, read_save
from transferlearn.schedules import PhaseResult, SolvedHead, StoredPart
from transferlearn.tasks import Encoding
from transferlearn.types import Json


def load(path: str | Path, *, trusted: bool = False) -> FittedModel[Any]:
    """Reads what `FittedModel.save` wrote, after checking that not a byte has changed.

    Args:
        path: The folder of the save.
        trusted: Whether to run a SavedModel in the save that can do more than compute.

    Raises:
        OSError: There is no save at `path`.
        ValueError: A file is not what was saved (the message names it), or a kind, task or layer of
            your own is not known in this process.
    """
    path = Path(path)
    saved = as_format_2(read_save(path))
    if HUB in saved["versions"]:
        keras_hub()  # makes its layers known to Keras
    history = keras.callbacks.History()
    history.on_train_begin()  # Keras makes its `epoch` only here
    history.epoch, history.history = saved["history"]["epoch"], saved["history"]["metrics"]
    kind = _known(Kind, saved["kind"]["name"]).load(saved["kind"]["settings"], path)
    encoding = _known(Encoding, saved["task"]["name"]).load(saved["task"]["settings"])
    with looking_beside(path, trusted=trusted):
        model = read_model(path)
    return FittedModel(
        model=model,
        kind=kind,
        encoding=encoding,
        history=history,
        phases=tuple(map(_phase, saved["phases"])),
        outline=Outline(**saved["outline"]),
    )


def _known(family: type[Any], name: str) -> Any:
    """Gives the class in a family (kinds or encodings) that saves call by this name."""
    for member in subclasses(family).values():
        if vars(member).get("name") == name:
            return member
    raise ValueError(
        f"The save is of {name!r}, which is not known here: import the module that defines it, a "
        f"subclass of {family.__name__} with name = {name!r}, first."
    )


def _phase(saved: Json) -> PhaseResult:
    stored, solved = saved["stored"], saved["solved"]
    parts = {
        "frozen_layers": tuple(saved["frozen_layers"]),
        "stored": stored and StoredPart(**stored),
        "solved": solved and SolvedHead(**{**solved, "strength": tuple(solved["strength"])}),
    }
    return PhaseResult(**{**saved, **parts})
