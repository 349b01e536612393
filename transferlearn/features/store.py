"""Stores items' features as rows in memory or on disk, where later fits find them by a key.

A `Store` sees the rows that were there when it was opened and those it adds; rows never change
their position. What this process has read or made is remembered, so that a later fit finds it.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import numpy as np

from transferlearn.atomic_files import drafts
from transferlearn.features import limits, memory
from transferlearn.features.disk_parts import DiskPart
from transferlearn.features.leases import Lease
from transferlearn.features.memory import Home, MemoryPart, Part
from transferlearn.features.shards import StoredTensor as StoredTensor
from transferlearn.features.shards import (
    check_shard,
    remove_shard,
    shard_bytes,
    shard_keys,
    shards,
)
from transferlearn.features.storage import Storage
from transferlearn.features.writing import Writer

Place = Literal["memory", "disk"]


class Store:
    """Finds, reads and adds the features of items in one store; `open_store` makes it.

    Args:
        home: What the rows are, and where they lie.
        parts: The rows that are there already.

    Attributes:
        item_bytes: The bytes of one item, all tensors together.
    """

    reserved = 0  # bytes; a store reserves none, unlike the other `memory.User`, a writer

    def __init__(self, home: Home, parts: Sequence[Part]) -> None:
        self.home = home
        self.item_bytes = home.item_bytes
        self.parts: tuple[Part, ...] = ()
        self._index: dict[bytes, int] = {}
        self._lease: Lease | None = None
        for part in parts:
            self._append(part)

    def __len__(self) -> int:
        return sum(len(part.keys) for part in self.parts)

    @property
    def in_memory(self) -> bool:
        """Returns whether every row is read from memory."""
        return all(isinstance(part, MemoryPart) for part in self.parts)

    @property
    def where(self) -> str:
        """Returns where rows are read from, for messages: `"memory"` or the directory."""
        return "memory" if self.in_memory else str(self.home.storage.folder)

    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """Returns the positions in `keys` of the items that are not stored, each item once."""
        # In reverse order, so that the first position of a repeated key is the one that stays.
        new = {key: i for i, key in reversed(list(enumerate(keys))) if key not in self._index}
        return sorted(new.values())

    def rows(self, keys: Sequence[bytes]) -> np.ndarray:
        """Returns the numbers of the items' rows, as `read` takes them, int64.

        Raises:
            KeyError: An item is not stored.
        """
        try:
            return np.fromiter((self._index[key] for key in keys), np.int64, len(keys))
        except KeyError as error:
            raise KeyError(f"Item {error.args[0]!r:.80} is not stored; add it first.") from None

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """Reads rows in the given order; any thread may call it.

        Args:
            rows: The numbers of rows, as the method `rows` gives them.

        Returns:
            For each tensor an array of the shape (rows, *shape).

        Raises:
            IndexError: There is no such row.
        """
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
        """Opens a writer for at most `count` items, and finishes it, even after an exception.

        Raises:
            OSError: There is no room for the items, or the directory cannot be written to.
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
        """Adds a part's rows behind the others; of a repeated key the first row stays."""
        start = len(self)
        if self._lease is None and isinstance(part, DiskPart):
            self._lease = Lease(self.home.folder / limits.STORE)
        self.parts += (part,)  # a new tuple: a thread that reads has the old one
        for row, key in enumerate(part.keys, start):
            self._index.setdefault(key, row)


def open_store(
    storage: Storage, key: str, specs: Sequence[StoredTensor], description: str
) -> Store:
    """Opens the store of `key`, with the rows that are there already, in memory or on disk.

    Args:
        storage: Where features are stored, and how many bytes they may take.
        key: The hexadecimal fingerprint of all that decides what the rows are.
        specs: The shapes and dtypes of the tensors that make one item's row.
        description: What is stored, in words, for `transferlearn cache list`.

    Raises:
        OSError: The directory cannot be made or written to.
    """
    home = Home(storage, storage.folder / key, tuple(specs), description)
    if storage.on_disk:
        limits.make_folder(home.folder, description)
    elif limits.read_description(home.folder) is not None:
        with suppress(OSError):  # reading is enough
            limits.make_folder(home.folder, description)
    drafts(home.folder)  # removes what dead processes left
    with memory.lock:
        parts = _all_parts(home)
        memory.remember(home.folder, parts)
        store = Store(home, parts)
        memory.users.add(store)
    return store


def place(storage: Storage, key: str, nbytes: int) -> Place | None:
    """Returns where a store would be read from with `nbytes` more; `None` if there is no room."""
    folder = storage.folder / key
    with memory.lock:
        room = memory.memory_room(storage, nbytes, folder)
        to_disk = storage.on_disk or nbytes > room
        if to_disk and nbytes > limits.disk_room(storage, memory.in_use() | {folder}):
            return None
        unread = sum(shard_bytes(shard) for shard in _unread(folder, _known(storage, folder)))
    return "memory" if nbytes + unread <= room else "disk"


def stored_keys(storage: Storage, key: str) -> frozenset[bytes]:
    """Returns the keys of the items in the store `key`, without reading their rows."""
    folder = storage.folder / key
    with memory.lock:
        known = _known(storage, folder)
        items = {item for part in known for item in part.keys}
        for shard in _unread(folder, known):
            with suppress(ValueError):  # a damaged shard, which `open_store` removes
                items.update(shard_keys(shard))
    return frozenset(items)


def _all_parts(home: Home) -> list[Part]:
    """Returns all parts of a store; those on disk are read into memory if all of them fit."""
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
            f"({damaged[0]}). They are removed, and their items are computed again.",
            stacklevel=3,
        )
    return parts


def _open(shard: Path, home: Home, in_memory: bool) -> Part:
    """Checks a shard, and reads or opens it; raises `ValueError` where it is damaged."""
    keys, arrays = check_shard(shard, home.specs, in_memory)
    if in_memory:
        return MemoryPart(keys, arrays, shard.name)
    return DiskPart(keys, shard, home.specs)


def _known(storage: Storage, folder: Path) -> list[Part]:
    """Returns the remembered parts of a store, save those in memory if they exceed its limit."""
    known = memory.remembered(folder)
    if storage.memory is not None and sum(part.nbytes for part in known) > storage.memory:
        return [part for part in known if isinstance(part, DiskPart)]
    return known


def _unread(folder: Path, known: Sequence[Part]) -> list[Path]:
    """Lists the shards on disk whose rows are not in memory."""
    held = {part.name for part in known if isinstance(part, MemoryPart)}
    return [shard for shard in shards(folder) if shard.name not in held]
