"""Reads the weights in a PyTorch file without PyTorch, and without trusting its pickle."""

import os
import pickle
from collections import OrderedDict
from io import BufferedReader
from pathlib import Path

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C  # what `torch.save` writes first in its legacy format
_PROTOCOL = 1001  # the version of that format
_DTYPES = {  # of the storages that PyTorch names
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
}


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
        except Exception as error:  # a broken pickle can raise anything
            raise ValueError(
                f"{path} cannot be read as a PyTorch state dict: {error}. Expected a whole file of "
                "torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)."
            ) from error


def _read(file: BufferedReader) -> dict[str, np.ndarray]:
    """Reads the five pickles of a file, and fills the tensors with the raw data after them."""
    storages: dict[str, np.ndarray] = {}
    # `order` is that of the storages in the raw data.
    magic, protocol, system, state, order = (_Unpickler(file, storages).load() for _ in range(5))
    if (magic, protocol, system["little_endian"]) != (_MAGIC, _PROTOCOL, True):
        raise ValueError(f"unknown header {magic!r}, {protocol!r}, {system!r}")
    for name, value in state.items():
        if not (isinstance(name, str) and isinstance(value, np.ndarray)):
            raise ValueError(f"its entry {name!r} is a {type(value).__name__}, not a tensor")
    if sorted(order) != sorted(storages):
        raise ValueError("its tensors and its data do not belong together")
    for key in order:
        storage = storages[key]
        size = int.from_bytes(file.read(8), "little")  # the number of elements, before them
        if size != storage.size or file.readinto(storage.data) != storage.nbytes:
            raise ValueError("its data ends too early or has another size")
    if file.read(1):
        raise ValueError("it goes on after its data")
    return dict(state)


class _Unpickler(pickle.Unpickler):
    """Unpickles tensors as views into `storages`, which are filled later; refuses other classes."""

    def __init__(self, file: BufferedReader, storages: dict[str, np.ndarray]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> object:
        """Gives what stands for an allowed class or function of the pickle; refuses all others."""
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused")

    def persistent_load(self, pid: object) -> np.ndarray:
        """Gives the storage that the pickle names, made empty the first time."""
        match pid:
            case ("storage", str(dtype), str(key), str(), int(size), None):
                return self._storages.setdefault(key, np.empty(size, dtype))
        raise pickle.UnpicklingError(f"it holds a storage of an unknown kind, {pid!r}")


def _rebuild_tensor(
    storage: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object
) -> np.ndarray:
    """Makes a tensor as a view into its storage, given offset and strides in elements."""
    # The ndarray constructor, unlike `as_strided`, refuses a view that leaves its buffer.
    size = storage.itemsize
    return np.ndarray(
        shape, storage.dtype, storage, offset * size, tuple(stride * size for stride in strides)
    )
