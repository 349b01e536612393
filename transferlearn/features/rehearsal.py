"""Makes temporary stores, apart from all others, for a trial run on a share of the items."""

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
    """Holds a small run's storage, which chooses between memory and disk as in the large run.

    Attributes:
        storage: The storage of the small run.
        found: The bytes of features that were in memory before the small run.
    """

    storage: Storage
    found: int

    def added(self) -> tuple[int, int]:
        """Counts the bytes that the small run has stored by now: in memory, and on disk."""
        folders = [path for path in self.storage.folder.iterdir() if path.is_dir()]
        written = sum(shard_bytes(shard) for folder in folders for shard in shards(folder))
        return memory.held() - self.found, written


@contextmanager
def rehearsal(storage: Storage, share: float) -> Iterator[Rehearsal]:
    """Gives a temporary storage for a run on a share of the items, and removes it at the end.

    The choice between memory, disk and nothing compares bytes, and bytes grow in proportion to the
    items. So if the limits are the same share of the large run's, the choice is the same.

    Args:
        storage: The storage of the large run.
        share: The share of the items that the small run takes, in (0, 1].
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
