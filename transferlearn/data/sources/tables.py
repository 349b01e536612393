"""Lists the items, or their paths, and the other columns of CSV files and DataFrames."""

import contextlib
import csv
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from transferlearn.data.kind import Kind
from transferlearn.data.listed import ByColumn, Listed, path_in, sample_weights
from transferlearn.data.sources.coco import folder_of
from transferlearn.data.targets.base import Target
from transferlearn.headers import delimiter_of

_PATHS = ("path", "file", "filename", "image")
_WEIGHT = "sample_weight"
_MOST_CELL = 2**31 - 1  # characters of a cell with a text; Python's own limit is 131,072
_QUOTES = (
    "a cell begins with a quotation mark that is not closed where the cell ends. Write such a cell "
    'as CSV does: """No"", he said".'
)
# A quotation mark that is not closed swallows the end of its line, and the cells after it.
_SWALLOWED = re.compile(r"\n[^\n]*\t").search


def list_csv(path: Path, kind: Kind, target: Target) -> Listed:
    """Lists the rows of a `.csv` file, with commas or semicolons, or of a `.tsv` file.

    Args:
        path: The path of the file, which is in UTF-8 and has a header.
        kind: The kind of data that the items are.
        target: What is to be learnt of the items; it names the columns that may hold it.

    Raises:
        ValueError: The file is no such table, or does not tell which column holds the items.
    """
    try:
        with (
            _cells_up_to(_MOST_CELL if kind.in_cells else None),
            # Excel begins a file in UTF-8 with a mark, which is no part of the first name.
            path.open(encoding="utf-8-sig", newline="") as file,
        ):
            first = file.readline()
            file.seek(0)
            delimiter = delimiter_of(path, first)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            lines, rows = _numbered(reader, path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} cannot be read as a table. Save it as CSV in UTF-8. Received: {error}"
        ) from error
    if len(rows) < 2 or len(rows[0]) < _least(target):
        raise ValueError(
            f"{path} is no table of {kind.noun}s: expected a header line such as "
            f"{_head(kind, target, delimiter)}, then one line for each {kind.noun}."
        )
    header, *cells = rows
    if any(_names_file(name, kind) for name in header) or _is_data(header, cells):
        raise ValueError(
            f"{path} has no header. Write {_head(kind, target, delimiter)} as first line."
        )
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            raise ValueError(f"{path}: line {line} has {len(row)} cells, the header {len(header)}.")
        if delimiter == "\t" and any(map(_SWALLOWED, row)):
            raise ValueError(f"{path}: up to line {line}, {_QUOTES}")
    _refuse_twice([name.strip() for name in header], str(path))
    columns = {name.strip(): [row[i].strip() for row in cells] for i, name in enumerate(header)}
    places = [f"line {line}" for line in lines[1:]]
    return list_columns(columns, str(path), path.parent, kind, target, places)


def _least(target: Target) -> int:
    """Returns how many columns a table has at least."""
    return 1 if target.alone else 2


def _head(kind: Kind, target: Target, between: str) -> str:
    """Writes the names that the columns of a table should have."""
    return between.join([kind.columns[0], *target.columns[:1]])


def _numbered(reader: Any, path: Path) -> tuple[list[int], list[list[str]]]:
    """Reads all rows, and gives the numbers of the lines on which they end, and the rows."""
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
    """Returns whether a cell ends as the name of a file of this kind does."""
    return Path(str(cell)[-99:]).suffix.lower() in kind.endings


def _is_data(first: list[str], others: list[list[str]]) -> bool:
    """Returns whether the first line is no header, as its label is the label of other rows too."""
    return len(first) == 2 and first[1] in [row[-1] for row in others]


@contextlib.contextmanager
def _cells_up_to(characters: int | None) -> Iterator[None]:
    """Lets the CSV reader take cells of so many characters; `None`: as many as before."""
    before = csv.field_size_limit()
    csv.field_size_limit(characters or before)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def list_frame(frame: Any, kind: Kind, target: Target) -> Listed:
    """Lists the rows of a DataFrame (pandas, or one that works alike); see `list_csv`."""
    _refuse_twice(list(map(str, frame.columns)), "The table")
    columns = {str(name): list(frame[name]) for name in frame.columns}
    if len(columns) < _least(target) or not len(frame):
        raise ValueError(
            f"The table must have the columns {_head(kind, target, ' and ')}, and a row for each "
            f"{kind.noun}. Received: columns {list(columns)}, {len(frame)} rows"
        )
    places = [f"row {row}" for row in range(len(frame))]
    return list_columns(columns, "The table", Path(), kind, target, places)


