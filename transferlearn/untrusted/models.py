"""Reads models from `.keras` files that may come from anybody."""

import copy
import json
import tempfile
import warnings
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import keras

from transferlearn.json_fields import Json
from transferlearn.untrusted.archives import CONFIG, WEIGHTS, unpack
from transferlearn.untrusted.configs import check_config, without_training
from transferlearn.untrusted.refusal import RefusalError
from transferlearn.untrusted.sizes import check_size
from transferlearn.untrusted.tensors import check_tensors


def read_model(
    path: str | Path,
    *,
    trusted: bool = False,
    custom_objects: Mapping[str, object] | None = None,
) -> keras.Model:
    """Reads a model from a `.keras` file, and runs nothing that the file brings along.

    Use it in the place of `keras.models.load_model` for a file from somewhere. Layers that run
    code, read files or are not known here are refused, and so are weights that are not finite or
    larger than the file. The model is not compiled.

    Args:
        path: The file.
        trusted: Whether to read it whatever it holds, and to run the code in it.
        custom_objects: Layers and functions of your own, by their names in the file, that it may
            use. Those that your own code has registered with Keras need not be named.

    Returns:
        The model.

    Raises:
        ValueError: What is in the file is refused, with its place and name, or cannot be read.
        OSError: There is no such file.

    Example:
        model = tl.read_model("downloads/model.keras")
    """
    return read_model_of_save(Path(path), (), trusted=trusted, custom_objects=custom_objects)


def read_model_of_save(
    path: Path,
    programs: Collection[str],
    *,
    trusted: bool,
    custom_objects: Mapping[str, object] | None,
) -> keras.Model:
    """Reads a model as `read_model` does, which may also call SavedModels that lie beside it.

    Args:
        path: The file.
        programs: The hashes of the SavedModels.
        trusted: See `read_model`.
        custom_objects: See `read_model`.
    """
    own = dict(custom_objects or {})
    if not path.is_file():
        raise OSError(f"No file at {path}. Expected a .keras file.")
    try:
        if trusted:
            return keras.models.load_model(path, own, compile=False, safe_mode=False)
        with tempfile.TemporaryDirectory() as folder:
            return _read_checked(path, Path(folder), own, programs)
    except RefusalError as error:
        raise RefusalError(
            f"{path} is refused: {error}. If it comes from people whom you trust: trusted=True."
        ) from error
    except OSError:  # of the folder that it is unpacked into, such as on a full disk
        raise
    except Exception as error:  # Keras raises errors of all sorts where a config makes no sense
        # Keras puts the whole model's config before what is wrong.
        reason = str(error).rpartition("Exception encountered: ")[2]
        raise ValueError(f"{path} cannot be read. Keras says: {reason}") from error


def _read_checked(path: Path, folder: Path, own: Json, programs: Collection[str]) -> keras.Model:
    """Unpacks a `.keras` file into an empty folder, checks all of it, and reads it from there."""
    unpack(path, folder)
    config = without_training(json.loads((folder / CONFIG).read_bytes()))
    names_own = check_config(config, own, programs)
    # Keras reads what was checked, and not the text that it was made of.
    (folder / CONFIG).write_text(json.dumps(config), "utf-8")
    check_tensors(folder / WEIGHTS)

    def load() -> keras.Model:
        return keras.models.load_model(folder, own, compile=False)

    if names_own:  # others' layers may make their variables in other ways
        # Keras changes the config that it is given.
        make = partial(keras.saving.deserialize_keras_object, copy.deepcopy(config), own)
        check_size(make, (folder / WEIGHTS).stat().st_size)
    else:
        _check_weights_are_there(load)
    return load()


def _check_weights_are_there(load: Callable[[], keras.Model]) -> None:
    """Raises `RefusalError` unless the file holds all weights that the config describes.

    A config of a hundred bytes can describe weights of a terabyte, and Keras makes them before it
    looks into the file. In a `StatelessScope` it knows their shapes and makes none.
    """

    def missing() -> list[str]:
        with keras.StatelessScope(initialize_variables=False) as scope:
            weights = load().weights
        return [weight.path for weight in weights if scope.get_current_value(weight) is None]

    # Keras keeps a list for each thread of variables that are to be made later: this one ends.
    with ThreadPoolExecutor(1) as thread, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of each layer before it raises
        try:
            paths = thread.submit(missing).result()
        except ValueError as error:
            said = str(error).partition("List of objects")[0].strip()
            raise RefusalError(f"its weights are not those of its config: {said}") from error
    if paths:
        raise RefusalError(f"its weights are not those of its config: it has no {paths[0]}")
