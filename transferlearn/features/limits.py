"""What the stores may take: half of the free memory or disk by default, the oldest going first."""

import json
import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from transferlearn.features.shards import drafts, remove_shard, shards
from transferlearn.features.storage import Storage

STORE = "store.json"
_KIND = "features stored by transferlearn"
_UNKNOWN_MEMORY = 4 * 2**30


@dataclass(frozen=True)
class StoredFeatures:
    """One store on disk, for `cache list`: its size in bytes, and when it was used last."""

    folder: Path
    description: str
    nbytes: int
    used: float

    @property
    def last_used(self) -> str:
        """The time of the last use, UTC, in ISO 8601."""
        return datetime.fromtimestamp(self.used, UTC).isoformat(timespec="seconds")


def check_directory(storage: Storage) -> None:
    """Refuses a directory that cannot be written, before any work.

    Raises:
        OSError: It cannot.
    """
    existing = _existing(storage.folder)
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise OSError(
            f"Features cannot be stored in {storage.folder}: {existing} is not a folder that can "
            "be written to. Give another directory, or store nothing with cache=False."
        )


def make_folder(folder: Path, description: str) -> None:
    """Makes a store's folder, and notes that it is used now."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if read_description(folder) is None:
            draft = folder / f".{STORE}.{os.getpid()}"
            described = {"kind": _KIND, "description": description}
            draft.write_text(json.dumps(described, ensure_ascii=False), "utf-8")
            draft.replace(folder / STORE)
        os.utime(folder / STORE)
    except OSError as error:
        raise OSError(
            f"Features cannot be stored in {folder.parent}: {error.strerror}. "
            "Give another one with tl.Cache(directory=...), or store nothing with cache=False."
        ) from error


def read_description(folder: Path) -> str | None:
    """What a store holds; None where the folder is no store of ours."""
    try:
        described = json.loads((folder / STORE).read_text("utf-8"))
        return str(described["description"]) if described["kind"] == _KIND else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stores_in(directory: Path) -> list[StoredFeatures]:
    """All stores in a directory, the one used longest ago first."""
    found = []
    for file in directory.glob(f"*/{STORE}"):
        description = read_description(file.parent)
        with suppress(FileNotFoundError):
            if description is not None:
                used = file.stat().st_mtime
                found.append(StoredFeatures(file.parent, description, _size(file.parent), used))
    return sorted(found, key=lambda store: store.used)


def remove_store(folder: Path) -> bool:
    """Removes a store, and says whether it could: not where a running process writes to it."""
    if drafts(folder):
        return False
    for shard in shards(folder):
        remove_shard(shard)
    (folder / STORE).unlink(missing_ok=True)
    with suppress(OSError):  # holds files of others
        folder.rmdir()
    return True


def disk_room(storage: Storage, kept: Collection[Path]) -> int:
    """Bytes that new features may take on disk once all stores but `kept` are gone."""
    if storage.disk == 0 or not os.access(_existing(storage.folder), os.W_OK):
        return 0
    stores = stores_in(storage.folder)
    going = sum(store.nbytes for store in _removable(stores, kept))
    taken = sum(store.nbytes for store in stores)
    return max(0, _disk_limit(storage, stores) - taken + going)


def make_disk_room(storage: Storage, nbytes: int, kept: Collection[Path]) -> None:
    """Removes the stores used longest ago until `nbytes` more are within the limit.

    Raises:
        OSError: There is no room for them; nothing is removed.
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
    return [store for store in stores if store.folder not in kept and not drafts(store.folder)]


def free_disk(folder: Path) -> int:
    """Free bytes on the disk where `folder` is, or would be."""
    return shutil.disk_usage(_existing(folder)).free


def memory_limit(storage: Storage, held: int) -> int:
    """Bytes that stores may take in memory; `held` is what they take."""
    return storage.memory if storage.memory is not None else (free_memory() + held) // 2


def free_memory() -> int:
    """Bytes that this process could still take, the limits of its cgroups counted."""
    free = [_system_memory()]
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in ("", "memory"):
                free += _cgroup_memory(Path("/sys/fs/cgroup") / controllers, path.strip("/"))
    return max(0, min(free))


def _system_memory() -> int:
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text("utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):  # macOS: all of it, free or not
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return _UNKNOWN_MEMORY


def _cgroup_memory(root: Path, path: str) -> list[int]:
    """What is free below each limit from the process's cgroup up to the root."""
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
    most = free_disk(storage.folder) + sum(store.nbytes for store in stores)
    return most // 2 if storage.disk is None else min(storage.disk, most)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
