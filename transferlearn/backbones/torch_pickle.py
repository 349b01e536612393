"""Reads the pickles in a PyTorch file without unpickling them.

A pickle is a program for a small stack machine. `pickle.Unpickler` runs all of its instructions,
and a few dozen bytes for it can crash Python or keep it busy for years, even where no class may be
called: tuples in tuples, as the key of a dictionary. Here only the instructions run that
`torch.save` writes for weights, and dictionaries have texts as keys.
"""

import math
import os
import pickletools
from collections import OrderedDict
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.json_fields import Json

_DTYPES = {  # of the storages that PyTorch names
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
# Instructions that push what stands behind them in the file.
_PUSHES = ("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "BINSTRING", "SHORT_BINSTRING")
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = ("PROTO", "STOP")


class Storages(dict[str, np.ndarray]):
    """Holds the arrays that tensors are views of, by key; their values are read later.

    Args:
        most: The most bytes that all of them may have together: those of the file.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def get_or_make(self, pid: object) -> np.ndarray:
        """Returns the storage that a pickle names, made the first time."""
        match pid:
            case ("storage", str(dtype), str(key), str(), int(size), None) if size >= 0:
                if key not in self:
                    self._left -= size * np.dtype(dtype).itemsize
                    if self._left < 0:
                        raise ValueError("its tensors are larger than the file")
                    self[key] = np.empty(size, dtype)
                return self[key]
        raise ValueError("it holds a storage of an unknown kind")


class Machine:
    """Runs one pickle of a PyTorch file, and gives what it makes.

    Args:
        file: The file, which is read up to the end of the pickle.
        storages: Takes the storages that the pickle names.
    """

    def __init__(self, file: BufferedReader, storages: Storages) -> None:
        self._file = file
        self._storages = storages
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []  # the stacks below the marks
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Runs the pickle; raises any exception where it is broken or asks for too much."""
        for instruction, argument, _ in pickletools.genops(self._file):
            name = instruction.name
            if name in _CONSTANTS:
                self._stack.append(_CONSTANTS[name])
            elif name in _PUSHES:
                self._stack.append(argument)
            elif name in _TUPLES:
                parts = [self._stack.pop() for _ in range(_TUPLES[name])]
                self._stack.append(_flat(parts[::-1]))
            elif name not in _IGNORED:
                self._step(name, argument)
        return self._stack.pop()

    def _step(self, name: str, argument: Any) -> None:
        """Runs one instruction that does more than push a constant."""
        match name:
            case "GLOBAL":
                self._stack.append(_named(argument))
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self._stack[-1]
            case "BINGET" | "LONG_BINGET":
                self._stack.append(self._memo[argument])
            case "MARK":
                self._marked.append(self._stack)
                self._stack = []
            case "TUPLE" | "DICT":
                parts = self._since_mark()
                self._stack.append(_flat(parts) if name == "TUPLE" else _paired(parts))
            case "EMPTY_LIST":
                self._stack.append([])
            case "EMPTY_DICT":
                self._stack.append({})
            case "APPEND" | "APPENDS":
                parts = self._since_mark() if name == "APPENDS" else [self._stack.pop()]
                self._stack[-1].extend(parts)
            case "SETITEM" | "SETITEMS":
                parts = self._since_mark() if name == "SETITEMS" else self._pop_two()
                self._stack[-1].update(_paired(parts))
            case "BINPERSID":
                self._stack.append(self._storages.get_or_make(self._stack.pop()))
            case "REDUCE":
                function, arguments = self._pop_two()
                self._stack.append(_called(function, arguments))
            case "BUILD":  # of a state dict's attributes, nothing is needed
                self._stack.pop()
            case _:
                raise ValueError(f"it holds the instruction {name}, which weights do not need")

    def _since_mark(self) -> list[Any]:
        """Takes all that was pushed since the last mark."""
        parts, self._stack = self._stack, self._marked.pop()
        return parts

    def _pop_two(self) -> list[Any]:
        """Takes the last two values, in the order in which they were pushed."""
        last = self._stack.pop()
        return [self._stack.pop(), last]


def _named(name: str) -> Any:
    """Returns what stands for an allowed class or function of the pickle; refuses all others."""
    module, _, function = name.rpartition(" ")
    if module == "torch" and function in _DTYPES:
        return _DTYPES[function]
    if name == "torch._utils _rebuild_tensor_v2":
        return _rebuild_tensor
    if name == "collections OrderedDict":
        return OrderedDict
    raise ValueError(f"it asks for {module}.{function}, which is refused")


def _called(function: Any, arguments: Any) -> Any:
    """Calls one of the two functions that are allowed."""
    if function is OrderedDict and arguments == ():
        return OrderedDict()
    if function is _rebuild_tensor:
        return _rebuild_tensor(*arguments)
    raise ValueError("it calls what cannot be called")


def _flat(parts: list[object]) -> tuple[Any, ...]:
    """Makes a tuple, whose parts may be tuples, but not of tuples."""
    if any(isinstance(x, tuple) and any(isinstance(y, tuple) for y in x) for x in parts):
        raise ValueError("it holds tuples in tuples in tuples")
    return tuple(parts)


def _paired(parts: list[Any]) -> Json:
    """Makes a dictionary of keys and values in turns; keys are texts."""
    keys, values = parts[::2], parts[1::2]
    if not all(isinstance(key, str) for key in keys):
        raise ValueError("it has a dictionary whose keys are no texts")
    return dict(zip(keys, values, strict=True))


def _rebuild_tensor(
    storage: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> np.ndarray:
    """Makes a tensor as a view into its storage, given offset and strides in elements."""
    if not all(isinstance(length, int) for length in (*shape, *strides)):
        raise ValueError("it holds a tensor whose shape is not of numbers")
    # A stride of 0 makes a view of any size, which would fill the memory once it is copied.
    if math.prod(shape) > storage.size:
        raise ValueError("it holds a tensor that is larger than its storage")
    # The ndarray constructor, unlike `as_strided`, refuses a view that leaves its buffer.
    size = storage.itemsize
    return np.ndarray(
        shape, storage.dtype, storage, offset * size, tuple(stride * size for stride in strides)
    )


_MAGIC = 0x1950A86A20F9469CFC6C  # what `torch.save` writes first in its legacy format
_PROTOCOL = 1001  # the version of that format


def read_torch_state(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads a state dict that `torch.save` wrote in its legacy (not zip) format.

    Use it for weights published as `.pth` files where PyTorch is not installed, or where the file
    is not trusted: only tensors are built, any other object in the pickle is refused.

    Args:
        path: The file, as written by
            `torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)`.

    Returns:
        The arrays by name, with PyTorch's shapes (convolutions are output, input, height, width)
        and dtypes (float64, float32, float16 or int64).

    Raises:
        ValueError: The file is cut short, has another format, or asks for a class that is refused.
        OSError: The file cannot be opened.

    Example:
        ```python
        state = read_torch_state("efficientnet-lite0-57934424.pth")
        state["_conv_stem.weight"].shape  # (32, 3, 3, 3)
        ```
    """
    with Path(path).open("rb") as file:
        try:
            return _read(file)
        except Exception as error:  # a broken pickle can raise anything, MemoryError too
            raise ValueError(
                f"{path} cannot be read as a PyTorch state dict: {error}. Expected a whole file of "
                "torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)."
            ) from error


def _read(file: BufferedReader) -> dict[str, np.ndarray]:
    """Reads the five pickles of a file, and fills the tensors with the raw data after them."""
    storages = Storages(most=os.fstat(file.fileno()).st_size)
    # `order` is that of the storages in the raw data.
    magic, protocol, system, state, order = (Machine(file, storages).run() for _ in range(5))
    header = (magic, protocol, system["little_endian"])
    if header != (_MAGIC, _PROTOCOL, True):
        # Nothing else is written out: lists in lists could take forever.
        known = [part if isinstance(part, int) else type(part).__name__ for part in header]
        raise ValueError(f"unknown header {', '.join(map(str, known))}")
    for name, value in state.items():
        if not (isinstance(name, str) and isinstance(value, np.ndarray)):
            raise ValueError(f"its entry {name!r:.300} is a {type(value).__name__}, not a tensor")
    if not all(isinstance(key, str) for key in order) or sorted(order) != sorted(storages):
        raise ValueError("its tensors and its data do not belong together")
    for key in order:
        storage = storages[key]
        size = int.from_bytes(file.read(8), "little")  # the number of elements, before them
        if size != storage.size or file.readinto(storage.data) != storage.nbytes:
            raise ValueError("its data ends too early or has another size")
    if file.read(1):
        raise ValueError("it goes on after its data")
    return dict(state)
