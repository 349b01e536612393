"""Runs a server in several processes that share its port, and starts those anew that die.

uvicorn's `workers=` does not do: it starts processes that die anew without an end, answers SIGHUP
by starting all of them anew, and ends without an error where none can start.
"""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from transferlearn.serving.log_file import make
from transferlearn.serving.metrics import FOLDER, forget
from transferlearn.serving.process import GRACE, Plan, serve_for_parent

_MOST_DEATHS = 5  # in a row, of processes that were ready for less than `_LONG` seconds
_LONG = 10.0
_LONGEST_PAUSE = 60.0  # seconds before a process is started anew
_log = logging.getLogger("transferlearn.serving")


def serve_in_processes(
    place: socket.socket, plan: Plan, count: int, begins: Callable[[list[str]], object]
) -> None:
    """Serves until SIGTERM or Ctrl-C; a SIGHUP goes to all processes.

    Only the first process watches drift, and the one that takes its place.

    Args:
        place: The port.
        plan: What each process does.
        count: The number of processes.
        begins: Is called with the names of the models once all processes are ready.

    Raises:
        OSError: A process cannot start, or all die again and again.
        ValueError: As above.
        ImportError: As above.
        KeyboardInterrupt: Ctrl-C was pressed; the processes have ended.
    """
    if plan.settings.log is not None:
        make(plan.settings.log)  # once, before all of them would
    stream = "stderr" if sys.stdout is sys.stderr else "stdout"
    threads = str(plan.threads)
    with (
        tempfile.TemporaryDirectory(prefix="transferlearn-metrics-") as folder,
        _environment({FOLDER: folder, "TF_NUM_INTRAOP_THREADS": threads}),  # of Keras, for saves
    ):
        _Supervisor(partial(_start, place, plan, stream), count, begins).run()


class _Asked:
    """Notes the signals that come during a block, and wakes who waits for `waker`."""

    def __init__(self) -> None:
        self.ends: int | None = None
        self.reload = False
        self.waker, self._alarm = socket.socketpair()
        self._alarm.setblocking(False)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Notes signals in a block."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._note) for number in numbers}
        alarm = signal.set_wakeup_fd(self._alarm.fileno())
        try:
            yield
        finally:
            signal.set_wakeup_fd(alarm)
            for number, handler in before.items():
                signal.signal(number, handler)
            self.waker.close()
            self._alarm.close()

    def _note(self, number: int, _: object) -> None:
        if number == signal.SIGHUP:
            self.reload = True
        else:
            self.ends = number


@dataclass
class _Child:
    """Holds a process, and what is known of it.

    Attributes:
        process: The process.
        said: What it says: the names of its models when it is ready, or why it cannot be.
        ready: When it was ready; `None`: not yet.
        stale: Whether new versions may have come while it started.
    """

    process: BaseProcess
    said: Connection
    ready: float | None = None
    stale: bool = False

    def reload(self) -> None:
        """Has it look for new versions, at once or when it is ready."""
        self.stale = self.ready is None
        if not self.stale and self.process.is_alive():
            assert self.process.pid is not None
            os.kill(self.process.pid, signal.SIGHUP)


