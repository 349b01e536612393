"""Reads a `FittedModel` back from the folder that it was saved in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from transferlearn.atomic_files import stamp, whole_place
from transferlearn.backbones.hub_presets import keras_hub
from transferlearn.backbones.saved_model import looking_beside
from transferlearn.checks import number, whole
from transferlearn.configs import subclasses
from transferlearn.data.kind import Kind
from transferlearn.fitted.agreement import check_parts, check_said
from transferlearn.fitted.calibration import Calibration
from transferlearn.fitted.hub import ADDRESS, download
from transferlearn.fitted.model import FittedModel
from transferlearn.fitted.outline import Outline
from transferlearn.fitted.places import DESCRIPTION
from transferlearn.fitted.saving import HUB, MODEL, read_save
from transferlearn.fitted.signing import PublicKey
from transferlearn.json_fields import FieldError, Json
from transferlearn.monitoring.reference import FILE, read_reference
from transferlearn.progress import stage, working
from transferlearn.schedules import PhaseResult
from transferlearn.tasks import Encoding
from transferlearn.untrusted import read_model_of_save

_ATTEMPTS = 20  # another process may replace a save while it is read


def load(
    path: str | Path,
    *,
    trusted: bool = False,
    custom_objects: Mapping[str, object] | None = None,
    public_key: "PublicKey | None" = None,
) -> FittedModel:
    """Reads what `FittedModel.save` wrote, after checking the hashes of all its files.

    The hashes find damage. Whoever made the save could write them anew, so the model in it is
    looked through as `read_model` does, and what could run code is refused.

    Args:
        path: The folder of the save; or `"hf://user/name"`, or `"hf://user/name@revision"`, of a
            model on the Hugging Face Hub. Anybody can publish there: as with any save of a
            stranger, what could run code is refused.
        trusted: Whether to read the model whatever it holds, and to run the code in it; also
            whether a SavedModel in the save may run even if it can do more than compute. What that
            is, is printed.
        custom_objects: Layers and functions of your own, by their names in the save, that it may
            use. Those that your own code has registered with Keras need not be named.
        public_key: The key of whoever must have signed the save, by `save(sign=...)`: an
            `Ed25519PublicKey` of `cryptography`, or the path of a PEM file. The hashes find damage;
            only a signature finds malice.

    Raises:
        OSError: There is no save at `path`, or it cannot be downloaded.
        ImportError: A signature is to be checked, and `cryptography` is not installed
            (`pip install -e ".[sign]"`); or `huggingface_hub` is needed and is not installed
            (`pip install -e ".[hf]"`).
        ValueError: A file is not what was saved (the message names it), the save is not signed
            with the key or was changed since, a kind, task or layer of your own is not known in
            this process, or something in the save is not trusted.
    """
    if isinstance(path, str) and path.startswith(ADDRESS):
        folder, within = download(path)
        return _load(folder, trusted, custom_objects, public_key, within)
    with working(), stage("loading the model"):
        return _load_whole(Path(path), trusted, custom_objects, public_key)


def _load_whole(
    path: Path,
    trusted: bool,
    custom_objects: Mapping[str, object] | None,
    public_key: "PublicKey | None",
) -> FittedModel:
    """Reads a save again where it is replaced meanwhile; see `load`."""
    for _ in range(_ATTEMPTS):
        place = whole_place(path, DESCRIPTION)
        begun = stamp(place, DESCRIPTION)
        try:
            fitted = _load(place, trusted, custom_objects, public_key)
        except (OSError, ValueError):
            if stamp(place, DESCRIPTION) == begun:
                raise
        else:
            if stamp(place, DESCRIPTION) == begun:
                return fitted
    raise OSError(f"{path} is replaced again and again while it is read.")


def _load(
    path: Path,
    trusted: bool,
    custom_objects: Mapping[str, object] | None,
    public_key: "PublicKey | None",
    within: Path | None = None,
) -> FittedModel:
    """Reads the save in the folder `path`; see `load`."""
    saved = read_save(path, public_key, within)
    try:
        if HUB in saved["versions"]:
            keras_hub()  # makes its layers known to Keras
        history = keras.callbacks.History()
        history.on_train_begin()  # Keras makes its `epoch` only here
        history.epoch = list(saved["history"]["epoch"])
        history.history = dict(saved["history"]["metrics"])
        kinds = _class_named(Kind, saved["kind"]["name"])
        encodings = _class_named(Encoding, saved["task"]["name"])
        check_said(saved, kinds, encodings)
        kind = kinds.load(saved["kind"]["settings"], path)
        encoding = encodings.read(saved["task"]["settings"], path)
        phases = tuple(map(PhaseResult.read, saved["phases"]))
        outline = Outline(**saved["outline"])
        whole("batch_size", outline.batch_size, least=1)
        temperature = number("temperature", saved["temperature"], above=0)
        written = saved["calibration"] or {}
        figures: Json = {name: number(name, value) for name, value in written.items()}
        calibration = Calibration(**figures) if figures else None
    except FieldError as error:
        raise ValueError(f"{path} does not say what a save says: {error}.") from error
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"{path} does not say what a save says: {error!r}.") from error
    with looking_beside(path, trusted=trusted) as programs:
        model = read_model_of_save(
            path / MODEL, programs, trusted=trusted, custom_objects=custom_objects
        )
    reference = read_reference(path) if FILE in saved["files"] else None
    try:
        check_parts(model, kind, encoding, reference)
    except ValueError as error:
        raise ValueError(f"The parts of {path} do not belong together: {error}") from error
    return FittedModel(
        model=model,
        kind=kind,
        encoding=encoding,
        history=history,
        phases=phases,
        outline=outline,
        temperature=temperature,
        reference=reference,
        calibration=calibration,
    )


def _class_named(family: type, name: str) -> Any:
    """Finds the kind or encoding that saves call by this name, among the known subclasses."""
    for member in subclasses(family).values():
        if isinstance(name, str) and vars(member).get("name") == name:
            return member
    raise ValueError(
        f"The save needs {name!r}, which is not known here: first import the module that defines "
        f"it, a subclass of {family.__name__} with name = {name!r}."
    )
