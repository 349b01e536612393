"""Runs one process of a server, at a port of its own or one that several share."""

import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TextIO

from transferlearn.serving.app import Guarded, app
from transferlearn.serving.connections import KEEP_ALIVE, limited_protocol
from transferlearn.serving.guard import JsonLines
from transferlearn.serving.metrics import FOLDER
from transferlearn.serving.settings import Settings
from transferlearn.serving.warned import once

GRACE = 30  # seconds for requests that began, after the signal to end
_ERRORS = (ValueError, TypeError, OSError, ImportError)  # what a user can mend


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Holds what each process of a server does.

    Attributes:
        folders: The folders of the models, by name.
        settings: The limits.
        threads: The number of threads that a model computes with.
        trusted: Whether the code in a save or a SavedModel may run.
    """

    folders: Mapping[str, Path]
    settings: Settings
    threads: int
    trusted: bool


def run(
    place: socket.socket,
    make: Callable[[], Guarded],
    settings: Settings,
    begins: Callable[[list[str]], object],
) -> None:
    """Serves until SIGTERM or Ctrl-C; then requests that began are answered.

    Args:
        place: The port, which other processes may share.
        make: Opens the models and makes the application.
        settings: The limits.
        begins: Is called with the names and versions of the models before the first request.
    """
    import uvicorn

    with _handling() as handle:
        handle("SIGHUP", signal.SIG_IGN)  # new versions are looked for anyway
        # An exception would be taken for a failure by the libraries that are imported.
        handle("SIGTERM", lambda *_: os._exit(0))
        made = make()
        server = made.api.state.server
        # A handler may interrupt a reload, and must not wait for its end.
        handle("SIGHUP", lambda *_: server.look())
        config = uvicorn.Config(
            made,
            http=limited_protocol(settings),
            ws="none",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
            server_header=False,
        )
        running = uvicorn.Server(config)
        # uvicorn raises the signal again at its end, which would kill this process.
        handle("SIGTERM", running.handle_exit)
        place.listen(config.backlog)  # else the first clients would be refused
        begins([f"{served.name} {served.version}" for served in server.newest()])
        running.run(sockets=[place])


@contextmanager
def _handling() -> Iterator[Callable[[str, Any], None]]:
    """Yields what sets the handler of a signal for this block; only the main thread may do so."""
    before: dict[int, Any] = {}

    def handle(name: str, handler: Any) -> None:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and threading.current_thread() is threading.main_thread():
            before.setdefault(number, signal.getsignal(number))
            signal.signal(number, handler)

    try:
        yield handle
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_lines(stream: TextIO) -> None:
    """Writes what the server logs to a stream, a line of JSON for each record."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("transferlearn.serving")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)


def serve_for_parent(place: socket.socket, plan: Plan, stream: str, say: Connection) -> None:
    """Serves in this process, and says when it is ready, or why it cannot be."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    write_lines(getattr(sys, stream))
    for handler in logging.getLogger("transferlearn.serving").handlers:
        handler.addFilter(once(Path(os.environ[FOLDER])))

    def make() -> Guarded:
        return app(plan.folders, settings=plan.settings, threads=plan.threads, trusted=plan.trusted)

    try:
        run(place, make, plan.settings, say.send)
    except _ERRORS as error:
        kind = next(kind for kind in _ERRORS if isinstance(error, kind))
        say.send(kind(str(error)))  # a subclass might not be sent


def _end_with_parent() -> None:
    """Ends this process where the one that started it was killed, and removes its counters."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    shutil.rmtree(os.environ[FOLDER], ignore_errors=True)  # else nobody would
    os.kill(os.getpid(), signal.SIGTERM)
