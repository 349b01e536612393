"""Stores for a run on a share of the items, apart from all others and gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from transferlearn.features import limits, memory
from transferlearn.features.shards import shard_bytes, shards
from transferlearn.features.storage import Storage


@dataclass(frozen=True)
class Rehearsal:
    """Takes in a small run the decisions that the storage of a large run takes there.

    Attributes:
        storage: For the small run.
        found: Bytes of what was in memory before.
    """

    storage: Storage
    found: int

    def added(self) -> tuple[int, int]:
        """Counts the bytes of what is stored by now, in memory and on disk."""
        folders = [path for path in self.storage.folder.iterdir() if path.is_dir()]
        written = sum(shard_bytes(shard) for folder in folders for shard in shards(folder))
        return memory.held() - self.found, written


@contextmanager
def rehearsal(storage: Storage, share: float) -> Iterator[Rehearsal]:
    """Gives a storage for a run on a share of the items.

    Choices between memory, disk and nothing compare bytes, and all bytes grow alike with the items:
    so where the limits are the same share of the large run's, the choices are the same.

    Args:
        storage: Of the large run.
        share: In (0, 1].
    """
    with memory.lock:
        room = max(0, memory.memory_room(storage, 0, storage.folder))
        disk = limits.disk_room(storage, memory.in_use())
    with (
        tempfile.TemporaryDirectory(prefix="transferlearn-") as name,
        memory.apart(storage.folder, Path(name)) as found,
    ):
        small = replace(
            storage,
            folder=Path(name),
            memory=int(room * share) + found,
            disk=max(int(disk * share), int(storage.on_disk)),
        )
        yield Rehearsal(small, found)
