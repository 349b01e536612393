"""Reads the weights in a PyTorch file without PyTorch, and without trusting its pickle."""

import os
from io import BufferedReader
from pathlib import Path

import numpy as np

from transferlearn.backbones.torch_pickle import Machine, Storages

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
