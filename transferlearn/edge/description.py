"""Reads and checks `export.json`, which says what an exported folder holds."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from transferlearn.hashing import hash_of_file

FILE = "export.json"
VERSION = 1


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


@dataclass(frozen=True, kw_only=True)
class Description:
    """Says what an exported folder holds.

    Attributes:
        format: The format of the model's file: `"onnx"`, `"litert"`, `"openvino"` or
            `"saved_model"`.
        model: The name of the model's file or folder.
        quantize: `"float16"`, `"int8"`, or `None` for float32.
        inputs: The model's inputs by name; the first axis is the batch.
        outputs: The model's outputs by name.
        item_reader: The name and settings of what makes inputs of items, such as the image size.
        output_reader: The name and settings of what makes predictions, such as class names.
        model_hash: A SHA-256 of the trained model's weights, settings and class names; it is the
            same for all exports of one model.
        made_by: The versions of the packages that the export was made with.
        files: The SHA-256 of each file in the folder, by its name.
        checked: How the outputs differed from those of Keras on real items, and how fast they were.
    """

    format: str
    model: str
    quantize: str | None
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    item_reader: Mapping[str, Any]
    output_reader: Mapping[str, Any]
    model_hash: str
    made_by: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    checked: Mapping[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Writes `export.json`."""
        specs = {
            part: {name: spec._asdict() for name, spec in getattr(self, part).items()}
            for part in ("inputs", "outputs")
        }
        text = json.dumps({"version": VERSION, **asdict(self), **specs}, indent=2)
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
            said = json.loads((folder / FILE).read_text("utf-8"))
            version = said.pop("version")
            specs = {
                part: {n: TensorSpec(tuple(s["shape"]), s["dtype"]) for n, s in said[part].items()}
                for part in ("inputs", "outputs")
            }
            found = cls(**{**{f.name: said[f.name] for f in fields(cls)}, **specs})
            files = {str(name): str(digest) for name, digest in found.files.items()}
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ValueError(f"{folder / FILE} is damaged: {error!r:.300}") from error
        if version != VERSION:
            raise ValueError(
                f"{folder} is an export of version {version!r:.20}; this one reads {VERSION}."
            )
        _check_files(folder, files)
        if not any(name.split("/")[0] == found.model for name in files):
            raise ValueError(f"{folder / FILE} names no model among its files.")
        return found


def _check_files(folder: Path, files: Mapping[str, str]) -> None:
    """Compares each file with its hash."""
    for name, expected in files.items():
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{folder / FILE} names a file outside of the export, {name!r}.")
        if not (folder / name).is_file():
            raise OSError(f"{folder / name} is missing.")
        if hash_of_file(folder / name) != expected:
            raise ValueError(f"{folder / name} is not what was exported: its SHA-256 differs.")
