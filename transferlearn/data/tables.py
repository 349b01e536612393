"""CSV files and DataFrames of items, or paths of items, and labels."""

import contextlib
import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .kinds import Kind
from .labels import class_labels, is_missing, sample_weights
from .listing import Listing
from .notices import listing
from .options import Options

_PATHS = ("path", "file", "filename", "image")
_LABELS = ("label", "class", "category", "sentiment")
_WEIGHTS = ("sample_weight",)
_LISTED = 10
_MOST_CELL = 2**31 - 1  # characters of a text; Python's own limit is 131,072
_QUOTES = (
    "a cell begins with a quotation mark that is not closed where the cell ends. Write such a cell "
    'as CSV does: """No"", he said".'
)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.0+)?").fullmatch
_SWALLOWED = re.compile(r"\n[^\n]*\t").search  # the end of a line, and cells after it


def list_csv(path: Path, options: Options, kind: Kind) -> Listing:
    """What a `.csv` file lists, with commas or semicolons, or a `.tsv` file."""
    try:
        with (
            _cells_up_to(_MOST_CELL if kind.in_cells else None),
            path.open(encoding="utf-8-sig", newline="") as file,
        ):
            first = file.readline()
            file.seek(0)
            delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;", key=first.count)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            lines, rows = _numbered(reader, path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} cannot be read as a table. Save it as CSV in UTF-8. Received: {error}"
        ) from error
    if len(rows) < 2 or len(rows[0]) < 2:
        raise ValueError(
            f"{path} is no table of {kind.noun}s: expected a header line such as "
            f"{kind.columns[0]}{delimiter}label, then one line for each {kind.noun}."
        )
    header, *cells = rows
    if any(_names_file(name, kind) for name in header) or _is_data(header, cells):
        raise ValueError(
            f"{path} has no header. Write {kind.columns[0]}{delimiter}label as first line."
        )
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            raise ValueError(f"{path}: line {line} has {len(row)} cells, the header {len(header)}.")
        if delimiter == "\t" and any(map(_SWALLOWED, row)):
            raise ValueError(f"{path}: up to line {line}, {_QUOTES}")
    _refuse_twice([name.strip() for name in header], str(path))
    columns = {name.strip(): [row[i].strip() for row in cells] for i, name in enumerate(header)}
    return _list_columns(columns, str(path), path.parent, options, kind)


def _numbered(reader: Any, path: Path) -> tuple[list[int], list[list[str]]]:
    """The rows, and the line on which each ends."""
    lines, rows = [], []
    try:
        for row in reader:
            if row:
                lines.append(reader.line_num)
                rows.append(row)
    except csv.Error as error:
        raise ValueError(f"{path}: up to line {reader.line_num}, {_QUOTES} ({error})") from error
    return lines, rows


def _names_file(cell: object, kind: Kind) -> bool:
    return Path(str(cell)[-99:]).suffix.lower() in kind.endings


def _is_data(header: list[str], rows: list[list[str]]) -> bool:
    """Whether the first line is like the others: its label is one of theirs."""
    return len(header) == 2 and header[1] in [row[-1] for row in rows]


@contextlib.contextmanager
def _cells_up_to(characters: int | None) -> Iterator[None]:
    before = csv.field_size_limit()
    csv.field_size_limit(characters or before)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def list_frame(frame: Any, options: Options, kind: Kind) -> Listing:
    """What a DataFrame (pandas, or one that works alike) lists."""
    _refuse_twice(list(map(str, frame.columns)), "The table")
    columns = {str(name): list(frame[name]) for name in frame.columns}
    if len(columns) < 2 or not len(frame):
        raise ValueError(
            f"The table must have a column {kind.columns[0]}, one of labels, and a row for each "
            f"{kind.noun}. Received: columns {list(columns)}, {len(frame)} rows"
        )
    return _list_columns(columns, "The table", Path(), options, kind)


def _list_columns(
    columns: dict[str, list[Any]], what: str, folder: Path, options: Options, kind: Kind
) -> Listing:
    of_items, of_labels = _column(columns, kind.columns), _column(columns, _LABELS)
    if len(columns) == 2:
        first, second = sorted(columns, key=lambda name: not _names_file(columns[name][0], kind))
        of_items = of_items or (first if of_labels != first else second)
        of_labels = of_labels or (second if of_items == first else first)
    if not (of_items and of_labels):
        raise ValueError(
            f"{what} does not tell {kind.columns[0]}s from labels: call their columns "
            f"{kind.columns[0]} and label. Received: columns {list(columns)}"
        )
    if kind.in_cells and of_items.lower() in _PATHS:
        raise ValueError(
            f"{what} lists files in its column {of_items}, and {kind.noun}s are expected in the "
            f"cells. Call a column of {kind.noun}s {kind.columns[0]}."
        )
    items, cells = columns[of_items], columns[of_labels]
    if not kind.in_cells:
        items = [_found(item, folder) for item in items]
    rows = zip(items, cells, strict=True)
    missing = [f"{item!s:.300}" for item, cell in rows if is_missing(cell)]
    if missing and not options.multi_label:
        raise ValueError(
            f"{what}: {len(missing)} rows have no label. Write it in, or take the row out."
            f"{listing(missing, _LISTED)}"
        )
    weights = _column(columns, _WEIGHTS)
    labels, class_names = _parse_labels(cells, options)
    return Listing(
        kind=kind,
        items=items,
        in_files=not kind.in_cells,
        labels=labels,
        class_names=class_names,
        sample_weight=sample_weights(columns[weights], len(items)) if weights else None,
        what=what,
    )


def _refuse_twice(names: list[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} has two columns of one name: {twice}. Rename one.")


def _column(columns: dict[str, list[Any]], names: Sequence[str]) -> str:
    by_name = {name.lower(): name for name in columns}
    return next((by_name[name] for name in names if name in by_name), "")


def _found(cell: object, folder: Path) -> str:
    path = Path(str(cell)).expanduser()
    beside = folder / path
    with contextlib.suppress(OSError):  # a text is too long for a name
        path = beside if beside.exists() else path
    return str(path)


def _parse_labels(cells: list[Any], options: Options) -> tuple[np.ndarray, tuple[str, ...]]:
    if not options.multi_label:
        return class_labels(_numbers(cells), options)
    return class_labels([_names(cell) for cell in cells], options)


def _names(cell: Any) -> list[str]:
    if isinstance(cell, (list, tuple, set, np.ndarray)):
        return [str(name) for name in cell]
    text = "" if is_missing(cell) else str(cell)
    return [part.strip() for part in text.split("|") if part.strip()]


def _numbers(cells: list[Any]) -> np.ndarray:
    """Numbers where all cells are, so that a CSV file gives the classes of its DataFrame.

    A name such as "007" is none.
    """
    texts = [cell for cell in cells if isinstance(cell, str)]
    if not all(map(_NUMBER, texts)):
        return np.array(cells, dtype=object)
    try:
        return np.array(cells, dtype=float)
    except (TypeError, ValueError):
        return np.array(cells, dtype=object)
