"""Lists the rows of a Parquet table, and what a manifest says of files so that none is opened."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transferlearn.data.kind import Kind
from transferlearn.data.listed import KnownFile, Listed
from transferlearn.data.sources.tables import list_columns
from transferlearn.data.targets.base import Target
from transferlearn.extras import require

PATH = "path"
# The columns of a manifest beside the path and the columns of the table that it was made of.
KNOWN = ("size", "mtime", "hash", "likeness", "height", "width", "error")


def list_parquet(path: Path, kind: Kind, target: Target) -> Listed:
    """Lists the rows of a `.parquet` file; see `list_csv`.

    Raises:
        ImportError: pyarrow is not installed.
        ValueError: The file is no such table, or does not tell which column holds the items.
    """
    columns = read_columns(path)
    known = _known(columns)
    places = [f"row {row}" for row in range(len(next(iter(columns.values()), ())))]
    if not places:
        raise ValueError(f"{path} has no rows.")
    listed = list_columns(columns, str(path), path.parent, kind, target, places)
    if known is not None and len(known) != len(listed):
        raise ValueError(f"{path} is a manifest, which has one row for each {kind.noun}.")
    return replace(listed, known=known)


def read_columns(path: Path) -> dict[str, list[Any]]:
    """Reads all columns of a Parquet file."""
    require("A .parquet file", "parquet", "pyarrow")
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path} is no Parquet file: {error}") from error
    return {name: table.column(name).to_pylist() for name in table.column_names}


def write_columns(path: Path, columns: dict[str, Sequence[object]]) -> None:
    """Writes a Parquet file; it takes the place of another one when it is whole."""
    require("A manifest", "parquet", "pyarrow")
    import pyarrow
    from pyarrow import parquet

    from transferlearn.atomic_files import written_whole

    types = {"likeness": pyarrow.uint64()}
    table = {name: pyarrow.array(cells, types.get(name)) for name, cells in columns.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as draft:
        parquet.write_table(pyarrow.table(table), draft)


def known_file(path: str, known: KnownFile | None) -> KnownFile | None:
    """Returns what a manifest says of a file, or `None` where the file has changed since.

    A file that is gone counts as unchanged, since stored features can stand for it.
    """
    if known is None:
        return None
    try:
        found = os.stat(path)  # noqa: PTH116 - a `Path` for each of ten million takes longer
    except OSError:
        return known
    return known if (found.st_size, found.st_mtime_ns) == (known.size, known.mtime) else None


def _known(columns: dict[str, list[Any]]) -> list[KnownFile] | None:
    """Takes the columns of a manifest out of a table; `None` where it is another table."""
    if not {PATH, *KNOWN} <= set(columns):
        return None
    return [KnownFile(*row) for row in zip(*(columns.pop(name) for name in KNOWN), strict=True)]
