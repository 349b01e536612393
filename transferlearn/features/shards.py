"""Stored rows: in memory, and on disk as shards that are whole or not there.

A shard is a folder that never changes: the items' keys, their rows one after the other (of each row
all tensors, in the machine's byte order), and a description with the checksums of both. It is
written under a temporary name and renamed. No file is synced: after a crash of the machine, a shard
whose bytes did not reach the disk is recognised by its checksums.
"""

import hashlib
import json
import math
import mmap
import os
import platform
import shutil
import sys
import time
import uuid
import weakref
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import ml_dtypes  # noqa: F401  (NumPy then knows "bfloat16")
import numpy as np

KEY_BYTES = 32
FORMAT = f"1, {sys.byteorder} endian"
_DESCRIPTION, _KEYS, _ROWS = "shard.json", "keys.bin", "rows.bin"
_CHUNK = 16 * 2**20
_OLD = 3600.0


class TensorSpec(NamedTuple):
    """One item's share of a tensor: its shape without the batch, and the name of its dtype."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        """Bytes of one item."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def empty(self, count: int) -> np.ndarray:
        """An array for `count` items."""
        return np.empty((count, *self.shape), self.dtype)


class DiskPart:
    """Rows in a shard. The file stays open, so that they outlive the shard's removal on Linux."""

    nbytes = 0

    def __init__(self, keys: list[bytes], folder: Path, specs: Sequence[TensorSpec]) -> None:
        self.keys = keys
        self.name = folder.name
        self._item_bytes = sum(spec.nbytes for spec in specs)
        self._file = (folder / _ROWS).open("rb", buffering=0)
        weakref.finalize(self, self._file.close)

    def is_whole(self, folder: Path) -> bool:
        """Whether the shard is still on disk, as long as it was."""
        return shard_bytes(folder / self.name) == len(self.keys) * self._item_bytes

    def read(self, rows: np.ndarray, out: Sequence[np.ndarray], at: np.ndarray) -> None:
        """Copies `rows` to the places `at` of `out`, in the file's order."""
        order = np.argsort(rows)
        starts = (rows[order] * self._item_bytes).tolist()
        places = list(zip(starts, at[order].tolist(), strict=True))
        read = _read_at if hasattr(os, "preadv") else _copy_mapped
        read(self._file.fileno(), places, [as_bytes(array) for array in out])


def _read_at(file: int, places: list[tuple[int, int]], targets: list[np.ndarray]) -> None:
    item_bytes = sum(target.shape[1] for target in targets)
    if hasattr(os, "posix_fadvise"):  # the disk then fetches all rows at once
        for start, _ in places:
            os.posix_fadvise(file, start, item_bytes, os.POSIX_FADV_WILLNEED)
    for start, at in places:
        if os.preadv(file, [target[at] for target in targets], start) != item_bytes:
            raise OSError("A file of stored features has become shorter; fit again to mend it.")


def _copy_mapped(file: int, places: list[tuple[int, int]], targets: list[np.ndarray]) -> None:
    """Where reading at a position is unknown (Windows): a mapping for this read only.

    What a mapping has touched counts as resident memory as long as it is there.
    """
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as mapped:
        for start, at in places:
            for target in targets:
                stop = start + target.shape[1]
                target[at] = np.frombuffer(mapped[start:stop], np.uint8)
                start = stop


def as_bytes(array: np.ndarray) -> np.ndarray:
    """The bytes of a contiguous array, a row an item."""
    return array.reshape(len(array), math.prod(array.shape[1:])).view(np.uint8)


