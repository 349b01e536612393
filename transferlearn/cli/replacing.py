"""Refuses to write over another model or another file, before any work starts."""

import shlex
from argparse import Namespace, _ActionsContainer
from pathlib import Path

from transferlearn.edge.existing import SAVE, existing_model, refuse_other_folder
from transferlearn.hashing import hash_of_file

_OURS = (b"transferlearn", b"Matplotlib")  # stand in the first bytes of what commands write
_BEGINNING = 1000  # bytes
_SAVED = "saved.sha256"  # in the folder of a run: which model it left


def add_force(parser: _ActionsContainer) -> None:
    """Adds `--force`."""
    parser.add_argument(
        "--force", action="store_true", help="replace the model that is in the folder already"
    )


def refuse_other_model(path: Path, options: Namespace, file: str = SAVE) -> None:
    """Refuses a folder that holds a model already, unless `--force` was typed.

    Args:
        path: The folder.
        options: What was typed, with the words in `typed`.
        file: What a folder holds that may be replaced with `--force`.

    Raises:
        OSError: The folder holds a model, or something else.
    """
    refuse_other_folder(path, file, "a save" if file == SAVE else "an export")
    found = None if options.force else existing_model(path)
    if found is not None:
        raise FileExistsError(
            f"{path} holds {found}. Nothing was done. Choose another folder, or replace it:\n"
            f"  transferlearn {shlex.join(options.typed)} --force"
        )


def refuse_other_file(path: Path) -> None:
    """Refuses to replace a file, unless it looks like one that a command wrote before.

    Raises:
        OSError: Another file is there.
    """
    if path.is_file():
        with path.open("rb") as file:
            begun = file.read(_BEGINNING)
        if begun and not any(mark in begun for mark in _OURS):
            raise FileExistsError(
                f"{path} exists, and transferlearn did not write it. Nothing was done; choose "
                "another name."
            )


def is_of_run(path: Path, run: Path | None) -> bool:
    """Returns whether the model in a folder is what a run left there when it was stopped."""
    if run is None or not (path / SAVE).is_file() or not (run / _SAVED).is_file():
        return False
    return (run / _SAVED).read_text("utf-8") == hash_of_file(path / SAVE)


def note_of_run(path: Path, run: Path | None) -> None:
    """Writes down which model a run left, so that the same run may replace it."""
    if run is not None and run.is_dir():
        (run / _SAVED).write_text(hash_of_file(path / SAVE), "utf-8")
