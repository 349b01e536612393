"""Remembers for later fits what this process holds of all stores, within a limit of bytes."""

import gc
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol
from weakref import WeakSet

import numpy as np

from transferlearn.features.limits import memory_limit
from transferlearn.features.shards import DiskPart, TensorSpec
from transferlearn.features.storage import Storage


class MemoryPart:
    """Holds rows in memory.

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
        """Says whether the shard with the same rows, if there was one, is still on disk."""
        return self.name is None or (folder / self.name).exists()

    def read(self, rows: np.ndarray, out: Sequence[np.ndarray], at: np.ndarray) -> None:
        """Copies `rows` to the places `at` of `out`."""
        for array, target in zip(self.arrays, out, strict=True):
            if len(at) == len(target):  # then `at` is 0, 1, 2, ...: no copy in between
                np.take(array, rows, axis=0, out=target, mode="clip")
            else:
                target[at] = array[rows]


Part = MemoryPart | DiskPart


class Home(NamedTuple):
    """Says of one store where its rows are, and what they are.

    Attributes:
        storage: Where stores lie, and their limits.
        folder: The folder of this store, which is also its name in memory.
        specs: The shapes and dtypes of the tensors that make one item's row.
        description: What is stored, in words.
    """

    storage: Storage
    folder: Path
    specs: tuple[TensorSpec, ...]
    description: str

    @property
    def item_bytes(self) -> int:
        """Counts the bytes of one item, all tensors together."""
        return sum(spec.nbytes for spec in self.specs)


class User(Protocol):
    """Stands for an open store or a writer, whose rows cannot be forgotten while it is in use.

    Attributes:
        home: What the rows belong to.
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
    """Gives the parts of one store that are remembered, and forgets those whose shard is gone.

    The open file of a removed shard holds the disk's space, and a later process does not find it.
    """
    parts = _remembered.get(folder, [])
    parts[:] = [part for part in parts if part.is_whole(folder)]
    return parts


def remember(folder: Path, parts: list[Part]) -> None:
    """Remembers `parts` as all that there is of a store, and the store as the one used last."""
    _remembered[folder] = parts
    _remembered.move_to_end(folder)


def forget_removed() -> None:
    """Forgets all stores that were removed from the disk."""
    for folder in list(_remembered):
        if not remembered(folder):
            del _remembered[folder]


@contextmanager
def apart(folder: Path, place: Path) -> Iterator[int]:
    """Sets aside all that is remembered, and afterwards puts it back as it was.

    Inside, only those rows of the stores in `folder` are found that are in memory, as if they
    belonged to stores in `place`.

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
    """Gives the folders of all stores that are open."""
    return {user.home.folder for user in users}


def memory_room(storage: Storage, nbytes: int, folder: Path) -> int:
    """Counts the bytes that `folder` can take once all stores that nobody uses are forgotten.

    Args:
        storage: Sets the limit.
        nbytes: The bytes that are wanted; garbage is collected only if that can make them fit.
        folder: The folder of the store that wants them.
    """
    limit = memory_limit(storage, held())
    room = limit - _held(lambda other: other == folder or other in in_use())
    if room < nbytes <= limit - _held(lambda other: other == folder):
        gc.collect()  # models hold what they were trained on in circles of references
        room = limit - _held(lambda other: other == folder or other in in_use())
    return room


def make_memory_room(storage: Storage, nbytes: int, folder: Path) -> bool:
    """Forgets the stores used longest ago until `nbytes` fit, and says whether they fit."""
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


def _held(of: Callable[[Path], bool]) -> int:
    """Counts the bytes in memory of the stores whose folders `of` accepts, each part once."""
    chosen = [user for user in users if of(user.home.folder)]
    parts = [part for folder, some in _remembered.items() if of(folder) for part in some]
    parts += [part for user in chosen for part in user.parts]
    unique = {id(part): part.nbytes for part in parts}
    return sum(unique.values()) + sum(user.reserved for user in chosen)
