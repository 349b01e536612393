"""Runs the command that was typed, and gives its exit code.

Results go to standard output, progress and warnings to standard error. Exit codes: 0 the
command is done, 1 it could not be done, or not for all items, 2 it was not understood, 3 a monitor
gives an alarm, 4 a model that was trained anew is worse than the one before, 130 it was
interrupted, 143 it was asked to end by SIGTERM.
"""

import contextlib
import io
import json
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence

from transferlearn.cli.interrupts import Terminated
from transferlearn.cli.output import say
from transferlearn.cli.parser import make_parser
from transferlearn.cli.starting import import_keras


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command, prints its result, and gives the exit code."""
    options = make_parser().parse_args(arguments)
    try:
        if getattr(options, "keras", True):
            import_keras()
        with _warnings_as_lines(), contextlib.redirect_stdout(sys.stderr):
            found = options.run(options)
    except KeyboardInterrupt as interrupt:
        print("\nInterrupted.", file=sys.stderr)
        number = signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT
        return 128 + number  # as shells have it
    except (ValueError, TypeError, OSError, ImportError) as error:
        say(f"transferlearn: {_one_line(error)}")
        return 1
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be UTF-8
    try:
        print(as_json(found.data) if options.json else found.text, flush=True)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        return 0
    except OSError as error:
        print(f"transferlearn: the result could not be written: {error}", file=sys.stderr)
        return 1
    return found.code


def as_json(result: object) -> str:
    """Writes a result as JSON, with null for NaN and infinity."""
    as_null = json.loads(json.dumps(result), parse_constant=lambda _: None)  # JSON has no NaN
    return json.dumps(as_null, ensure_ascii=False)


def _one_line(error: BaseException) -> str:
    """Gives the message of an error in one line, or the name of its class."""
    return " ".join(str(error).split()) or type(error).__name__


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Writes each `UserWarning`, such as ours, as one line, and silences all other warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)  # others are for programmers
        warnings.showwarning = lambda message, *_, **__: say(f"warning: {_one_line(message)}")
        yield
