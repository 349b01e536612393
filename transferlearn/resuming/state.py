"""Writes and reads one state: nested plain data with arrays in it, in one file."""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from transferlearn.json_fields import Json

State: TypeAlias = Json
"""Plain data by name: numbers, strings, `None`, NumPy arrays, and lists and dicts of these."""

_ARRAY = "array"  # the only key of what stands in the place of an array
_FACTS = "facts"  # the name of the JSON text beside the arrays


def write_state(path: Path, state: State) -> None:
    """Writes a state as the file `path`, whole or not at all: a draft is renamed to it.

    Raises:
        OSError: The file cannot be written, such as on a full disk; no draft is left.
        TypeError: The state holds something that is no plain data.
    """
    arrays: dict[int, np.ndarray] = {}
    text = json.dumps(_pack(state, arrays))
    named: Json = {str(i): array for i, array in enumerate(arrays.values())}
    named[_FACTS] = np.frombuffer(text.encode(), np.uint8)
    draft = path.with_name(f".{path.name}.tmp")
    try:
        with draft.open("wb") as stream:
            np.savez(stream, **named)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:  # an interrupt too must leave no draft behind
        draft.unlink(missing_ok=True)
        raise


def read_state(path: Path) -> State:
    """Reads a state, and checks that it is whole.

    Raises:
        ValueError: The file is cut short or damaged.
    """
    try:
        # Each array is read, by which its CRC is checked.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
        state = _unpack(json.loads(arrays.pop(_FACTS).tobytes()), arrays)
        assert isinstance(state, dict)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError, AssertionError) as error:
        raise ValueError(f"{path} is no whole state: {error}") from error
    return state


def _pack(value: object, arrays: dict[int, np.ndarray]) -> Any:
    """Turns plain data into what JSON can hold, and moves its arrays into `arrays`, by `id`."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        arrays.setdefault(id(value), value)  # an array that is there twice is written once
        return {_ARRAY: [str([*arrays].index(id(value))), value.dtype.name]}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        if bad := [key for key in value if not isinstance(key, str) or key == _ARRAY]:
            raise TypeError(f"The keys of a state are strings other than {_ARRAY!r}: {bad[0]!r}")
        return {key: _pack(part, arrays) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_pack(part, arrays) for part in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(
        "A state is made of numbers, strings, None, NumPy arrays, and lists and dicts of these. "
        f"Received: {type(value).__name__}"
    )


def _unpack(packed: object, arrays: Mapping[str, np.ndarray]) -> Any:
    """Puts the arrays back into their places; tuples come back as lists."""
    if isinstance(packed, list):
        return [_unpack(part, arrays) for part in packed]
    if not isinstance(packed, dict):
        return packed
    if packed.keys() == {_ARRAY}:
        name, dtype = packed[_ARRAY]
        array = arrays[name]
        # NumPy writes bfloat16 as bytes without a name.
        return array.view(np.dtype(dtype)) if array.dtype.kind == "V" else array
    return {key: _unpack(part, arrays) for key, part in packed.items()}
