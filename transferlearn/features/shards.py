"""Writes and reads stored rows on disk, as shards that are either whole or not there.

A shard is a folder that never changes: the items' keys, their rows one after the other (of each row
all tensors, in the machine's byte order), and a description with the checksums of both. It is
written under a temporary name and renamed. No file is synced: after a crash of the machine, a shard
whose bytes did not reach the disk is recognised by its checksums.
"""

import json
import math
import shutil
import sys
import uuid
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import ml_dtypes  # noqa: F401  (NumPy then knows "bfloat16")
import numpy as np

from transferlearn.atomic_files import new_draft

KEY_BYTES = 32  # of a SHA-256
FORMAT = f"1, {sys.byteorder} endian"
_DESCRIPTION, _KEYS, ROWS = "shard.json", "keys.bin", "rows.bin"
# Bytes of the two small files, at most: a shard has some 2**30 bytes of rows.
_MOST_DESCRIPTION, _MOST_KEYS = 2**20, 2**30
_CHUNK = 16 * 2**20  # bytes that are read at a time when a shard is checked


class StoredTensor(NamedTuple):
    """Describes one item's row of a tensor: its shape, without the batch, and its dtype's name."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """Counts the bytes of one item."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def empty(self, count: int) -> np.ndarray:
        """Makes an array for `count` items, whose values are not set yet."""
        return np.empty((count, *self.shape), self.dtype)


def as_bytes(array: np.ndarray) -> np.ndarray:
    """Returns a view of a contiguous array as uint8, with the bytes of one item in each row."""
    return array.reshape(len(array), math.prod(array.shape[1:])).view(np.uint8)


class ShardWriter:
    """Writes one shard, which other readers cannot see before `commit`.

    Args:
        folder: The folder of the store.
        specs: The shapes and dtypes of the tensors that make one item's row.
    """

    def __init__(self, folder: Path, specs: Sequence[StoredTensor]) -> None:
        self._folder = folder
        self._specs = specs
        self._keys: list[bytes] = []
        self._whole = (0, 0)  # items and checksum, replaced together: an interrupt may come between
        self._draft = new_draft(folder)
        self._draft.mkdir()
        try:
            self._file = (self._draft / ROWS).open("wb", buffering=0)
        except OSError:
            self.discard()
            raise

    @property
    def count(self) -> int:
        """The number of items that are written whole."""
        return self._whole[0]

    def add(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        """Appends items; `rows` is uint8 of the shape (items, bytes of an item)."""
        count, checksum = self._whole
        rest = memoryview(rows.data).cast("B")
        while rest:  # an unbuffered file may take less than it is given
            rest = rest[self._file.write(rest) :]
        self._keys += keys
        self._whole = (count + len(keys), zlib.crc32(rows.data, checksum))

    def commit(self) -> str:
        """Makes the shard visible to all processes, and gives its name."""
        count, checksum = self._whole
        # An interrupt may have left a part of a row at the end.
        self._file.truncate(count * sum(spec.nbytes for spec in self._specs))
        self._file.close()
        keys = b"".join(self._keys[:count])
        (self._draft / _KEYS).write_bytes(keys)
        described = {
            **_expected(self._specs),
            "count": count,
            "crc32": {_KEYS: zlib.crc32(keys), ROWS: checksum},
        }
        (self._draft / _DESCRIPTION).write_text(json.dumps(described), "utf-8")
        name = uuid.uuid4().hex
        self._draft.rename(self._folder / name)
        return name

    def discard(self) -> None:
        """Removes the unfinished shard."""
        if hasattr(self, "_file"):  # not where it could not be opened
            self._file.close()
        shutil.rmtree(self._draft, ignore_errors=True)


def shards(folder: Path) -> list[Path]:
    """Lists the folders of a store's shards, whole or damaged."""
    return [path for path in sorted(folder.glob("*")) if _is_shard(path)]


def _is_shard(path: Path) -> bool:
    """Returns whether a path is a folder that is named as a shard is: by 32 hexadecimal digits."""
    return len(path.name) == 32 and not set(path.name) - set("0123456789abcdef") and path.is_dir()


def shard_keys(folder: Path) -> list[bytes]:
    """Reads the keys of a shard's items, without comparing their checksum.

    Raises:
        ValueError: The file of the keys is missing, or is none that a shard can have.
    """
    content = _content(folder / _KEYS, _MOST_KEYS)
    return [content[i : i + KEY_BYTES] for i in range(0, len(content), KEY_BYTES)]


def _content(file: Path, most: int) -> bytes:
    """Reads a file of a shard; refuses a pipe, which never ends, and more bytes than there can be.

    Raises:
        ValueError: The file is missing, is no plain file, or has more than `most` bytes.
    """
    try:
        if not file.is_file() and file.exists():
            raise ValueError(f"{file} is no file")
        if file.stat().st_size > most:
            raise ValueError(f"{file} is too long")
        return file.read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"{error.filename} is missing") from None