class ShardWriter:
    """Writes one shard; nobody sees it before `commit`."""

    def __init__(self, folder: Path, specs: Sequence[TensorSpec]) -> None:
        self._folder = folder
        self._specs = specs
        self._keys: list[bytes] = []
        self._whole = (0, 0)  # items and checksum, replaced together: an interrupt may come between
        self._draft = _draft(folder)
        self._draft.mkdir()
        try:
            self._file = (self._draft / _ROWS).open("wb", buffering=0)
        except OSError:
            self.discard()
            raise

    @property
    def count(self) -> int:
        """The items that are written whole."""
        return self._whole[0]

    def add(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        """Appends items; `rows` is uint8, (items, bytes of an item)."""
        count, checksum = self._whole
        rest = memoryview(rows.data).cast("B")
        while rest:
            rest = rest[self._file.write(rest) :]
        self._keys += keys
        self._whole = (count + len(keys), zlib.crc32(rows.data, checksum))

    def commit(self) -> str:
        """Makes the shard visible, and gives its name."""
        count, checksum = self._whole
        self._file.truncate(count * sum(spec.nbytes for spec in self._specs))
        self._file.close()
        keys = b"".join(self._keys[:count])
        (self._draft / _KEYS).write_bytes(keys)
        described = {
            **_expected(self._specs),
            "count": count,
            "crc32": {_KEYS: zlib.crc32(keys), _ROWS: checksum},
        }
        (self._draft / _DESCRIPTION).write_text(json.dumps(described), "utf-8")
        name = uuid.uuid4().hex
        self._draft.rename(self._folder / name)
        return name

    def discard(self) -> None:
        """Removes what is written."""
        if hasattr(self, "_file"):
            self._file.close()
        shutil.rmtree(self._draft, ignore_errors=True)


def shards(folder: Path) -> list[Path]:
    """The shards of a store, whole or damaged."""
    return [path for path in sorted(folder.glob("*")) if _is_shard(path)]


def _is_shard(path: Path) -> bool:
    return len(path.name) == 32 and not set(path.name) - set("0123456789abcdef") and path.is_dir()


def shard_keys(folder: Path) -> list[bytes]:
    """The keys of a shard's items, without checking its bytes."""
    try:
        content = (folder / _KEYS).read_bytes()
    except FileNotFoundError as error:
        raise ValueError(f"{error.filename} is missing") from None
    return [content[i : i + KEY_BYTES] for i in range(0, len(content), KEY_BYTES)]


def shard_bytes(folder: Path) -> int:
    """The bytes of a shard's rows."""
    with suppress(FileNotFoundError):
        return (folder / _ROWS).stat().st_size
    return 0


def check_shard(
    folder: Path, specs: Sequence[TensorSpec], in_memory: bool
) -> tuple[list[bytes], list[np.ndarray]]:
    """Checks a shard, reading it once, and gives its keys and, if `in_memory`, its rows.

    Raises:
        ValueError: The shard is damaged.
    """
    count, checksums = _description(folder, specs)
    keys = shard_keys(folder)
    if shard_bytes(folder) != count * sum(spec.nbytes for spec in specs) or len(keys) != count:
        raise ValueError("a file is not as long as it was")
    if zlib.crc32(b"".join(keys)) != checksums[_KEYS]:
        raise ValueError("its keys are not what was written")
    arrays = [spec.empty(count) for spec in specs] if in_memory else []
    if _read_through(folder / _ROWS, specs, arrays) != checksums[_ROWS]:
        raise ValueError("its rows are not what was written")
    return keys, arrays


def _description(folder: Path, specs: Sequence[TensorSpec]) -> tuple[int, dict[str, int]]:
    try:
        described = json.loads((folder / _DESCRIPTION).read_text("utf-8"))
        count, checksums = int(described["count"]), dict(described["crc32"])
        differs = {name for name, value in _expected(specs).items() if described[name] != value}
        complete = {_KEYS, _ROWS} <= set(checksums)
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"its description is not readable ({error!r})") from None
    if differs or not complete:
        raise ValueError("its description is not what was written")
    return count, checksums


def _expected(specs: Sequence[TensorSpec]) -> dict[str, object]:
    return {"format": FORMAT, "tensors": [[list(spec.shape), spec.dtype] for spec in specs]}


def _read_through(file: Path, specs: Sequence[TensorSpec], arrays: Sequence[np.ndarray]) -> int:
    """The checksum of a shard's rows, which are put into `arrays` where there are any."""
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
    """Removes a shard: first from sight, so that no other process reads half of it."""
    draft = _draft(folder.parent)
    with suppress(OSError):
        folder.rename(draft)
    shutil.rmtree(draft, ignore_errors=True)


def drafts(folder: Path) -> list[Path]:
    """What running processes are writing to a store; what dead ones left is removed."""
    found = []
    for path in folder.glob(".*.tmp"):
        _, here, process, *_ = path.name.split(".")
        if (here == _here() and _ended(process)) or _age(path) > _OLD:
            shutil.rmtree(path, ignore_errors=True)
        else:
            found.append(path)
    return found


def _draft(folder: Path) -> Path:
    return folder / f".{_here()}.{os.getpid()}.{uuid.uuid4().hex}.tmp"


def _here() -> str:
    """This machine; containers share a disk, and even a name, but count their processes apart."""
    processes = ""
    with suppress(OSError):
        processes = str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(f"{platform.node()} {processes}".encode()).hexdigest()[:8]


def _ended(process: str) -> bool:
    if os.name != "posix" or not process.isdigit():  # Windows has no signal 0
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _age(draft: Path) -> float:
    changed = 0.0
    with suppress(FileNotFoundError):
        changed = max(path.stat().st_mtime for path in (draft, *draft.iterdir()))
    return time.time() - changed
