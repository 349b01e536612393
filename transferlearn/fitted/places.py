"""Puts a save in the place of the one before, so that at any moment one of them is whole."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from transferlearn.atomic_files import (
    ASIDE,
    asides,
    drafts,
    hidden_name,
    left_by_the_dead,
    new_draft,
)
from transferlearn.edge.existing import SAVE, refuse_other_folder

DESCRIPTION = SAVE


def check_place(path: Path, file: str, what: str, strange: Callable[[Path], list[str]]) -> None:
    """Refuses a place for a folder that holds anything else, or that cannot be written to.

    Args:
        path: The place.
        file: The file that every such folder holds.
        what: What such a folder is, with its article: `"a save"`.
        strange: Lists the files in such a folder that are no part of it.

    Raises:
        OSError: The folder cannot be written there; nothing was changed.
    """
    refuse_other_folder(path, file, what)
    if path.exists() and (others := strange(path)):
        raise OSError(
            f"{path} holds files that are no part of {what}, such as {others[0]}, which would be "
            "lost. Nothing was written; move them, or choose another name."
        )
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    try:
        make_draft(path, parent).rmdir()  # tries it, since permissions alone do not tell
    except OSError as error:
        raise OSError(f"{path} cannot be written in {parent}: {error.strerror}.") from error


@contextlib.contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """Returns a draft, which takes the place of the folder `path` if the block ends without error.

    Else, `path` stays as it was. No draft is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = make_draft(path, path.parent)
    try:
        yield draft
        for file in (*draft.rglob("*"), draft):
            sync(file)
        draft.chmod(0o755)  # until now, only its owner was let in
        replace_save(draft, path)
    except BaseException:  # an interrupt too must leave no draft behind
        shutil.rmtree(draft, ignore_errors=True)
        raise


def make_draft(path: Path, folder: Path) -> Path:
    """Makes a hidden, empty folder beside the place where the save will be.

    What processes that were killed have left there is removed.
    """
    drafts(folder, hidden_name(path))
    draft = new_draft(folder, hidden_name(path))
    draft.mkdir(mode=0o700)
    return draft


def replace_save(draft: Path, path: Path) -> None:
    """Renames `draft` to `path`; the save that was there waits under another name, then goes."""
    aside = new_draft(path.parent, hidden_name(path), ASIDE)
    if path.exists():
        path.rename(aside)
    try:
        draft.rename(path)
    except BaseException:
        if aside.exists():
            aside.rename(path)
        raise
    _discard(path, [aside])
    with contextlib.suppress(OSError):  # not every file system can sync a folder
        sync(path.parent)


def recover(path: Path, file: str) -> None:
    """Brings back the folder that a killed process put aside; call it before one is written.

    Args:
        path: The place.
        file: The file that every such folder holds.
    """
    dead = [aside for aside in asides(path, file) if left_by_the_dead(aside, hidden_name(path))]
    if dead and not path.exists():
        dead.pop().rename(path)
    _discard(path, dead)


def sync(file: Path) -> None:
    """Waits until a file or folder has reached the disk."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _discard(path: Path, found: list[Path]) -> None:
    """Removes saves that were put aside; a kill in the midst leaves a draft, which is swept."""
    for aside in found:
        with contextlib.suppress(OSError):
            draft = aside.rename(new_draft(path.parent, hidden_name(path)))
            shutil.rmtree(draft, ignore_errors=True)
