"""The store of features: rows by item, in memory or on disk, found again by the same key.

A `Store` sees the rows that were there when it was opened and those it adds; rows never change
their position. What this process has read or made is remembered, so that a later fit finds it.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import numpy as np

from transferlearn.features import limits, memory
from transferlearn.features.memory import Home, MemoryPart, Part
from transferlearn.features.shards import (
    DiskPart,
    check_shard,
    drafts,
    remove_shard,
    shard_bytes,
    shard_keys,
    shards,
)
from transferlearn.features.shards import TensorSpec as TensorSpec
from transferlearn.features.storage import Storage
from transferlearn.features.writing import Writer

Place = Literal["memory", "disk"]


class Store:
    """The rows of one key; made by `open_store`.

    Attributes:
        item_bytes: Bytes of one item, all tensors together.
    """

    reserved = 0

    def __init__(self, home: Home, parts: Sequence[Part]) -> None:
        self.home = home
        self.item_bytes = home.item_bytes
        self.parts: tuple[Part, ...] = ()
        self._index: dict[bytes, int] = {}
        for part in parts:
            self._append(part)

    def __len__(self) -> int:
        return sum(len(part.keys) for part in self.parts)

    @property
    def in_memory(self) -> bool:
        """Whether every row is read from memory."""
        return all(isinstance(part, MemoryPart) for part in self.parts)

    @property
    def where(self) -> str:
        """Where rows are read from, for messages: `"memory"` or the directory."""
        return "memory" if self.in_memory else str(self.home.storage.folder)

    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """Positions in `keys` of items that are not stored, each item's first."""
        new = {key: i for i, key in reversed(list(enumerate(keys))) if key not in self._index}
        return sorted(new.values())

    def rows(self, keys: Sequence[bytes]) -> np.ndarray:
        """Positions of the items for `read`, int64.

        Raises:
            KeyError: An item is not stored.
        """
        try:
            return np.fromiter((self._index[key] for key in keys), np.int64, len(keys))
        except KeyError as error:
            raise KeyError(f"Item {error.args[0]!r:.80} is not stored; add it first.") from None

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """The rows in this order, an array a tensor: (rows, *shape). Any thread may call it."""
        rows, parts = np.asarray(rows, np.int64), self.parts
        ends = np.cumsum([len(part.keys) for part in parts], dtype=np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < (ends[-1] if len(parts) else 0):
            raise IndexError(f"There is no row {rows.max()} among {len(self)}.")
        out = tuple(spec.empty(len(rows)) for spec in self.home.specs)
        holding = np.searchsorted(ends, rows, side="right")
        for i in np.unique(holding):
            at = np.flatnonzero(holding == i)
            parts[i].read(rows[at] - (ends[i] - len(parts[i].keys)), out, at)
        return out

    @contextmanager
    def adding(self, count: int) -> Iterator[Writer]:
        """For adding at most `count` items; what was added whole stays also after an exception.

        Raises:
            OSError: There is no room for them, or the directory cannot be written.
        """
        writer = Writer(self.home, count, self._append)
        try:
            yield writer
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell
                writer.finish()
            raise
        writer.finish()

    def _append(self, part: Part) -> None:
        start = len(self)
        self.parts += (part,)
        for row, key in enumerate(part.keys, start):
            self._index.setdefault(key, row)


def open_store(storage: Storage, key: str, specs: Sequence[TensorSpec], description: str) -> Store:
    """The store of `key`, with the rows that are there already, in memory or on disk.

    Args:
        storage: Where and how much.
        key: Hexadecimal fingerprint of all that decides what the rows are.
        specs: What an item's row consists of.
        description: For `transferlearn cache list`.

    Raises:
        OSError: The directory cannot be made or written.
    """
    home = Home(storage, storage.folder / key, tuple(specs), description)
    if storage.on_disk:
        limits.make_folder(home.folder, description)
    elif limits.read_description(home.folder) is not None:
        with suppress(OSError):  # reading is enough
            limits.make_folder(home.folder, description)
    drafts(home.folder)
    with memory.lock:
        parts = _known_parts(home)
        memory.remember(home.folder, parts)
        store = Store(home, parts)
        memory.users.add(store)
    return store


def place(storage: Storage, key: str, nbytes: int) -> Place | None:
    """Where `nbytes` more of the store `key` would be read from; None if there is no room."""
    folder = storage.folder / key
    with memory.lock:
        room = memory.memory_room(storage, nbytes, folder)
        to_disk = storage.on_disk or nbytes > room
        if to_disk and nbytes > limits.disk_room(storage, memory.in_use() | {folder}):
            return None
        unread = sum(shard_bytes(shard) for shard in _unread(folder, _known(storage, folder)))
    return "memory" if nbytes + unread <= room else "disk"


def stored_keys(storage: Storage, key: str) -> frozenset[bytes]:
    """The items that the store `key` has, without reading their rows."""
    folder = storage.folder / key
    with memory.lock:
        known = _known(storage, folder)
        found = {item for part in known for item in part.keys}
        for shard in _unread(folder, known):
            with suppress(ValueError):
                found.update(shard_keys(shard))
    return frozenset(found)


def _known_parts(home: Home) -> list[Part]:
    """What is remembered, and what lies on disk: read into memory if all of it fits."""
    storage, folder = home.storage, home.folder
    known = _known(storage, folder)
    memory.remember(folder, known)
    unread = _unread(folder, known)
    in_memory = memory.make_memory_room(storage, sum(map(shard_bytes, unread)), folder)
    open_files = {} if in_memory else {part.name: part for part in known}
    parts: list[Part] = [part for part in known if isinstance(part, MemoryPart)]
    damaged = []
    for shard in unread:
        try:
            known_part = open_files.get(shard.name)
            parts.append(known_part or _open(shard, home, in_memory))
        except ValueError as error:
            if shard.exists():  # else another process has just removed it
                damaged.append(str(error))
                remove_shard(shard)
    if damaged:
        warnings.warn(
            f"{len(damaged)} of {len(unread)} shards of stored features in {folder} are damaged "
            f"({damaged[0]}). They are removed, and their items computed again.",
            stacklevel=3,
        )
    return parts


def _open(shard: Path, home: Home, in_memory: bool) -> Part:
    keys, arrays = check_shard(shard, home.specs, in_memory)
    if in_memory:
        return MemoryPart(keys, arrays, shard.name)
    return DiskPart(keys, shard, home.specs)


def _known(storage: Storage, folder: Path) -> list[Part]:
    """What is remembered of a store, as far as it may be in memory."""
    known = memory.remembered(folder)
    if storage.memory is not None and sum(part.nbytes for part in known) > storage.memory:
        return [part for part in known if isinstance(part, DiskPart)]
    return known


def _unread(folder: Path, known: Sequence[Part]) -> list[Path]:
    """The shards on disk that are not in memory."""
    held = {part.name for part in known if isinstance(part, MemoryPart)}
    return [shard for shard in shards(folder) if shard.name not in held]
