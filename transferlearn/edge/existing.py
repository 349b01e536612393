"""Describes which model a folder holds already, before another one is written there."""

import json
from datetime import datetime
from pathlib import Path

from transferlearn.edge.description import FILE
from transferlearn.json_fields import Json
from transferlearn.wording import counted

SAVE = "transferlearn.json"  # what a save holds, which can be read without Keras


def existing_model(folder: Path) -> str | None:
    """Returns words such as "the model of 01:45, 6 classes"; `None`: a folder holds no model.

    Args:
        folder: The place of a save or of an export.
    """
    file = next((folder / name for name in (SAVE, FILE) if (folder / name).is_file()), None)
    if file is None:
        return None
    try:
        described = json.loads(file.read_text("utf-8"))
        # An export says nothing of its time.
        written = described.get("saved") or datetime.fromtimestamp(file.stat().st_mtime)
        when = _time(datetime.fromisoformat(str(written)).astimezone())
        learnt = described.get("task") or described["output_reader"]
        return ", ".join([f"the model of {when}", *_learnt(learnt["settings"])])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return "a model that is damaged"


def refuse_other_folder(path: Path, file: str, what: str) -> None:
    """Refuses a path at which something stands that is not to be replaced by a model.

    Args:
        path: The place of the model.
        file: The file that every such folder holds.
        what: What such a folder is, with its article: `"a save"`.

    Raises:
        OSError: Something else is there.
    """
    if path.exists() and not (path / file).is_file():
        raise OSError(
            f"{path} exists and is not {what} (it holds no {file}). Nothing was written; choose "
            "another name."
        )


def _time(when: datetime) -> str:
    """Writes a time of today as `01:45`, and another with its day."""
    is_today = when.date() == datetime.now().astimezone().date()
    return when.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M")


def _learnt(settings: Json) -> list[str]:
    """Counts the classes, or the numbers, that a model was trained for."""
    nouns = (("class_names", "class"), ("names", "number"))
    return [counted(len(settings[name]), noun) for name, noun in nouns if settings.get(name)]