class _Supervisor:
    """Starts processes, starts those anew that die, and hands on signals.

    Args:
        start: Starts the process of a number.
        count: How many there are.
        begins: Is called with the names of the models once all processes are ready.
    """

    def __init__(
        self, start: Callable[[int], _Child], count: int, begins: Callable[[list[str]], object]
    ) -> None:
        self._start = start
        self._count = count
        self._begins: Callable[[list[str]], object] | None = begins
        self._children: dict[int, _Child] = {}
        self._anew: dict[int, float] = {}  # when those that died are started
        self._deaths = [0] * count  # of each in a row

    def run(self) -> None:
        """Runs until a signal to end, or until processes cannot be kept alive."""
        asked = _Asked()
        with asked.noted():
            try:
                for number in range(self._count):
                    self._children[number] = self._start(number)
                while asked.ends is None:
                    self._wait(asked.waker)
                    self._look()
                    self._start_anew()
                    if asked.reload:
                        asked.reload = False
                        for child in self._children.values():
                            child.reload()
            finally:
                self._end()
        if asked.ends == signal.SIGINT:
            raise KeyboardInterrupt

    def _wait(self, waker: socket.socket) -> None:
        """Waits for a signal, for what a process says, for its death, or to start one anew."""
        children = self._children.values()
        starting = [child.said for child in children if child.ready is None]
        until = max(0.0, min(self._anew.values()) - time.monotonic()) if self._anew else None
        found = wait([waker, *starting, *(child.process.sentinel for child in children)], until)
        if waker in found:
            waker.recv(4096)

    def _look(self) -> None:
        """Takes what processes say, and lets go of those that died."""
        for number, child in list(self._children.items()):
            problem = self._hear(child)
            if child.process.is_alive() and problem is None:
                continue
            child.process.join()
            del self._children[number]
            assert child.process.pid is not None
            forget(child.process.pid)
            lived = child.ready is not None and time.monotonic() - child.ready >= _LONG
            self._deaths[number] *= not lived
            problem = problem or OSError(_ended(child))
            self._count_death(number, problem)
            _log.warning("process died", extra={"pid": child.process.pid, "error": str(problem)})

    def _start_anew(self) -> None:
        """Starts those whose time has come."""
        for number, due in list(self._anew.items()):
            if due > time.monotonic():
                continue
            del self._anew[number]
            try:
                self._children[number] = self._start(number)
            except OSError as error:  # too little memory, or too many files
                self._count_death(number, error)
                _log.warning("process not started", extra={"error": str(error)})

    def _hear(self, child: _Child) -> Exception | None:
        """Takes what a process says when it is ready, or returns why it cannot be."""
        if child.ready is not None or not child.said.poll():
            return None
        try:
            said = child.said.recv()
        except EOFError:  # it died, and said nothing
            return None
        if isinstance(said, Exception):
            return said
        child.ready = time.monotonic()
        if child.stale:
            child.reload()
        if self._begins and all(one.ready is not None for one in self._children.values()):
            self._begins(said)
            self._begins = None
        return None

    def _count_death(self, number: int, problem: Exception) -> None:
        """Has a process take the place of one that died, later after each death in a row.

        Raises:
            Exception: The problem, where not all were ready yet, or all die again and again.
        """
        self._deaths[number] += 1
        answering = any(child.ready is not None for child in self._children.values())
        if self._begins or (not answering and min(self._deaths) > _MOST_DEATHS):
            raise problem
        self._anew[number] = time.monotonic() + _pause(self._deaths[number])

    def _end(self) -> None:
        """Ends all processes; those that take too long are killed."""
        for child in self._children.values():
            child.process.terminate()
        until = time.monotonic() + GRACE + _LONG
        for child in self._children.values():
            child.process.join(max(0.0, until - time.monotonic()))
            child.process.kill()
            child.process.join()


def _start(place: socket.socket, plan: Plan, stream: str, number: int) -> _Child:
    """Starts a process; the first one watches drift."""
    settings = replace(plan.settings, watch_drift=plan.settings.watch_drift and number == 0)
    spawning = multiprocessing.get_context("spawn")  # threads and TensorFlow do not outlive a fork
    said, say = spawning.Pipe(duplex=False)
    process = spawning.Process(
        target=serve_for_parent, args=(place, replace(plan, settings=settings), stream, say)
    )
    process.start()
    say.close()  # so that its end is seen here
    return _Child(process, said)


def _pause(deaths: int) -> float:
    """Returns the seconds before a process is started anew, after so many deaths in a row."""
    return 0.0 if deaths == 1 else min(_LONGEST_PAUSE, 2.0 ** min(deaths - 2, 9))


def _ended(child: _Child) -> str:
    """Describes how a process ended."""
    code = child.process.exitcode or 0
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    if child.ready is not None:
        return f"A process of the server ended by {how}."
    hint = (
        "" if code < 0 else ' A script calls tl.serve below this line: if __name__ == "__main__":'
    )
    return f"A process of the server ended by {how} before it was ready.{hint}"


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables in a block, for processes that are started there."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
