"""Names the drafts (hidden folders and files) of what is written, and removes abandoned ones.

What is being replaced is put aside under such a name, too, and found there.
"""

import glob
import hashlib
import os
import platform
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ASIDE = ".previous"  # what the name of a folder that is being replaced ends with
_OLD = 3600.0  # seconds without a change, after which a draft counts as left by a dead process


def drafts(folder: Path, prefix: str = ".") -> list[Path]:
    """Lists the drafts in a folder that are still being written, and removes abandoned ones.

    Args:
        folder: The folder.
        prefix: What the names of the drafts begin with, as in `new_draft`.
    """
    living = []
    for path in folder.glob(f"{glob.escape(prefix)}*.tmp"):
        if path.name.removeprefix(prefix).count(".") != 3:
            continue  # `new_draft` gave no such name
        if left_by_the_dead(path, prefix):
            _remove(path)
        else:
            living.append(path)
    return living


def new_draft(folder: Path, prefix: str = ".", suffix: str = ".tmp") -> Path:
    """Returns a new path for a draft in a folder, named after this machine and this process."""
    return folder / f"{prefix}{_here()}.{os.getpid()}.{uuid.uuid4().hex}{suffix}"


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Returns the path of a draft, which takes the place of `path` if the block ends without error.

    Else, `path` stays as it was. No draft is left.
    """
    draft = new_draft(path.parent, f".{path.name}.")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def left_by_the_dead(path: Path, prefix: str = ".") -> bool:
    """Returns whether the process of a draft has ended, or is elsewhere and wrote long ago."""
    here, process, *_ = path.name.removeprefix(prefix).split(".")
    # Of processes on this machine the clock says nothing: it may jump.
    return _ended(process) if here == _here() else _age(path) > _OLD


def whole_place(path: Path, file: str) -> Path:
    """Returns the place of a folder that is whole: while it is being replaced, the one put aside.

    Args:
        path: The folder.
        file: The file that every such folder holds.
    """
    path = Path(os.path.realpath(path))  # a link's target is what is replaced
    found = [] if path.exists() else asides(path, file)
    return found[-1] if found else path


def asides(path: Path, file: str) -> list[Path]:
    """Lists the whole folders that were put aside when `path` was to be replaced, oldest first."""
    names = f"{glob.escape(hidden_name(path))}*{ASIDE}"
    found = [(stamp(aside, file), aside) for aside in path.parent.glob(names)]
    known = [(changed, aside) for (_, changed), aside in found if changed]
    return [aside for _, aside in sorted(known)]


def stamp(path: Path, file: str) -> tuple[int, int]:
    """Returns what tells a folder from the next one in its place; two zeros where there is none."""
    try:
        described = (path / file).stat()
    except OSError:
        return 0, 0
    return described.st_ino, described.st_mtime_ns


def hidden_name(path: Path) -> str:
    """Returns what the hidden names that belong to a folder begin with."""
    return f".{path.name}."


def _here() -> str:
    """A hash of the machine or container within which the numbers of processes are unique."""
    processes = ""  # containers may share a disk and even a name, but each has its own namespace
    with suppress(OSError):
        processes = str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(f"{platform.node()} {processes}".encode()).hexdigest()[:8]


def _ended(process: str) -> bool:
    """Returns whether surely no process with this number runs on this machine any more."""
    if os.name != "posix" or not process.isdigit():  # Windows has no signal 0
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # another user's process, or too large a number
        return False
    return False


def _age(draft: Path) -> float:
    """Returns the seconds since a draft was last written to; a vast number if it is gone."""
    changed = 0.0
    with suppress(FileNotFoundError):
        inside = draft.iterdir() if draft.is_dir() else ()
        changed = max(path.stat().st_mtime for path in (draft, *inside))
    return time.time() - changed


def _remove(draft: Path) -> None:
    """Removes a draft; another process may do the same."""
    if draft.is_dir():
        shutil.rmtree(draft, ignore_errors=True)
    else:
        draft.unlink(missing_ok=True)
