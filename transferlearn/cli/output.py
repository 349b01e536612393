"""Decides what commands write to standard error while they run."""

import sys

from transferlearn.tables import visible

_SPREADSHEET = ("=", "+", "-", "@")  # begin a formula


def say(line: str) -> None:
    """Writes a line to standard error, such as one of progress or a warning."""
    print(visible(line), file=sys.stderr, flush=True)


def as_cell(text: str) -> str:
    """Writes a name or a number so that it is one cell of a spreadsheet, and no formula there."""
    # A quotation mark before it is how spreadsheets mark a text; they do not show it.
    begins = len(text) > 1 and text.startswith(_SPREADSHEET) and not _is_number(text)
    return ("'" if begins else "") + visible(text)


def _is_number(text: str) -> bool:
    """Returns whether a text is a number, such as -1.5."""
    try:
        float(text)
    except ValueError:
        return False
    return True
