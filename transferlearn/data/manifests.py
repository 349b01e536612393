"""Writes manifests: tables of image files with their hashes, so that no later run opens them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from transferlearn.data.images import Images
from transferlearn.data.images.checking import Check, check_files
from transferlearn.data.listed import ByColumn, ByFolder, ByRow, KnownFile, Listed
from transferlearn.data.loading import Reading, parts_of
from transferlearn.data.sources.listing import list_source
from transferlearn.data.sources.parquet import KNOWN, PATH, known_file, read_columns, write_columns
from transferlearn.types import Source


def write_manifest(
    file: Path,
    source: Source,
    reading: Reading,
    check: Callable[[Sequence[str]], list[Check]] = check_files,
    is_stored: Callable[[str], bool] = lambda content_hash: True,
) -> int:
    """Writes a manifest of the images of a source, and returns how many files were opened for it.

    Files that an earlier manifest of this name lists, and that have not changed since, are not
    opened.

    Args:
        file: The manifest, a `.parquet` file.
        source: A folder of class folders, a table of paths, or `(paths, labels)`.
        reading: How the source is read.
        check: Decodes and hashes files, and returns a check for each.
        is_stored: Whether the features of a hash are stored; files of others are opened, too.

    Raises:
        ValueError: The source holds no image files, or targets that a table does not hold.
    """
    if file.suffix.lower() != ".parquet":
        raise ValueError(f"A manifest is a .parquet file. Received: {str(file)!r}")
    if parts_of(source, reading)[1] is not None:
        raise ValueError(
            f"{source} holds data to train on and to validate on: make a manifest of each folder."
        )
    listed = list_source(source, reading.kind, reading.target)
    if not isinstance(reading.kind, Images) or not listed.in_files:
        raise ValueError(f"A manifest is of image files. Received: {listed.what} of {listed.noun}s")
    columns = _columns(listed)
    paths = [os.path.abspath(path) for path in listed.items]  # noqa: PTH100 - links stay
    before: dict[str, KnownFile] = dict(zip(paths, listed.known or (), strict=False))
    if not before and file.exists():
        read = read_columns(file)
        rows = zip(read[PATH], *(read[name] for name in KNOWN), strict=True)
        before = {path: KnownFile(*row) for path, *row in rows}
    known = {path: known_file(path, before.get(path)) for path in paths}
    unknown = [path for path, found in known.items() if not _is_done(found, is_stored)]
    stats = [_stat(path) for path in unknown]  # before they are read: a change meanwhile is seen
    for path, stat, found in zip(unknown, stats, check(unknown), strict=True):
        known[path] = found.known(*stat)
    described = map(list, zip(*(known[path] or () for path in paths), strict=True))
    write_columns(
        file, {PATH: paths, **dict(zip(KNOWN, map(list, described), strict=True)), **columns}
    )
    return len(unknown)


def _is_done(found: KnownFile | None, is_stored: Callable[[str], bool]) -> bool:
    """Whether a file is known, and is bad or has its features stored."""
    return found is not None and (bool(found.error) or is_stored(found.content_hash))


def _columns(listed: Listed) -> dict[str, Sequence[object]]:
    """Returns what the source says of each item, as columns of a table."""
    origin = listed.origin
    if isinstance(origin, ByFolder):
        found: dict[str, Sequence[object]] = {"label": origin.of_item}
    elif isinstance(origin, ByRow) and len(origin.rows) == len(listed):
        found = {"label": list(origin.rows)}
    elif isinstance(origin, ByColumn) and origin.places is None:
        found = dict(origin.columns)
    else:
        raise ValueError(
            f"{listed.what}: a manifest holds labels, numbers and tags of images, one row for each."
        )
    if taken := {PATH, *KNOWN} & set(found):
        raise ValueError(f"{listed.what}: a manifest needs the columns {sorted(taken)} itself.")
    if listed.sample_weight is not None:
        found["sample_weight"] = listed.sample_weight.tolist()
    return found


def _stat(path: str) -> tuple[int, int]:
    """Returns the size and the time of the last change; zeros where there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
