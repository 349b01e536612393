"""Unpacks `.keras` files, after looking at what the archive says it holds."""

import shutil
import zipfile
from pathlib import Path

from transferlearn.untrusted.refusal import RefusalError

CONFIG = "config.json"
METADATA = "metadata.json"
WEIGHTS = "model.weights.h5"
_LARGEST_CONFIG = 16 * 2**20  # bytes; networks of a thousand layers need one, and Python 25 for one


def unpack(path: Path, folder: Path) -> None:
    """Unpacks the three files of a `.keras` file into a folder.

    Raises:
        RefusalError: The archive holds anything else, or says that it holds more than it does.
        ValueError: It is no archive, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive.infolist(), path.stat().st_size)
            for entry in archive.infolist():
                with archive.open(entry) as source, (folder / entry.filename).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, EOFError, RuntimeError) as error:  # of the last, if it is encrypted
        raise ValueError(f"{path} is no .keras file, or damaged: {error}.") from error


def _check(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Raises `RefusalError` unless these are Keras's entries, no larger than the file."""
    names = [entry.filename for entry in entries]
    expected = {CONFIG, METADATA, WEIGHTS}
    if strange := [name for name in names if name not in expected]:
        raise RefusalError(f"its archive holds {strange[0]!r}, which is no part of a .keras file")
    if sorted(names) != sorted(expected):
        raise RefusalError(f"its archive does not hold {', '.join(sorted(expected))} once each")
    for entry in entries:
        # Keras compresses nothing, so nothing needs to become larger than it is.
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise RefusalError(
                f"{entry.filename} is compressed, and would be unpacked to {entry.file_size:,} "
                "bytes; Keras compresses nothing"
            )
        if entry.filename != WEIGHTS and entry.file_size > _LARGEST_CONFIG:
            raise RefusalError(f"{entry.filename} has {entry.file_size:,} bytes")
    if sum(entry.file_size for entry in entries) > size:
        raise RefusalError("its archive says that it holds more bytes than it has")
