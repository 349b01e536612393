"""Lists the files below a folder, in training and anywhere by the same rules."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_HIDDEN = ("Thumbs.db", "__MACOSX")  # left behind by Windows and macOS


def files_with(files: Iterable[Path], endings: Sequence[str], ignored: Counter[str]) -> list[str]:
    """Returns the files with one of the endings, and counts the others in `ignored`."""
    found = []
    for path in files:
        if is_hidden(path.name):
            ignored["hidden"] += 1
        elif path.suffix.lower() in endings:
            found.append(str(path))
        else:
            ignored[path.suffix.lower() or "no ending"] += 1
    return found


def walk(folder: Path, ignored: Counter[str]) -> Iterator[Path]:
    """Yields all files below a folder, in a fixed order; enters no hidden or seen folder."""
    # A link to a folder above would never end, and bring in the files of other classes.
    seen = set(folder.resolve().parents)
    for root, folders, files in os.walk(folder, onerror=_raise, followlinks=True):
        if (real := Path(root).resolve()) in seen:
            folders.clear()
            continue
        seen.add(real)
        ignored["hidden"] += sum(map(is_hidden, folders))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield from (Path(root) / name for name in sorted(files))


def is_hidden(name: str) -> bool:
    """Returns whether a file or folder is hidden, or was left behind by Windows or macOS."""
    return name.startswith(".") or name in _HIDDEN


def _raise(error: OSError) -> None:
    """Raises the error that `os.walk` hands in."""
    raise error  # without this, `os.walk` leaves out a folder that it cannot read
