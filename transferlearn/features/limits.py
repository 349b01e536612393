"""Limits the bytes that stores take in memory and on disk, and removes stores from disk."""

import json
import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from transferlearn.atomic_files import drafts, new_draft
from transferlearn.features.cache import Cache
from transferlearn.features.leases import is_open_elsewhere, removing
from transferlearn.features.shards import remove_shard, shards
from transferlearn.features.storage import Storage

STORE = "store.json"
_KIND = "features stored by transferlearn"  # tells our folders from those of others
_MOST = 2**20  # bytes of a store's description, at most
_UNKNOWN_MEMORY = 4 * 2**30  # bytes, where the system does not tell what is free


@dataclass(frozen=True)
class StoredFeatures:
    """Describes one store on disk, for `transferlearn cache list`.

    Attributes:
        folder: The folder of the store.
        description: What is stored, in words.
        nbytes: The size of the folder's files in bytes.
        used: The time of the last use, in seconds since 1970.
    """

    folder: Path
    description: str
    nbytes: int
    used: float

    @property
    def last_used(self) -> str:
        """The time of the last use in UTC, as ISO 8601 writes it."""
        return datetime.fromtimestamp(self.used, UTC).isoformat(timespec="seconds")


def check_directory(storage: Storage) -> None:
    """Refuses a directory that cannot be written to, before any work is done.

    Raises:
        OSError: The directory, or where it would be made, cannot be written to.
    """
    existing = _existing(storage.folder)
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise OSError(
            f"Features cannot be stored in {storage.folder}: {existing} is not a folder that can "
            "be written to. Give another directory, or store nothing with cache=False."
        )


def check_cache(cache: object) -> None:
    """Refuses a `cache` that `fit` does not take, or whose directory cannot be written to."""
    if not isinstance(cache, (bool, Cache)) and cache != "auto":
        raise TypeError(
            f"cache is 'auto', True, False or a tl.Cache(...). Received: cache={cache!r}"
        )
    if isinstance(cache, Cache) and cache.directory is not None:
        check_directory(Storage.of(cache))


