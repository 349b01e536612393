"""Shows work from a thread of its own, so that it is never silent for long, whatever it does."""

import abc
import contextlib
import shutil
import sys
import threading
from types import TracebackType
from typing import Any, Self, TextIO

from transferlearn.progress.work import Work, figures

_REDRAWN = 0.25  # seconds between two looks at the work, for a bar
_PATIENCE = 1.0  # seconds before a bar is shown
_EVERY = 10.0  # seconds between two lines of a log
_WIDTH = 24  # of the bar, in characters


class _Display(abc.ABC):
    """Calls `show` now and then while it is open."""

    _every = _EVERY

    def __init__(self, work: Work, stream: TextIO) -> None:
        self._work, self._stream = work, stream
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every):
            with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
                self.show()

    @abc.abstractmethod
    def show(self) -> None:
        """Shows the work as it is now."""


class Log(_Display):
    """Writes a line of a log every 10 seconds."""

    def show(self) -> None:
        """Writes a line that says what is done, and the last result that no line has said."""
        work, stage = self._work, self._work.stage
        said, work.latest = work.latest, ""
        results = "" if said or stage is None else figures(stage.logs)
        parts = [_head(work) or "preparing", _rest(work), results]
        line = ", ".join(filter(None, parts))
        print(f"{line}; {said}" if said else line, file=self._stream, flush=True)


class Bar(_Display):
    """Redraws one line of a terminal or a notebook, below all that is printed meanwhile."""

    _every = _REDRAWN

    def __init__(self, work: Work, stream: TextIO) -> None:
        super().__init__(work, stream)
        self._drawn = ""
        self._midline = False  # whether what was written last does not end its line
        self._lock = threading.RLock()
        self._redirected = contextlib.ExitStack()

    def __enter__(self) -> Self:
        # Else what is printed meanwhile would begin behind the bar.
        above = (_Above(self, stream) for stream in (sys.stdout, sys.stderr))
        self._redirected.enter_context(contextlib.redirect_stdout(next(above)))
        self._redirected.enter_context(contextlib.redirect_stderr(next(above)))
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, traceback)
        self.draw("")
        self._redirected.close()

    def show(self) -> None:
        """Draws what is done, or nothing while no stage runs."""
        work, stage = self._work, self._work.stage
        if stage is None or work.seconds() < _PATIENCE:
            self.draw("")
            return
        left, bar = work.seconds_left(), ""
        if left is not None:
            done = round(work.share(left) * _WIDTH)
            bar = self._blocks("━" * done + "─" * (_WIDTH - done), done)
        parts = [_head(work), bar, _rest(work), figures(stage.logs)]
        self.draw("  ".join(filter(None, parts)))

    def draw(self, line: str) -> None:
        """Draws the line over the one before."""
        # Lines that are as wide as the terminal would be broken, and stay.
        line = line[: shutil.get_terminal_size().columns - 1]
        with self._lock:
            if line != self._drawn and not self._midline:
                # Notebooks obey a carriage return, and know no other codes.
                self._stream.write(f"\r{line:<{len(self._drawn)}}" + ("" if line else "\r"))
                self._stream.flush()
                self._drawn = line

    def write_above(self, stream: TextIO, text: str) -> int:
        """Writes a text of somebody else in the place of the bar, which is drawn again later."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self.draw("")
            self._midline = not text.endswith("\n") if text else self._midline
        return stream.write(text)

    def _blocks(self, bar: str, done: int) -> str:
        """Writes the bar in letters that the terminal's encoding has."""
        try:
            bar.encode(self._stream.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return "#" * done + "." * (_WIDTH - done)
        return bar


class _Above:
    """Stands for a stream while there is a bar: what is written to it comes above the bar."""

    def __init__(self, bar: Bar, stream: TextIO) -> None:
        self._bar, self._stream = bar, stream

    def write(self, text: str) -> int:
        """Writes a text."""
        return self._bar.write_above(self._stream, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _head(work: Work) -> str:
    """Writes what is done."""
    stage = work.stage
    return ", ".join(filter(None, (work.part, stage.words_now() if stage else "")))


def _rest(work: Work) -> str:
    """Writes how much is done and how long the rest takes; how long it has taken, if unknown."""
    left = work.seconds_left()
    if left is None:
        return f"{_minutes(work.seconds())} so far"
    return f"{min(work.share(left), 0.99):.0%}, {_minutes(left)} left"


def _minutes(seconds: float) -> str:
    """Writes seconds as minutes and seconds, or as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
