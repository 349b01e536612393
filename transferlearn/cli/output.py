"""Decides what commands write to standard error while they run."""

import sys


def say(line: str) -> None:
    """Writes a line to standard error, such as one of progress or a warning."""
    print(line, file=sys.stderr, flush=True)


def verbosity() -> int:
    """Gives Keras's `verbose`: 1, progress bars, in a terminal; else 2, a line for each epoch."""
    return 1 if sys.stderr.isatty() else 2
