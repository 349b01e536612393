"""Keeps the stored features that this process holds for later fits, within a limit of bytes."""

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol
from weakref import WeakSet

import numpy as np

from transferlearn.features.disk_parts import DiskPart
from transferlearn.features.limits import memory_limit
from transferlearn.features.shards import StoredTensor
from transferlearn.features.storage import Storage


class MemoryPart:
    """Holds some rows of a store in memory.

    Args:
        keys: The keys of the items, in the order of the rows.
        arrays: For each tensor the rows of all items.
        name: The name of the shard that holds the same rows on disk, or `None`.
    """

    def __init__(self, keys: list[bytes], arrays: Sequence[np.ndarray], name: str | None) -> None:
        self.keys = keys
        self.arrays = arrays
        self.name = name
        self.nbytes = sum(array.nbytes for array in arrays)

    def is_whole(self, folder: Path) -> bool:
        """Returns whether the shard with the same rows is still on disk, if there ever was one."""
        return self.name is None or (folder / self.name).exists()

    def read(self, rows: np.ndarray, out: Sequence[np.ndarray], at: np.ndarray) -> None:
        """Copies the rows with the numbers `rows` into `out`, at the positions `at`."""
        for array, target in zip(self.arrays, out, strict=True):
            if len(at) == len(target):  # then `at` is 0, 1, 2, ...: no copy in between
                np.take(array, rows, axis=0, out=target, mode="clip")
            else:
                target[at] = array[rows]


Part = MemoryPart | DiskPart


class Home(NamedTuple):
    """Describes one store: its folder, its limits, and the tensors that it holds.

    Attributes:
        storage: Where stores lie, and their limits.
        folder: The folder of this store, which is also its name in memory.
        specs: The shapes and dtypes of the tensors that make one item's row.
        description: What is stored, in words.
    """

    storage: Storage
    folder: Path
    specs: tuple[StoredTensor, ...]
    description: str

    @property
    def item_bytes(self) -> int:
        """Counts the bytes of one item, all tensors together."""
        return sum(spec.nbytes for spec in self.specs)


class User(Protocol):
    """Stands for an open store or a writer; while it exists, its rows are not forgotten.

    Attributes:
        home: The store that the rows belong to.
        parts: The parts that it reads from.
        reserved: The bytes in memory that are in no part yet.
    """

    home: Home
    parts: tuple[Part, ...]
    reserved: int


lock = threading.RLock()  # guards `users` and what is remembered
users: "WeakSet[User]" = WeakSet()  # weak: a store that nobody reads any more is out of use
_remembered: OrderedDict[Path, list[Part]] = OrderedDict()  # by folder, used last at the end


def remembered(folder: Path) -> list[Part]:
    """Returns the parts of one store that are remembered, and forgets those whose shard is gone.

    While the file of a removed shard is open, its bytes on disk are not freed.
    """
    parts = _remembered.get(folder, [])
    parts[:] = [part for part in parts if part.is_whole(folder)]
    return parts


def remember(folder: Path, parts: list[Part]) -> None:
    """Remembers `parts`, and nothing else, of a store, and marks it as the one used last."""
    _remembered[folder] = parts
    _remembered.move_to_end(folder)


def forget_removed() -> None:
    """Forgets the rows whose shards were removed, and the stores that have no rows left."""
    for folder in list(_remembered):
        if not remembered(folder):
            del _remembered[folder]


@contextmanager
def apart(folder: Path, place: Path) -> Iterator[int]:
    """Sets aside all that is remembered, and afterwards puts it back as it was.

    Meanwhile, what is in memory of the stores in `folder` is found under `place` instead, and
    nothing else is remembered.

    Yields:
        The bytes of these rows.
    """
    global users, _remembered
    with lock:
        kept = users, _remembered
        copies: OrderedDict[Path, list[Part]] = OrderedDict()
        for home in (home for home in _remembered if home.parent == folder):
            parts = [part for part in remembered(home) if isinstance(part, MemoryPart)]
            copies[place / home.name] = [MemoryPart(x.keys, x.arrays, None) for x in parts]
        users, _remembered = WeakSet(), copies
    try:
        yield held()
    finally:
        with lock:
            users, _remembered = kept


def held() -> int:
    """Counts the bytes that all stores hold in memory."""
    with lock:
        return _held(lambda _: True)


def in_use() -> set[Path]:
    """Returns the folders of all stores that are open or being written to."""
    return {user.home.folder for user in users}


def memory_room(storage: Storage, nbytes: int, folder: Path) -> int:
    """Counts the bytes that a store can still take in memory once unused stores are forgotten.

    Args:
        storage: Sets the limit.
        nbytes: The bytes that are wanted; garbage is collected only if that can make them fit.
        folder: The folder of the store that needs the room.
    """
    limit = memory_limit(storage, held())
    room = limit - _held(lambda other: other == folder or other in in_use())
    if room < nbytes <= limit - _held(lambda other: other == folder):
        gc.collect()  # models hold what they were trained on in reference cycles
        room = limit - _held(lambda other: other == folder or other in in_use())
    return room


def make_memory_room(storage: Storage, nbytes: int, folder: Path) -> bool:
    """Forgets unused stores until `nbytes` fit, and says whether they do; if not, forgets none."""
    room = memory_room(storage, nbytes, folder)
    if nbytes > room:
        return False
    staying = in_use() | {folder}
    leaving = [other for other in _remembered if other not in staying]
    room -= _held(lambda other: other not in staying)
    for other in leaving:
        if nbytes <= room:
            break
        room += sum(part.nbytes for part in _remembered.pop(other))
    return True


def _held(wanted: Callable[[Path], bool]) -> int:
    """Counts the bytes in memory of the stores whose folders are `wanted`, each part once."""
    chosen = [user for user in users if wanted(user.home.folder)]
    parts = [part for folder, some in _remembered.items() if wanted(folder) for part in some]
    parts += [part for user in chosen for part in user.parts]
    unique = {id(part): part.nbytes for part in parts}
    return sum(unique.values()) + sum(user.reserved for user in chosen)
