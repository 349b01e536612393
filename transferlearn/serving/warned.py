"""Writes a warning that concerns all processes of a server once."""

import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path

_SILENT = 60.0  # seconds after a warning in which no process writes the same


def once(folder: Path) -> Callable[[logging.LogRecord], bool]:
    """Returns a filter of warnings that another process has just written, such as of a full disk.

    Args:
        folder: A folder that the processes share. A file in it notes when a warning was written.
    """

    def is_new(record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        said = f"{record.getMessage()} {vars(record).get('model')} {vars(record).get('error')}"
        place = folder / f"warned-{hashlib.sha256(said.encode()).hexdigest()[:16]}"
        try:
            place.open("x").close()
        except FileExistsError:
            is_old = time.time() - place.stat().st_mtime >= _SILENT
            if is_old:
                place.touch()
            return is_old
        except OSError:  # the folder is full, too: better twice than not at all
            return True
        return True

    return is_new
