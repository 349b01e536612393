"""Runs a server until it is told to end."""

import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence

from transferlearn.extras import install_line
from transferlearn.serving.app import Guarded, app
from transferlearn.serving.connections import KEEP_ALIVE, limited_protocol
from transferlearn.serving.guard import JsonLines
from transferlearn.serving.models import Served
from transferlearn.serving.opening import Given
from transferlearn.serving.settings import Settings


def serve(
    models: Given | Sequence[Given] | Mapping[str, Given],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    settings: Settings | None = None,
    threads: int | None = None,
    trusted: bool = False,
) -> None:
    """Serves models until SIGTERM or Ctrl-C; then requests that began are answered.

    `SIGHUP` looks for new versions at once.

    Args:
        models: What `tl.export` wrote, best; or a save or a `FittedModel`, which Keras runs with
            five to ten times as much work. Several, and versions: see `app`.
        host: The address to listen at; `"0.0.0.0"` for all that reach this machine.
        port: The port.
        settings: The limits.
        threads: The number of threads that a model computes with.
        trusted: Whether the code in a save or a SavedModel may run.

    Raises:
        OSError: A folder is no export and no save, the log cannot be written, or the port is taken.
        ValueError: There is no such port, or the file of the log holds something else.
        ImportError: uvicorn is not installed (`pip install -e ".[serve]"`).

    Example:
        tl.serve("flowers-onnx", port=8000)
    """
    try:
        import uvicorn
    except ImportError as error:
        raise ImportError(f"A server needs more: {install_line('serve')}") from error
    # Before models are opened, which may take long; clients are refused until they are there.
    place = bound(host, os.environ.get("AIP_HTTP_PORT", port))
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("transferlearn.serving")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    made: Guarded = app(models, settings=settings, threads=threads, trusted=trusted)
    if hasattr(signal, "SIGHUP"):
        # A handler may interrupt a reload, and must not wait for its end.
        signal.signal(signal.SIGHUP, lambda *_: made.api.state.server.look())
    config = uvicorn.Config(
        made,
        http=limited_protocol(settings or Settings()),
        ws="none",
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=30,
        server_header=False,
    )
    print(told(place, made.api.state.server.newest()), file=sys.stderr, flush=True)
    uvicorn.Server(config).run(sockets=[place])


def told(place: socket.socket, models: Sequence[Served]) -> str:
    """Says in a line which models are served, and where."""
    host, port = place.getsockname()[:2]
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    names = ", ".join(f"{served.name} {served.version}" for served in models)
    return f"Serving {names} at http://{at}, Ctrl-C ends it."


def bound(host: str, port: int | str) -> socket.socket:
    """Takes a port for a server, which does not listen there yet.

    Raises:
        ValueError: There is no such port.
        OSError: The port is taken, or this machine has no such address.
    """
    if not str(port).isdecimal() or int(port) > 65535:
        raise ValueError(f"A port is a whole number up to 65535. Received: {port!r:.40}")
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, int(port)))
    except OSError as error:
        made.close()
        raise OSError(
            f"The server cannot listen at port {port} of {host}: {error.strerror}. Another one: "
            "--port 8001, or port=8001"
        ) from error
    return made
