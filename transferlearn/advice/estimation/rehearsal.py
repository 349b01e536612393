"""Makes temporary stores, apart from all others, for a trial run on a share of the items."""

import tempfile
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from transferlearn.features import limits, memory
from transferlearn.features.disk_parts import copy_items
from transferlearn.features.shards import StoredTensor, shard_bytes, shards
from transferlearn.features.storage import Storage
from transferlearn.features.store import stored_keys


@dataclass(frozen=True, kw_only=True)
class _SmallStorage(Storage):
    """Finds on disk what the large run would find there of the small run's items.

    Attributes:
        large: The folder of the large run's stores, which stay as they are.
        copied: The shards that were copied from there.
    """

    large: Path
    copied: set[Path] = field(default_factory=set)

    def expect(self, key: str, specs: Sequence[StoredTensor], items: Set[bytes]) -> None:
        """Copies what the large run's store has of these items, and is not here yet."""
        folder = self.folder / key
        for shard in shards(self.large / key):
            if missing := items - stored_keys(self, key):
                limits.make_folder(folder, limits.read_description(shard.parent) or "")
                before = {*shards(folder)}
                with suppress(ValueError, OSError):  # damaged: the large run computes it again
                    copy_items(shard, folder, specs, missing)
                self.copied.update({*shards(folder)} - before)


@dataclass(frozen=True)
class Rehearsal:
    """Holds a small run's storage, which chooses between memory and disk as in the large run.

    Attributes:
        storage: The storage of the small run.
        found: The bytes of features that were in memory before the small run.
    """

    storage: _SmallStorage
    found: int

    def added(self) -> tuple[int, int]:
        """Counts the bytes that the small run has stored by now: in memory, and on disk."""
        folders = [path for path in self.storage.folder.iterdir() if path.is_dir()]
        written = {shard for folder in folders for shard in shards(folder)} - self.storage.copied
        return memory.held() - self.found, sum(map(shard_bytes, written))


@contextmanager
def rehearsal(storage: Storage, share: float) -> Iterator[Rehearsal]:
    """Returns a temporary storage for a run on a share of the items, and removes it at the end.

    The choice between memory, disk and nothing compares bytes, and bytes grow in proportion to the
    items. So if the limits are the same share of the large run's, the choice is the same. What is
    stored of the items already, in memory or on disk, is found.

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
        changed = {
            "folder": Path(name),
            "memory": int(room * share) + found,
            "disk": max(int(disk * share), int(storage.on_disk)),
        }
        small = _SmallStorage(**{**vars(storage), **changed}, large=storage.folder)
        yield Rehearsal(small, found)
