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
from argparse import Namespace
from collections.abc import Iterator, Sequence

from transferlearn.cli.messages import as_lines, say
from transferlearn.cli.own import import_own
from transferlearn.cli.parser import make_parser
from transferlearn.cli.starting import Terminated


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command, prints its result, and gives the exit code."""
    options = make_parser().parse_args(arguments)
    options.typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _warnings_as_lines(options), contextlib.redirect_stdout(sys.stderr):
            for module in getattr(options, "imports", None) or ():
                import_own(module)
            found = options.run(options)
    except KeyboardInterrupt as interrupt:
        print("\nInterrupted.", file=sys.stderr)
        number = signal.SIGTERM if isinstance(interrupt, Terminated) else signal.SIGINT
        return 128 + number  # as shells have it
    except (ValueError, TypeError, OSError, ImportError) as error:
        _say_lines("transferlearn", error, options)
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


def _say_lines(begin: str, message: object, options: Namespace) -> None:
    """Writes an error or a warning, with its line breaks."""
    first, *rest = as_lines(message, options)
    for line in (f"{begin}: {first}", *rest):
        say(line)


@contextlib.contextmanager
def _warnings_as_lines(options: Namespace) -> Iterator[None]:
    """Writes each `UserWarning`, such as ours, as lines, and silences all other warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)  # others are for programmers
        warnings.showwarning = lambda message, *_, **__: _say_lines("warning", message, options)
        yield