def list_columns(
    columns: Mapping[str, list[Any]],
    what: str,
    folder: Path,
    kind: Kind,
    target: Target,
    places: Sequence[str],
) -> Listed:
    """Lists the items in the columns of a table, with their weights and the other columns."""
    of_items = _item_column(columns, kind, target)
    if of_items is None:
        fix = "other columns: call one" if target.alone else "labels: call their columns"
        raise ValueError(
            f"{what} does not tell {kind.columns[0]}s from {fix} "
            f"{_head(kind, target, ' and ')}. Received: columns {list(columns)}"
        )
    if kind.in_cells and of_items.lower() in _PATHS:
        raise ValueError(
            f"{what} lists files in its column {of_items}, and {kind.noun}s are expected in the "
            f"cells. Call a column of {kind.noun}s {kind.columns[0]}."
        )
    items, weights = columns[of_items], _column(columns, (_WEIGHT,))
    in_files = not kind.in_cells and any(isinstance(item, (str, Path)) for item in items)
    further = {name: _column(columns, (name,)) for name in kind.columns_of_items}
    cells = {name: columns[column] for name, column in further.items() if column is not None}
    used = {of_items, weights, *further.values()}
    others = {name: cells for name, cells in columns.items() if name not in used}
    if in_files:
        items = [path_in(item, folder) for item in items]
        _check_somewhere(items, columns[of_items], folder, of_items, what)
    items = kind.with_columns(items, cells)
    named = None
    if kind.in_cells:
        named = [f"{what}, {place}" for place in places]
    elif cells and in_files:  # a part of a recording is found again by its line
        named = [f"{item} ({place})" for item, place in zip(items, places, strict=True)]
    listed = Listed(
        items=items,
        origin=ByColumn(others, folder),
        noun=kind.noun,
        in_files=in_files,
        sample_weight=None if weights is None else sample_weights(columns[weights], len(items)),
        what=what,
        named=named,
    )
    return _by_item(listed, others, folder, places) if target.several_rows else listed


def _check_somewhere(
    paths: Sequence[str], names: Sequence[object], folder: Path, column: str, what: str
) -> None:
    """Refuses paths of which none is there, if all that lacks is the name of their folder."""
    if not paths or any(Path(path).exists() for path in paths):
        return
    relative = [str(name) for name in names if not Path(str(name)).is_absolute()]
    if not relative:
        return
    place = folder_of(relative, folder)
    if (place / relative[0]).exists():
        raise ValueError(
            f"{what}: paths begin at its folder, {folder}, and {relative[0]} is in {place}. Pass a "
            f"frame: table = pandas.read_csv({what!r}), table[{column!r}] = {f'{place}/'!r} + "
            f"table[{column!r}]."
        )


def _by_item(
    listed: Listed, columns: Mapping[str, list[Any]], folder: Path, places: Sequence[str]
) -> Listed:
    """Puts the rows of each item together; its weight is that of its first row."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, item in enumerate(listed.items):
        rows[str(item)].append(row)
    several = list(rows.values())
    grouped = {name: [[cells[i] for i in of] for of in several] for name, cells in columns.items()}
    origin = ByColumn(grouped, folder, [[places[i] for i in of] for of in several])
    return replace(listed.take(np.array([of[0] for of in several])), origin=origin)


def _item_column(columns: Mapping[str, list[Any]], kind: Kind, target: Target) -> str | None:
    """Finds the column of items by its name; else, of two columns, the one without targets."""
    named = _column(columns, kind.columns)
    if named is not None or len(columns) > (1 if target.alone else 2):
        return named
    if len(columns) == 1:
        return next(iter(columns))
    first, second = sorted(columns, key=lambda name: not _names_file(columns[name][0], kind))
    return second if first == _column(columns, target.columns) else first


def _refuse_twice(names: list[str], what: str) -> None:
    """Refuses two columns of one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} has two columns of one name: {twice}. Rename one.")


def _column(columns: Mapping[str, list[Any]], names: Sequence[str]) -> str | None:
    """Finds the column that has the first of these names that any has; case does not matter."""
    by_name = {name.lower(): name for name in columns}
    return next((by_name[name.lower()] for name in names if name.lower() in by_name), None)
