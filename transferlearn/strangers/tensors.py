"""Checks that an HDF5 file holds finite numbers, as many as it has bytes for, and nothing else."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np

from transferlearn.strangers.refusal import RefusalError


def check_tensors(path: Path) -> None:
    """Raises `RefusalError` if an HDF5 file holds anything but finite numbers.

    Sizes and links are checked for the whole file first, and then its numbers are read.

    Raises:
        RefusalError: The file holds what Keras never writes, or NaN or infinity.
        ValueError: It is no HDF5 file, or damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            tensors = list(_tensors(file))
            if sum(_bytes(tensor) for tensor in tensors) > path.stat().st_size:
                raise RefusalError("its tensors have more bytes than the file")
            for tensor in tensors:
                check_finite(tensor[()].view(_dtype(tensor)), tensor.name)
    except RefusalError:
        raise
    except Exception as error:  # h5py raises errors of all sorts where bytes are damaged
        raise ValueError(f"{path.name} is no HDF5 file, or damaged: {error}") from error


def check_finite(values: np.ndarray, name: str) -> None:
    """Raises `RefusalError` if a tensor holds NaN or infinity."""
    if not np.isfinite(values).all():
        raise RefusalError(f"{name} holds NaN or infinity")


def _tensors(file: h5py.File) -> Iterator[h5py.Dataset]:
    """Yields all datasets of a file, each after the check of what it says about itself."""
    waiting: list[Any] = [file]
    while waiting:
        group = waiting.pop()
        for name in group:
            place = f"{group.name.rstrip('/')}/{name}"
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise RefusalError(f"{place} is a link to another place or file")
            part = group[name]
            # Two names for one object can be a circle, or one tensor a thousand times.
            if h5py.h5o.get_info(part.id).rc > 1:
                raise RefusalError(f"{place} has a second name")
            if isinstance(part, h5py.Group):
                waiting.append(part)
            else:
                _check_tensor(part, place)
                yield part


def _check_tensor(part: Any, place: str) -> None:
    """Raises `RefusalError` unless this is a tensor whose numbers are all in the file."""
    if not isinstance(part, h5py.Dataset) or part.shape is None:
        raise RefusalError(f"{place} is no tensor")
    _check_attributes(part)
    if part.external or part.is_virtual:
        raise RefusalError(f"{place} has its numbers in another file")
    if _dtype(part).kind not in "biufc" and _dtype(part) != ml_dtypes.bfloat16:
        raise RefusalError(f"{place} holds {part.dtype} and no numbers")
    if part.chunks is not None:
        raise RefusalError(
            f"{place} is in chunks, which can become any size when they are read: it says "
            f"{_bytes(part):,} bytes. Keras writes none"
        )
    if _bytes(part) > part.id.get_storage_size():
        raise RefusalError(f"{place} says {_bytes(part):,} bytes, and the file does not hold them")


def _check_attributes(part: Any) -> None:
    """Raises `RefusalError` if an attribute of a tensor is a list, whose strings may share bytes.

    Those of groups may be: old `.h5` files have the names of layers there.
    """
    for name in part.attrs:
        if part.attrs.get_id(name).shape != ():
            raise RefusalError(f"{part.name} has the attribute {name}, which is a list")


def _dtype(tensor: h5py.Dataset) -> np.dtype:
    """Gives the dtype of a tensor's numbers."""
    # HDF5 has no bfloat16: Keras writes two bytes, and says beside them what they are.
    is_bfloat16 = tensor.dtype == np.dtype("V2") and tensor.attrs.get("dtype") == "bfloat16"
    return np.dtype(ml_dtypes.bfloat16) if is_bfloat16 else tensor.dtype


def _bytes(tensor: h5py.Dataset) -> int:
    """Gives the bytes that a tensor takes when it is read."""
    return math.prod(tensor.shape) * tensor.dtype.itemsize