def make_folder(folder: Path, description: str) -> None:
    """Makes the folder of a store, and notes that the store is used now.

    Raises:
        OSError: The folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if read_description(folder) is None:
            draft = new_draft(folder)
            described = {"kind": _KIND, "description": description}
            draft.write_text(json.dumps(described, ensure_ascii=False), "utf-8")
            draft.replace(folder / STORE)  # by rename: nobody reads half of it
        os.utime(folder / STORE)  # the time of the last use
    except OSError as error:
        raise OSError(
            f"Features cannot be stored in {folder.parent}: {error.strerror}. "
            "Give another one with tl.Cache(directory=...), or store nothing with cache=False."
        ) from error


def read_description(folder: Path) -> str | None:
    """Reads the words that describe a store; gives `None` if the folder is no store of ours."""
    file = folder / STORE
    try:
        if not file.is_file() or file.stat().st_size > _MOST:  # a pipe would never end
            return None
        described = json.loads(file.read_text("utf-8"))
        return str(described["description"]) if described["kind"] == _KIND else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def stores_in(directory: Path) -> list[StoredFeatures]:
    """Lists all stores in a directory, the one used longest ago first."""
    stores = []
    for file in directory.glob(f"*/{STORE}"):
        description = read_description(file.parent)
        with suppress(FileNotFoundError):  # another process removes the store
            if description is not None:
                used = file.stat().st_mtime
                stores.append(StoredFeatures(file.parent, description, _size(file.parent), used))
    return sorted(stores, key=lambda store: store.used)


def remove_store(folder: Path) -> bool:
    """Removes a store, unless it is written to or another process has it open; says if it did."""
    if drafts(folder):
        return False
    with removing(folder / STORE) as free:
        if not free:
            return False
        for shard in shards(folder):
            remove_shard(shard)
        (folder / STORE).unlink(missing_ok=True)
        with suppress(OSError):  # a folder with files of others stays
            folder.rmdir()
    return True


def disk_room(storage: Storage, kept: Collection[Path]) -> int:
    """Counts the bytes that new features may take on disk if old stores make room.

    Stores in `kept` stay, and so do those that another process writes or reads.
    """
    if storage.disk == 0 or not os.access(_existing(storage.folder), os.W_OK):
        return 0
    stores = stores_in(storage.folder)
    going = sum(store.nbytes for store in _removable(stores, kept))
    taken = sum(store.nbytes for store in stores)
    return max(0, _disk_limit(storage, stores) - taken + going)


def make_disk_room(storage: Storage, nbytes: int, kept: Collection[Path]) -> None:
    """Removes stores that are not `kept`, the longest unused first, until `nbytes` more fit.

    Raises:
        OSError: There is no room for so many bytes; nothing is removed.
    """
    stores = stores_in(storage.folder)
    limit = _disk_limit(storage, stores)
    taken = sum(store.nbytes for store in stores)
    going = _removable(stores, kept)
    staying = taken - sum(store.nbytes for store in going)
    if staying + nbytes > limit:
        raise OSError(
            f"No room for features in {storage.folder}: {nbytes:,} bytes are needed, and the limit "
            f"is {limit:,} of which {staying:,} are in use. Give another directory or more room "
            'with tl.Cache(directory=..., disk=...), or halve them with dtype="float16".'
        )
    for store in going:
        if taken + nbytes <= limit:
            break
        if remove_store(store.folder):
            taken -= store.nbytes


def _removable(stores: list[StoredFeatures], kept: Collection[Path]) -> list[StoredFeatures]:
    """Lists the stores that are not in `kept`, and that no other process writes or reads."""
    return [
        store
        for store in stores
        if store.folder not in kept
        and not drafts(store.folder)
        and not is_open_elsewhere(store.folder / STORE)
    ]


def free_disk(folder: Path) -> int:
    """Counts the free bytes on the disk where `folder` is, or would be."""
    return shutil.disk_usage(_existing(folder)).free


def memory_limit(storage: Storage, held: int) -> int:
    """Returns the bytes that all stores may take in memory; `held` is what they take now."""
    # What they hold counts as free: else each new store would halve the limit.
    return storage.memory if storage.memory is not None else (free_memory() + held) // 2


def free_memory() -> int:
    """Counts the bytes of memory that this process can still take, within its cgroups' limits."""
    free = [_system_memory()]
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            # Version 2 of cgroups names no controllers, version 1 has a tree for each.
            if controllers in ("", "memory"):
                free += _cgroup_memory(Path("/sys/fs/cgroup") / controllers, path.strip("/"))
    return max(0, min(free))


def _system_memory() -> int:
    """Counts the free bytes of the machine, or guesses them where the system does not tell."""
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text("utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):  # macOS tells only how much there is
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return _UNKNOWN_MEMORY


def _cgroup_memory(root: Path, path: str) -> list[int]:
    """Lists the free bytes of each cgroup with a limit, from the process's own up to the root."""
    names = (
        ("memory.max", "memory.current", "inactive_file")
        if root.name == "cgroup"
        else ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    )
    group, free = root / path, []
    for folder in (group, *group.parents):
        if not folder.is_relative_to(root):
            break
        with suppress(OSError, ValueError):  # no such file, or the limit "max"
            limit, used = (int((folder / name).read_text("utf-8")) for name in names[:2])
            statistics = (folder / "memory.stat").read_text("utf-8").splitlines()
            files = sum(int(line.split()[1]) for line in statistics if line.split()[0] == names[2])
            free.append(limit - used + files)  # cached files are given up when memory is short
    return free


def _disk_limit(storage: Storage, stores: list[StoredFeatures]) -> int:
    """Returns the bytes that all stores in the directory may take on disk."""
    most = free_disk(storage.folder) + sum(store.nbytes for store in stores)
    return most // 2 if storage.disk is None else min(storage.disk, most)


def _existing(folder: Path) -> Path:
    """Returns the folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _size(folder: Path) -> int:
    """Counts the bytes of all files in a folder."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # another process removes the file
            total += path.stat().st_size if path.is_file() else 0
    return total
