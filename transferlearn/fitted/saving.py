"""Writes a fitted model as a folder, whole or not at all, and checks it when it is read."""

import hashlib
import json
import math
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from transferlearn.backbones.saved_model import copy_programs
from transferlearn.checks import refuse_address
from transferlearn.distributing import processes
from transferlearn.edge.existing import existing_model
from transferlearn.fitted import signing
from transferlearn.fitted.card import CARD, card_of
from transferlearn.fitted.places import DESCRIPTION, check_place, folder_written_whole, recover
from transferlearn.fitted.trained import Trained
from transferlearn.hashing import hash_of_file, hashes_of_files, names_of_files
from transferlearn.json_fields import Json
from transferlearn.keras_internals import layers_within
from transferlearn.tasks import Evaluation

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MODEL = "model.keras"
FORMAT = 2
HUB = "keras_hub"


def write_save(
    fitted: Trained,
    path: Path,
    evaluation: Evaluation | None,
    sign: "signing.PrivateKey | None",
) -> None:
    """Saves a `FittedModel` as the folder `path`, whole or not at all: a draft is renamed to it."""
    if not (evaluation is None or isinstance(evaluation, Evaluation)):
        raise TypeError(
            f"evaluation is what fitted.evaluate(...) gave. Received: a {type(evaluation).__name__}"
        )
    key = None if sign is None else signing.private_key(sign)
    refuse_address("path", path)
    if not processes().is_first:  # of processes that trained together, the first one saves
        return
    path = path.resolve()
    check_target(path)
    recover(path, DESCRIPTION)
    check_room(path, fitted.model)
    before = existing_model(path)
    try:
        with folder_written_whole(path) as draft:
            _write(fitted, draft, evaluation, key)
    except OSError as error:
        reason = error.strerror or error
        raise OSError(f"{path} cannot be saved: {reason}. Nothing was changed.") from error
    if before is not None:
        print(f"Replaced {before}.")


def _write(
    fitted: Trained,
    draft: Path,
    evaluation: Evaluation | None,
    key: "Ed25519PrivateKey | None",
) -> None:
    """Writes all files of a save, the signature last."""
    _without_training(fitted.model).save(draft / MODEL)
    copy_programs(fitted.model, draft)
    fitted.kind.write(draft)
    fitted.encoding.write(draft)
    if fitted.reference is not None:
        fitted.reference.write(draft)
    (draft / CARD).write_text(card_of(fitted, evaluation), "utf-8")
    (draft / DESCRIPTION).write_text(_as_text(_describe(fitted, draft)), "utf-8")
    if key is not None:
        signature = signing.sign((draft / DESCRIPTION).read_bytes(), key)
        (draft / signing.SIGNATURE).write_bytes(signature)


def check_target(path: Path) -> None:
    """Refuses a path that holds anything besides a save, or that cannot be written to."""
    check_place(path, DESCRIPTION, "a save", _not_ours)


def check_room(path: Path, model: keras.Model) -> None:
    """Refuses a path on a disk that is too full for a save of a model.

    Raises:
        OSError: There is less room than the model's weights take.
    """
    needed = sum(math.prod(w.shape) * np.dtype(w.dtype).itemsize for w in model.weights)
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise OSError(
            f"{path} has no room for the model: it takes {needed / 1e6:,.0f} MB, and "
            f"{free / 1e6:,.0f} MB are free in {parent}. Make room, or choose another place."
        )


def _not_ours(path: Path) -> list[str]:
    """Lists the files in a save's folder that it did not write, such as a card that was edited.

    If its description is damaged, there are none: such a save may be replaced.
    """
    try:
        named = dict(json.loads((path / DESCRIPTION).read_text("utf-8"))["files"])
    except (ValueError, KeyError, TypeError):
        return []
    known = {DESCRIPTION, signing.SIGNATURE, *named}
    if (path / CARD).is_file() and hash_of_file(path / CARD) != named.get(CARD):
        known -= {CARD}
    return [name for name in names_of_files(path) if name not in known]


