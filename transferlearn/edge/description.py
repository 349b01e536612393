"""Reads and checks `export.json`, which says what an exported folder holds."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from transferlearn.hashing import hash_of_file, hash_of_json
from transferlearn.json_fields import FieldError, Json, check_fields, fits

FILE = "export.json"
VERSION = 2
_WITHOUT_HASH = 1  # the version before, which had no hash of its own
_SPECS = ("inputs", "outputs")
_LONGEST = 2**31  # of an axis
_DTYPES = {"bool", "float16", "float32", "float64"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}


class TensorSpec(NamedTuple):
    """Describes an input or output: its shape, in which `None` is any number, and its dtype."""

    shape: tuple[int | None, ...]
    dtype: str

    def check(self, name: str, array: np.ndarray) -> None:
        """Raises `ValueError` where an array has another shape or dtype."""
        fits = len(array.shape) == len(self.shape) and all(
            wanted in (None, found) for wanted, found in zip(self.shape, array.shape, strict=True)
        )
        if not fits or array.dtype != self.dtype:
            wanted = ", ".join("any" if side is None else str(side) for side in self.shape)
            raise ValueError(
                f"{name} has the shape ({wanted}) and the dtype {self.dtype}. "
                f"Received: shape {array.shape}, {array.dtype}"
            )


class Part(NamedTuple):
    """Describes one of several files of a network.

    Attributes:
        model: The name of its file or folder.
        inputs: Its inputs by name.
        outputs: Its outputs by name.
    """

    model: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


@dataclass(frozen=True, kw_only=True)
class Description:
    """Describes what an exported folder holds.

    Attributes:
        format: The format of the model's file: `"onnx"`, `"litert"`, `"openvino"` or
            `"saved_model"`.
        model: The name of the model's file or folder; of one in parts, that of the last.
        quantize: `"float16"`, `"int8"`, or `None` for float32.
        inputs: The model's inputs by name; the first axis is the batch.
        outputs: The model's outputs by name.
        item_reader: The name and settings of what makes inputs of items, such as the image size.
        output_reader: The name and settings of what makes predictions, such as class names.
        model_hash: A SHA-256 of the trained model's weights, settings and class names; it is the
            same for all exports of one model.
        made_by: The versions of the packages that the export was made with.
        parts: The parts of a network that is several files, by name; empty: it is one file.
        writer: The name and settings of what writes texts with the parts.
        files: The SHA-256 of each file in the folder, by its name.
        checked: How the outputs differed from those of Keras on real items, and how fast they were.
    """

    format: str
    model: str
    quantize: str | None
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    item_reader: Json
    output_reader: Json
    model_hash: str
    made_by: Mapping[str, str]
    parts: Mapping[str, Part] = field(default_factory=dict)
    writer: Json = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    checked: Json = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Writes `export.json`."""
        parts = {
            name: {"model": part.model, **_described(part)} for name, part in self.parts.items()
        }
        said = {"version": VERSION, **asdict(self), **_described(self), "parts": parts}
        text = json.dumps({**said, "sha256": hash_of_json(said)}, indent=2)
        (folder / FILE).write_text(text + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Reads `export.json`, and checks the hashes of the files that it names.

        Raises:
            OSError: There is no export in the folder, or a file is missing.
            ValueError: A file is not what was exported.
        """
        if not (folder / FILE).is_file():
            raise OSError(f"{folder} is no export of transferlearn: it holds no {FILE}.")
        try:
            said = _read(folder)
            check_fields(cls, said)
            specs = _specs_of(said)
            parts = {name: _part(part) for name, part in said.get("parts", {}).items()}
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{folder / FILE} is damaged: {error!s:.300}.") from error
        found = cls(**{**said, **specs, "parts": parts})
        _check_files(folder, found.files)
        models = {found.model, *(part.model for part in found.parts.values())}
        if not all(any(f"{name}/".startswith(f"{x}/") for name in found.files) for x in models):
            raise ValueError(f"{folder / FILE} names no model among its files.")
        return found


def _read(folder: Path) -> Json:
    """Reads what `export.json` says, and compares it with its own hash.

    Raises:
        FieldError: It is damaged, was changed, or is of another version.
    """
    said = json.loads((folder / FILE).read_text("utf-8"))
    if not isinstance(said, dict):
        raise FieldError(f"it is no object, but {said!r:.60}")
    version, expected = said.get("version"), said.pop("sha256", None)
    if version not in (VERSION, _WITHOUT_HASH):
        raise FieldError(f"it has the version {version!r:.20}, and this one reads {VERSION}")
    if hash_of_json(said) != expected and (version, expected) != (_WITHOUT_HASH, None):
        raise FieldError("it is not what was written, since its own hash differs")
    del said["version"]
    return said


def _described(given: Description | Part) -> Json:
    """Returns inputs and outputs as JSON can hold them."""
    return {
        which: {name: spec._asdict() for name, spec in getattr(given, which).items()}
        for which in _SPECS
    }


def _part(said: object) -> Part:
    """Makes a part of what is said of it."""
    if not (isinstance(said, dict) and said.keys() == {*Part._fields}):
        raise FieldError(f"a part has {', '.join(Part._fields)}, and this is {said!r:.99}")
    if not (fits(said["model"], str) and all(isinstance(said[name], dict) for name in _SPECS)):
        raise FieldError(f"a part has a file, inputs and outputs, and this is {said!r:.99}")
    return Part(said["model"], **_specs_of(said))


def _specs_of(said: Json) -> dict[str, dict[str, TensorSpec]]:
    """Makes the specs of inputs and outputs."""
    return {which: _specs(said[which], which) for which in _SPECS}


def _specs(said: Mapping[str, object], part: str) -> dict[str, TensorSpec]:
    """Makes the specs of inputs or outputs."""
    found = {}
    for name, spec in said.items():
        shape, dtype = (_entry(spec, key) for key in ("shape", "dtype"))
        is_shape = fits(shape, tuple[int | None, ...]) and shape and shape[0] is None
        is_shape = is_shape and all(x is None or 0 < x < _LONGEST for x in shape)
        if not (is_shape and fits(dtype, str) and dtype in _DTYPES):
            raise FieldError(f"{part}.{name:.60} has no shape and dtype, but {spec!r:.99}")
        found[name] = TensorSpec(tuple(shape), dtype)
    return found


def _entry(said: object, name: str) -> Any:
    """Returns an entry of an object; `None` if there is none, or it is no object."""
    return said.get(name) if isinstance(said, dict) else None


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    """Compares each file with its hash."""
    for name, expected in files.items():
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{folder / FILE} names a file outside of the export, {name!r}.")
        if not (folder / name).is_file():
            raise OSError(f"{folder / name} is missing.")
        if hash_of_file(folder / name) != expected:
            raise ValueError(f"{folder / name} is not what was exported: its SHA-256 differs.")
