"""Reads the header of a table in a `.csv` or `.tsv` file."""

import csv
from pathlib import Path


def delimiter_of(path: Path, first: str) -> str:
    """Returns what stands between the cells of a table: a tab, a comma or a semicolon.

    Args:
        path: The path of the file.
        first: Its first line.
    """
    return "\t" if path.suffix.lower() == ".tsv" else max(",;", key=first.count)


def header_of(path: Path) -> list[str]:
    """Returns the names of a table's columns; empty where they cannot be read."""
    try:
        # Excel begins a file in UTF-8 with a mark, which is no part of the first name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
        (header,) = csv.reader([first], delimiter=delimiter_of(path, first))
    except (ValueError, csv.Error):
        return []
    return [name.strip() for name in header]
