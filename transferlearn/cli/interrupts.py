"""Turns the signal that asks a process to end into an interrupt, so that work is saved."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


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