def read_save(
    path: Path, public_key: "signing.PublicKey | None" = None, within: Path | None = None
) -> Json:
    """Reads the description of the save at `path`, and checks the hashes of all its files.

    With a key, the signature is checked before anything else is read. All files must lie in the
    folder `within`, wherever links lead; by default in `path`.
    """
    within = (within or path).resolve()
    key = None if public_key is None else signing.public_key(public_key)
    if not (path / DESCRIPTION).is_file():
        raise OSError(f"{path} is not a save of transferlearn: it holds no {DESCRIPTION}.")
    if key is not None:
        signing.check_signature(path, (path / DESCRIPTION).read_bytes(), key)
    try:
        text = (path / DESCRIPTION).read_text("utf-8")
        saved = json.loads(text)
        files = dict(saved["files"])
        known = saved["format"] == FORMAT
        as_written = text == _as_text(saved)
        whole = saved.pop("sha256") == _hash(_canonical(saved)) and as_written
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path / DESCRIPTION} is damaged: {error!r}.") from error
    if not whole:
        raise ValueError(f"{path / DESCRIPTION} is not what was saved: its hash differs.")
    if not known:
        raise ValueError(
            f"{path} was saved in format {saved['format']}; this version reads {FORMAT}."
        )
    if key is not None:
        signing.check_nothing_added(path, {DESCRIPTION, *files})
    elif CARD in files:
        del files[CARD]  # for people to edit; it is not read
    for name, expected in files.items():
        if not _lies_within(path, name, within):
            raise ValueError(f"{path / DESCRIPTION} names a file outside of the save, {name!r}.")
        if not (path / name).is_file():
            raise OSError(f"{path / name} is missing.")
        if hash_of_file(path / name) != expected:
            raise ValueError(f"{path / name} is not what was saved: its SHA-256 differs.")
    if MODEL not in files:
        raise ValueError(
            f"{path / DESCRIPTION} lists no {MODEL}, so nobody knows what it should be."
        )
    for file in path.rglob("*"):  # what is not listed may be read, too, such as a tokenizer's words
        if not _lies_within(path, str(file.relative_to(path)), within):
            raise ValueError(f"{file} leads outside of the save.")
    return saved


def _lies_within(path: Path, name: str, folder: Path) -> bool:
    """Returns whether a save's file leads to a place in `folder`; one to nowhere does not."""
    # The path is the user's own, and may go through `..`; the name is a stranger's.
    try:
        return ".." not in Path(name).parts and (path / name).resolve().is_relative_to(folder)
    except (OSError, RuntimeError, ValueError):  # too long a name, a circle of links, a NUL
        return False


def _describe(fitted: Trained, draft: Path) -> Json:
    """Makes the description of a save, with the hashes of the files in `draft`."""
    described: Json = {
        "format": FORMAT,
        "kind": {"name": fitted.kind.name, "settings": fitted.kind.settings()},
        "task": {"name": fitted.encoding.name, "settings": fitted.encoding.settings()},
        "outline": asdict(fitted.outline),
        "temperature": fitted.temperature,
        "calibration": fitted.calibration and asdict(fitted.calibration),
        "phases": [asdict(phase) for phase in fitted.phases],
        "metrics": fitted.phases[-1].metrics if fitted.phases else {},
        "history": {
            "epoch": list(fitted.history.epoch),
            "metrics": {
                name: np.asarray(values).tolist() for name, values in fitted.history.history.items()
            },
        },
        "versions": {
            "transferlearn": metadata.version("transferlearn"),
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            **({HUB: metadata.version("keras-hub")} if _needs_hub(fitted.model) else {}),
        },
        "saved": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": hashes_of_files(draft),
    }
    return {**described, "sha256": _hash(_canonical(described))}


def _needs_hub(model: keras.Model) -> bool:
    """Returns whether a model has layers of KerasHub's."""
    return any(type(layer).__module__.startswith(f"{HUB}.") for layer in layers_within(model))


def _without_training(model: keras.Model) -> keras.Model:
    """The same model without optimizer and loss, so that it loads where these are unknown."""
    # A `.keras` file holds the optimizer in spite of `include_optimizer=False`.
    return keras.Model(model.input, model.output, name=model.name)


def _canonical(described: Json) -> bytes:
    """Returns a description as the bytes that its own hash is made of."""
    return json.dumps(described, sort_keys=True).encode()


def _as_text(described: Json) -> str:
    """Returns a description as the text of its file."""
    return json.dumps(described, indent=2, ensure_ascii=False)


def _hash(content: bytes) -> str:
    """Returns the SHA-256 of bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()
