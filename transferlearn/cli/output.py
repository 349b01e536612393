"""Decides what commands write to standard error while they run."""

import sys
import unicodedata

# Marks that turn the direction of what follows, so that "gpj.exe" can look like "exe.jpg".
_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_SPREADSHEET = ("=", "+", "-", "@")  # begin a formula


def say(line: str) -> None:
    """Writes a line to standard error, such as one of progress or a warning."""
    print(visible(line), file=sys.stderr, flush=True)


def visible(text: str) -> str:
    r"""Writes characters that steer a terminal as Python does, such as `\n` and `\x1b`.

    The name of a file can hold any character but a slash: with a line break in it, it would forge a
    line of the result.
    """
    return "".join(c.encode("unicode_escape").decode() if _steers(c) else c for c in text)


def as_cell(text: str) -> str:
    """Writes a name or a number so that it is one cell of a spreadsheet, and no formula there."""
    # A quotation mark before it is how spreadsheets mark a text; they do not show it.
    begins = len(text) > 1 and text.startswith(_SPREADSHEET) and not _is_number(text)
    return ("'" if begins else "") + visible(text)


def _is_number(text: str) -> bool:
    """Says whether a text is a number, such as -1.5."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _steers(character: str) -> bool:
    """Says whether a character is no letter but an order to whatever shows it."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in _TURNS


def verbosity() -> int:
    """Gives Keras's `verbose`: 1, progress bars, in a terminal; else 2, a line for each epoch."""
    return 1 if sys.stderr.isatty() else 2
