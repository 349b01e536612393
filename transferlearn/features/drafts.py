"""Names the folders that shards are written in before they are whole, and removes left ones."""

import hashlib
import os
import platform
import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

_OLD = 3600.0  # seconds without a change, after which a draft counts as left by a dead process


def drafts(folder: Path) -> list[Path]:
    """Lists what running processes are writing to a store, and removes what dead ones left."""
    living = []
    for path in folder.glob(".*.tmp"):
        _, here, process, *_ = path.name.split(".")
        if (here == _here() and _ended(process)) or _age(path) > _OLD:
            shutil.rmtree(path, ignore_errors=True)
        else:
            living.append(path)
    return living


def new_draft(folder: Path) -> Path:
    """Makes up a hidden name in a store, of the machine's hash and the process's number."""
    return folder / f".{_here()}.{os.getpid()}.{uuid.uuid4().hex}.tmp"


def _here() -> str:
    """Gives a hash of the machine or container, in which each process has a number of its own."""
    processes = ""  # containers may share a disk and even a name, but each has its own namespace
    with suppress(OSError):
        processes = str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(f"{platform.node()} {processes}".encode()).hexdigest()[:8]


def _ended(process: str) -> bool:
    """Says whether the process of this number surely runs no more on this machine."""
    if os.name != "posix" or not process.isdigit():  # Windows has no signal 0
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # it is another user's, or no number of a process
        return False
    return False


def _age(draft: Path) -> float:
    """Gives the seconds since a draft was last written to."""
    changed = 0.0
    with suppress(FileNotFoundError):
        changed = max(path.stat().st_mtime for path in (draft, *draft.iterdir()))
    return time.time() - changed
