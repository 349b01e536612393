"""Runs the command that was typed, and gives its exit code.

Results go to standard output, progress and warnings to standard error. Exit codes: 0 the
command is done, 1 it could not be done, 2 it was not understood, 3 a monitor gives an alarm, 4 a
model that was trained anew is worse than the one before, 130 it was interrupted, 143 it was asked
to end by SIGTERM.
"""

import contextlib
import io
import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from transferlearn.cli.interrupts import Terminated
from transferlearn.cli.output import say
from transferlearn.cli.parser import make_parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command, prints its result, and gives the exit code."""
    options = make_parser().parse_args(arguments)
    try:
        if getattr(options, "keras", True):
            with _quiet_start():  # afterwards standard error works again
                import keras  # noqa: F401
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


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Sends standard error to nowhere while TensorFlow is imported, since C++ writes to it.

    TensorFlow's logs below fatal (C++) and below error (Python) stay off afterwards.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    sys.stderr.flush()
    kept = os.dup(2)  # C++ writes to the descriptor, and not to `sys.stderr`
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