def shard_bytes(folder: Path) -> int:
    """Counts the bytes of a shard's rows; 0 where there is no such shard."""
    with suppress(FileNotFoundError):
        return (folder / ROWS).stat().st_size
    return 0


def check_shard(
    folder: Path, specs: Sequence[StoredTensor], in_memory: bool
) -> tuple[list[bytes], list[np.ndarray]]:
    """Checks a shard by reading it once, and gives its keys and, if `in_memory`, its rows.

    Args:
        folder: The folder of the shard.
        specs: The tensors that it is expected to hold.
        in_memory: Whether to keep the rows; otherwise the list of arrays is empty.

    Raises:
        ValueError: The shard is damaged.
    """
    count, checksums = read_shard(folder, specs)
    keys = shard_keys(folder)
    if not (folder / ROWS).is_file():
        raise ValueError(f"{folder / ROWS} is missing, or is no file")
    if shard_bytes(folder) != count * sum(spec.nbytes for spec in specs) or len(keys) != count:
        raise ValueError("a file is not as long as it was")
    if zlib.crc32(b"".join(keys)) != checksums[_KEYS]:
        raise ValueError("its keys are not what was written")
    arrays = [spec.empty(count) for spec in specs] if in_memory else []
    if _read_through(folder / ROWS, specs, arrays) != checksums[ROWS]:
        raise ValueError("its rows are not what was written")
    return keys, arrays


def read_shard(folder: Path, specs: Sequence[StoredTensor]) -> tuple[int, dict[str, int]]:
    """Checks a shard's description; gives the number of items and each file's checksum."""
    try:
        described = json.loads(_content(folder / _DESCRIPTION, _MOST_DESCRIPTION))
        count, checksums = int(described["count"]), dict(described["crc32"])
        differs = {name for name, value in _expected(specs).items() if described[name] != value}
        complete = {_KEYS, ROWS} <= set(checksums)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"its description is not readable ({error!r:.300})") from None
    if differs or not complete:
        raise ValueError("its description is not what was written")
    return count, checksums


def _expected(specs: Sequence[StoredTensor]) -> dict[str, object]:
    """Returns the part of the description that all shards of these tensors share."""
    return {"format": FORMAT, "tensors": [[list(spec.shape), spec.dtype] for spec in specs]}


def _read_through(file: Path, specs: Sequence[StoredTensor], arrays: Sequence[np.ndarray]) -> int:
    """Computes the checksum of a shard's rows, and fills `arrays`, if any, with the rows."""
    item_bytes = sum(spec.nbytes for spec in specs)
    chunk = np.empty((max(1, _CHUNK // item_bytes), item_bytes), np.uint8)
    checksum = done = 0
    with file.open("rb") as stream:
        while size := stream.readinto(chunk.data):
            checksum = zlib.crc32(chunk.reshape(-1)[:size].data, checksum)
            start, items = 0, size // item_bytes
            for spec, array in zip(specs, arrays, strict=False):
                columns = chunk[:items, start : start + spec.nbytes]
                as_bytes(array)[done : done + items] = columns
                start += spec.nbytes
            done += items
    return checksum


def remove_shard(folder: Path) -> None:
    """Removes a shard; it is renamed first, so that no other process reads half of it."""
    draft = new_draft(folder.parent)
    with suppress(OSError):
        folder.rename(draft)
    shutil.rmtree(draft, ignore_errors=True)
