"""What this process holds of all stores: remembered for later fits, within a budget of bytes."""

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
    """Rows in memory; `name` is the shard that holds them too, or None."""

    def __init__(self, keys: list[bytes], arrays: Sequence[np.ndarray], name: str | None) -> None:
        self.keys = keys
        self.arrays = arrays
        self.name = name
        self.nbytes = sum(array.nbytes for array in arrays)

    def is_whole(self, folder: Path) -> bool:
        """Whether the shard is still on disk, if there was one."""
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
    """The rows of one key: where they are, and what they are."""

    storage: Storage
    folder: Path
    specs: tuple[TensorSpec, ...]
    description: str

    @property
    def item_bytes(self) -> int:
        """Bytes of one item, all tensors together."""
        return sum(spec.nbytes for spec in self.specs)


class User(Protocol):
    """An open store or a writer: what it holds cannot be forgotten."""

    home: Home
    parts: tuple[Part, ...]
    reserved: int  # bytes in memory that are in no part yet


lock = threading.RLock()
users: "WeakSet[User]" = WeakSet()
_remembered: OrderedDict[Path, list[Part]] = OrderedDict()  # by folder, used last at the end


def remembered(folder: Path) -> list[Part]:
    """The parts of one store, those whose shard was removed or damaged left out.

    Their open files would hold the disk's space, and a later process would not find them.
    """
    parts = _remembered.get(folder, [])
    parts[:] = [part for part in parts if part.is_whole(folder)]
    return parts


def remember(folder: Path, parts: list[Part]) -> None:
    """Keeps `parts` as all that there is of a store, which is the one used last."""
    _remembered[folder] = parts
    _remembered.move_to_end(folder)


def forget_removed() -> None:
    """Lets go of all that was removed from the disk."""
    for folder in list(_remembered):
        if not remembered(folder):
            del _remembered[folder]


@contextmanager
def apart(folder: Path, place: Path) -> Iterator[int]:
    """Nothing is remembered inside it but what is in memory of the stores in `folder`.

    That is found as if it were in `place`; afterwards all is as it was.

    Yields:
        Their bytes.
    """
    global users, _remembered
    with lock:
        kept = users, _remembered
        found: OrderedDict[Path, list[Part]] = OrderedDict()
        for home in (home for home in _remembered if home.parent == folder):
            parts = [part for part in remembered(home) if isinstance(part, MemoryPart)]
            found[place / home.name] = [MemoryPart(x.keys, x.arrays, None) for x in parts]
        users, _remembered = WeakSet(), found
    try:
        yield held()
    finally:
        with lock:
            users, _remembered = kept


def held() -> int:
    """Bytes of all stores in memory."""
    return _held(lambda _: True)


def in_use() -> set[Path]:
    """The folders of open stores."""
    return {user.home.folder for user in users}


def memory_room(storage: Storage, nbytes: int, folder: Path) -> int:
    """Bytes that there are for `folder` once all stores that nobody uses are forgotten.

    `nbytes` is what is wanted: where it matters, stores that are out of use are collected first.
    """
    limit = memory_limit(storage, held())
    room = limit - _held(lambda other: other == folder or other in in_use())
    if room < nbytes <= limit - _held(lambda other: other == folder):
        gc.collect()  # models hold what they were trained on in circles of references
        room = limit - _held(lambda other: other == folder or other in in_use())
    return room


def make_memory_room(storage: Storage, nbytes: int, folder: Path) -> bool:
    """Forgets the stores used longest ago until `nbytes` fit; False if they cannot."""
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
    """Bytes in memory of the folders that `of` is true for; a part in two places counts once."""
    chosen = [user for user in users if of(user.home.folder)]
    parts = [part for folder, some in _remembered.items() if of(folder) for part in some]
    parts += [part for user in chosen for part in user.parts]
    unique = {id(part): part.nbytes for part in parts}
    return sum(unique.values()) + sum(user.reserved for user in chosen)
