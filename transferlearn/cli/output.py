"""Writes to standard error while commands run."""

import sys


def say(line: str) -> None:
    """Writes a line of progress."""
    print(line, file=sys.stderr, flush=True)


def verbosity() -> int:
    """Gives Keras's `verbose`: a progress bar in a terminal, a line for each epoch in a log."""
    return 1 if sys.stderr.isatty() else 2
