"""Looks through weight files before Keras reads them."""

import contextlib
import math
import mmap
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np

from transferlearn.untrusted.archives import WEIGHTS, unpack
from transferlearn.untrusted.refusal import RefusalError

# What the names of a file's layers may take when they are read, in bytes. A thousand layers take
# some 4 MB, or half of this where the file also holds a config of 128 kB.
MOST_NAMES = 2**28


def check_tensors(path: Path) -> None:
    """Raises `RefusalError` if an HDF5 file holds anything but finite numbers and their names.

    Sizes and links are checked for the whole file first, and then its numbers are read.

    Raises:
        RefusalError: The file holds what Keras never writes, or NaN or infinity.
        ValueError: It is no HDF5 file, or damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            parts = [file, *_parts(file)]
            _check_names([part for part in parts if isinstance(part, h5py.Group)], path)
            tensors = [part for part in parts if not isinstance(part, h5py.Group)]
            for tensor in tensors:
                _check_tensor(tensor)
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


def _parts(file: h5py.File) -> Iterator[Any]:
    """Yields all that a file holds: groups, tensors, and what is neither; nothing of it twice."""
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
            yield part


def _check_tensor(part: Any) -> None:
    """Raises `RefusalError` unless this is a tensor whose numbers are all in the file."""
    if not isinstance(part, h5py.Dataset) or part.shape is None:
        raise RefusalError(f"{part.name} is no tensor")
    if any(_lengths(part)):
        raise RefusalError(f"{part.name} has an attribute which is a list")
    if part.external or part.is_virtual:
        raise RefusalError(f"{part.name} has its numbers in another file")
    if _dtype(part).kind not in "biufc" and _dtype(part) != ml_dtypes.bfloat16:
        raise RefusalError(f"{part.name} holds {part.dtype} and no numbers")
    if part.chunks is not None:
        raise RefusalError(
            f"{part.name} is in chunks, which can become any size when they are read: it says "
            f"{_bytes(part):,} bytes. Keras writes none"
        )
    if _bytes(part) > part.id.get_storage_size():
        raise RefusalError(
            f"{part.name} says {_bytes(part):,} bytes, and the file does not hold them"
        )


def _check_names(groups: list[h5py.Group], path: Path) -> None:
    """Raises `RefusalError` if a list of names, as old `.h5` files have them, may take much memory.

    Names can share bytes, and HDF5 reads a list whole or not at all. What is known before is their
    number, and that none is longer than the largest of the heaps in which HDF5 keeps texts.
    """
    names = max(sum(_lengths(group)) for group in groups)
    if not names:
        return
    if groups[0].file.id.get_create_plist().get_sizes() != (8, 8):
        raise RefusalError("its addresses and sizes do not have 8 bytes each")
    longest = _largest_heap(path)
    if names * longest > MOST_NAMES:
        raise RefusalError(
            f"it has a list of {names:,} names of up to {longest:,} bytes. If it is your own file, "
            "write it again: keras.models.load_model(path).save_weights('mine.weights.h5')"
        )


def _lengths(part: h5py.Group | h5py.Dataset) -> list[int]:
    """Returns the lengths of the lists among the attributes of a part.

    Raises:
        RefusalError: An attribute is neither text nor number: lists of lists can multiply.
    """
    attributes = {name: part.attrs.get_id(name) for name in part.attrs}
    for name, attribute in attributes.items():
        if attribute.dtype.kind not in "biufS" and not h5py.check_string_dtype(attribute.dtype):
            raise RefusalError(f"{part.name} has the attribute {name}, which is no text")
    return [math.prod(attribute.shape) for attribute in attributes.values() if attribute.shape]


def _largest_heap(path: Path) -> int:
    """Returns the bytes of the largest "global heap collection" (HDF5 file format, III.E)."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        # The signature and the version are followed by three bytes without a meaning, and the size.
        starts = [found.end() + 3 for found in re.finditer(rb"GCOL\x01", held)]
        sizes = [int.from_bytes(held[start : start + 8], "little") for start in starts]
    return min(max(sizes, default=0), path.stat().st_size)


def _dtype(tensor: h5py.Dataset) -> np.dtype:
    """Returns the dtype of a tensor's numbers."""
    # HDF5 has no bfloat16: Keras writes two bytes, and says beside them what they are.
    is_bfloat16 = tensor.dtype == np.dtype("V2") and tensor.attrs.get("dtype") == "bfloat16"
    return np.dtype(ml_dtypes.bfloat16) if is_bfloat16 else tensor.dtype


def _bytes(tensor: h5py.Dataset) -> int:
    """Returns the bytes that a tensor takes when it is read."""
    return math.prod(tensor.shape) * tensor.dtype.itemsize


@contextlib.contextmanager
def checked_weights(path: Path) -> Iterator[Path]:
    """Returns the HDF5 file in which the weights of a `.keras`, `.weights.h5` or `.h5` file are.

    It holds tensors and nothing else. Of a `.keras` file nothing but the weights is looked at.

    Raises:
        RefusalError: The file holds what Keras never writes, or NaN or infinity.
        ValueError: It is neither a `.keras` nor an HDF5 file, or damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = path
        try:
            if path.suffix == ".keras":
                unpack(path, Path(folder))
                file = Path(folder) / WEIGHTS
            check_tensors(file)
        except RefusalError as error:
            raise RefusalError(
                f"The weight file {path} is refused: {error}. Expected what model.save_weights or "
                "model.save writes."
            ) from error
        yield file
