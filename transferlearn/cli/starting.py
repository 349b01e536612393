"""Starts Keras, and turns SIGTERM into an interrupt."""

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from transferlearn.cli.messages import say


def import_keras() -> None:
    """Imports Keras and its backend quietly; afterwards standard error works again."""
    if "keras" not in sys.modules:
        say("Starting Keras, which takes some seconds.")
    with _quiet_start():
        import keras  # noqa: F401


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


class Terminated(KeyboardInterrupt):
    """Is raised where SIGTERM comes, such as from `kill` or a cluster that wants its machine."""


@contextlib.contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Raises `Terminated` in a `with` block where SIGTERM comes; a second one ends the process."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, before)
        raise Terminated

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
