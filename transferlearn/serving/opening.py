"""Opens what is served: an export, or a saved or fitted model, which Keras then runs."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transferlearn.atomic_files import whole_place
from transferlearn.edge import Runner
from transferlearn.edge.description import FILE
from transferlearn.edge.existing import SAVE

Given = str | Path | Any
"""A folder, a `Runner`, or a `FittedModel`, which cannot be named where there is no Keras."""


def named(models: Given | Sequence[Given] | Mapping[str, Given]) -> dict[str, Given]:
    """Returns models by name: the one that is given, that of the folder, or `"model"`.

    Raises:
        ValueError: There is no model, or two have the same name.
    """
    if isinstance(models, Mapping):
        found = dict(models)
    else:
        listed = models if isinstance(models, (list, tuple)) else [models]
        found = {
            Path(one).resolve().name if isinstance(one, (str, Path)) else "model": one
            for one in listed
        }
        if len(found) < len(listed):
            raise ValueError("Each model has a name of its own: that of its folder.")
    if not found:
        raise ValueError("There is no model to serve: pass what tl.export wrote.")
    return found


def place_of(folder: Path) -> Path | None:
    """Returns the file that says what an export or a save is; `None`: the folder holds neither."""
    places = (whole_place(folder, name) / name for name in (FILE, SAVE))
    return next((place for place in places if place.is_file()), None)


def holds_save(folder: Path) -> bool:
    """Returns whether Keras runs what is in a folder, or in the newest version in it."""
    return any(
        (place := place_of(one)) is not None and place.name == SAVE
        for one in (folder, *folder.glob("[0-9]*"))
    )


def opened(given: Given, threads: int | None, trusted: bool) -> Runner:
    """Returns the runner of an export, or one that runs a save or a fitted model in Keras.

    Raises:
        OSError: A folder holds neither an export nor a save.
        ValueError: It is damaged, or holds code and is not trusted.
        ImportError: Its runtime is not installed.
    """
    if isinstance(given, Runner):
        return given
    place = place_of(Path(given)) if isinstance(given, (str, Path)) else None
    if place is not None and place.name == FILE:
        return Runner(given, threads=threads, trusted=trusted)
    # By name, since a server of exports has to start where there is no Keras.
    in_keras: Any = importlib.import_module("transferlearn.exporting.in_keras")
    if isinstance(given, (str, Path)):
        return in_keras.runner_of_save(Path(given), trusted)
    return in_keras.runner_of(given)
