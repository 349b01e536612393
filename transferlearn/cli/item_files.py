"""Looks at the files of a source, to tell photos, texts, recordings and drawings apart."""

import os
import re
from pathlib import Path

from transferlearn.edge.folders import is_hidden
from transferlearn.edge.recordings import ENDINGS as RECORDINGS
from transferlearn.headers import header_of

_BEGINNING = 4096  # bytes of a table by which recordings are told from photos
_LOOKED_AT = 200  # files of a folder by which photos, texts and recordings are told apart
_TEXT_COLUMNS = {"text", "review", "sentence", "content"}
_PATH_COLUMNS = {"path", "file", "filename", "image"}
_DRAWN = {"annotations", "data.yaml", "labels"}  # beside images/, where YOLO and VOC have boxes


def is_drawn_on(path: Path) -> bool:
    """Returns whether a source is a COCO file, or photos with files of boxes or masks."""
    if not path.is_dir():
        return path.suffix.lower() == ".json"
    names = {entry.name.lower() for entry in path.iterdir()}
    drawn = names & _DRAWN or any(name.endswith(".json") for name in names)
    return bool(names & {"images", "jpegimages"} and drawn)


def items_in(source: Path, *, labels: bool = False) -> str:
    """Returns what a table or a folder holds: `"texts"`, `"recordings"` or `"photos"`.

    Args:
        source: The table or folder.
        labels: Whether `.txt` files are labels of photos, as YOLO writes them.
    """
    if source.suffix.lower() in (".csv", ".tsv") and source.is_file():
        columns = {name.lower() for name in header_of(source)}
        if columns & _TEXT_COLUMNS and not columns & _PATH_COLUMNS:
            return "texts"
        return "recordings" if _lists_recordings(source) else "photos"
    endings = {Path(name).suffix.lower() for name in _some_files(source)}
    if endings == {".txt"} and not labels:
        return "texts"
    return "recordings" if endings & set(RECORDINGS) else "photos"


def _lists_recordings(table: Path) -> bool:
    """Returns whether a file of recordings is named in the first lines of a table."""
    with table.open("rb") as file:
        lines = file.read(_BEGINNING).lower().decode("utf-8", "replace")
    return re.search(rf"({'|'.join(map(re.escape, RECORDINGS))})[\"',;\t\r\n#]", lines) is not None


def _some_files(folder: Path) -> list[str]:
    """Lists the first files in a folder and below, without hidden ones."""
    found: list[str] = []
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        found += [name for name in files if not is_hidden(name)]
        if len(found) >= _LOOKED_AT:
            break
    return found[:_LOOKED_AT]
