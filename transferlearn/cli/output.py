"""What commands write to standard error while they run."""

import sys


def say(line: str) -> None:
    """Writes a line of progress."""
    print(line, file=sys.stderr, flush=True)


def verbosity() -> int:
    """Gives Keras's progress bar for a terminal, and a line an epoch for a log."""
    return 1 if sys.stderr.isatty() else 2
