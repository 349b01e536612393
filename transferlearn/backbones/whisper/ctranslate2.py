"""Reads the tensors in a file of CTranslate2 without that package, and without trusting the file.

Reference: CTranslate2, `src/models/model.cc` and `python/ctranslate2/specs/model_spec.py`.
"""

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np

_VERSIONS = range(4, 7)  # of the file's format; earlier ones do not say what a number is
_DTYPES = ("float32", "int8", "int16", "int32", "float16", ml_dtypes.bfloat16)
_MOST_AXES = 8
_SCALE = "_scale"  # ends the name of what a tensor of integers is to be divided by


@dataclass
class _Bytes:
    """Reads numbers and words of a file one after the other; none lies beyond its end."""

    held: mmap.mmap
    place: int = 0

    def skip(self, count: int) -> int:
        """Returns where the next bytes begin, and goes on behind them."""
        begin, self.place = self.place, self.place + count
        if self.place > len(self.held):
            raise ValueError("it ends too early")
        return begin

    def number(self, kind: str) -> int:
        """Reads an integer, `"B"`, `"H"` or `"I"` as in `struct`."""
        size = struct.calcsize(f"<{kind}")
        (found,) = struct.unpack_from(f"<{kind}", self.held, self.skip(size))
        return int(found)

    def word(self) -> str:
        """Reads a word with its length before it and a zero at its end."""
        count = self.number("H")
        begin = self.skip(count)
        return self.held[begin : begin + count].rstrip(b"\0").decode("utf-8")


def read_ctranslate2(path: Path, spec: str) -> dict[str, np.ndarray]:
    """Reads all tensors of a `model.bin`, those of integers with a scale as float32.

    Args:
        path: The file.
        spec: What the file must describe, such as `"WhisperSpec"`.

    Raises:
        ValueError: The file is damaged, of another format, or describes another network.
        OSError: The file cannot be opened.
    """
    with path.open("rb") as file:
        try:
            held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return _scaled(_tensors(_Bytes(held), spec))
        except (ValueError, struct.error) as error:
            raise ValueError(f"{path.name} is no whole file of CTranslate2: {error}") from error


def _tensors(file: _Bytes, spec: str) -> dict[str, np.ndarray]:
    """Reads the header and all tensors as they are, with their other names."""
    if (version := file.number("I")) not in _VERSIONS:
        raise ValueError(f"its format is version {version}")
    if (found := file.word()) != spec:
        raise ValueError(f"it describes a {found!r:.60}")
    file.number("I")  # the revision of what it describes
    tensors: dict[str, np.ndarray] = {}
    for _ in range(file.number("I")):
        name = file.word()
        if name in tensors:
            raise ValueError(f"{name!r:.200} is in it twice")
        tensors[name] = _tensor(file, name)
    for _ in range(file.number("I")):
        alias, name = file.word(), file.word()
        if alias in tensors or name not in tensors:
            raise ValueError(f"{alias!r:.200} stands for {name!r:.200}")
        tensors[alias] = tensors[name]
    if file.place != len(file.held):
        raise ValueError("it goes on after its tensors")
    return tensors


def _tensor(file: _Bytes, name: str) -> np.ndarray:
    """Reads one tensor; its numbers stay in the file until they are used."""
    axes = file.number("B")
    if axes > _MOST_AXES:
        raise ValueError(f"{name!r:.200} has {axes} axes")
    shape = tuple(file.number("I") for _ in range(axes))
    kind = file.number("B")
    if kind >= len(_DTYPES):
        raise ValueError(f"{name!r:.200} holds numbers of an unknown kind, {kind}")
    dtype, size = np.dtype(_DTYPES[kind]), file.number("I")
    if size != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name!r:.200} has the shape {shape} and {size:,} bytes of {dtype}")
    begin = file.skip(size)
    return np.frombuffer(file.held, dtype, math.prod(shape), begin).reshape(shape)


def _scaled(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Divides tensors of integers by their scales, one for each row or one for all."""
    for name in [name for name in tensors if f"{name}{_SCALE}" in tensors]:
        whole, scale = tensors[name], np.float32(tensors.pop(f"{name}{_SCALE}")).reshape(-1)
        if not whole.ndim or len(scale) not in (1, len(whole)) or not (scale > 0).all():
            raise ValueError(f"the scales of {name!r:.200} are none")
        tensors[name] = np.float32(whole) / scale.reshape(-1, *[1] * (whole.ndim - 1))
    return tensors
