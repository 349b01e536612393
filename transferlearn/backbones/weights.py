"""Finds weight files, loads them, and makes the errors that say what to do without one."""

import os
import warnings
from pathlib import Path

import keras

from transferlearn.backbones.base import Weights
from transferlearn.extras import install_line
from transferlearn.untrusted import RefusalError, checked_weights

FOLDER_VARIABLE = "TRANSFERLEARN_WEIGHTS"
OFFLINE_BACKBONE = "EfficientNetLite0"


def check_weights(weights: Weights) -> None:
    """Raises `OSError` unless weights are `"imagenet"`, `None` or an existing file."""
    if weights is None or weights == "imagenet":
        return
    if not Path(weights).is_file():
        raise OSError(
            f"No weight file at {weights}. Expected 'imagenet', None (random weights), or the path "
            "of a .h5, .weights.h5 or .keras file."
        )


def find_file(name: str, official: str) -> Path | None:
    """Finds a network's weight file in the folder `TRANSFERLEARN_WEIGHTS`; `None` if none.

    Args:
        name: The backbone's name; `<name>.weights.h5` and `<name>.h5` are looked for.
        official: Another file name to look for, under which the weights were published.

    Raises:
        OSError: The variable names something that is no folder.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return None
    if not Path(folder).is_dir():
        raise OSError(f"{FOLDER_VARIABLE} names {folder}, which is not a folder.")
    files = (Path(folder) / file for file in (f"{name}.weights.h5", f"{name}.h5", official))
    return next((file for file in files if file.is_file()), None)


def download_failed(name: str, official: str, reason: Exception) -> OSError:
    """Makes an error that says what was tried, where to put a file, and what works offline."""
    folder = os.environ.get(FOLDER_VARIABLE)
    # Where Keras looks before it downloads.
    cache = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models"
    looked = (
        f"the folder {folder} ({FOLDER_VARIABLE})"
        if folder
        else f"no folder ({FOLDER_VARIABLE} is not set)"
    )
    return OSError(
        f"The ImageNet weights of {name} could not be loaded. Tried: {looked}, and Keras's "
        f"download: {str(reason).rstrip('.')}. Download the file elsewhere, and "
        f"save {official} in {cache}, or save it (or your own as {name}.weights.h5) in a folder "
        f"that the variable {FOLDER_VARIABLE} names, or pass weights='path/to/file'. "
        f"{OFFLINE_BACKBONE!r} works offline: {install_line('demo')}."
    )


def load_file(model: keras.Model, path: Path, name: str) -> None:
    """Loads a weight file into a model, or raises a `ValueError` that names the file."""
    try:
        with warnings.catch_warnings(), checked_weights(path) as checked:
            warnings.simplefilter("ignore")  # Keras warns of each layer before it raises
            model.load_weights(checked)
    except RefusalError:
        raise
    except Exception as error:
        raise ValueError(
            f"The weight file {path} does not fit {name}: {_gist(error)} Expected weights saved "
            "from the same network, best with include_top=False."
        ) from error


def _gist(error: Exception) -> str:
    """Returns the beginning of Keras's message; pages of numbers can follow in it."""
    return str(error).strip().split("\n")[0].partition(" Example error message")[0]
