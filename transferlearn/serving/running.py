"""Runs a server until it is told to end."""

import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from transferlearn.edge import Runner
from transferlearn.extras import install_line
from transferlearn.serving.app import Guarded, app
from transferlearn.serving.guard import JsonLines
from transferlearn.serving.settings import Settings


def serve(
    models: str | Path | Sequence[str | Path] | Mapping[str, str | Path | Runner],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    settings: Settings | None = None,
    threads: int | None = None,
) -> None:
    """Serves exported models until SIGTERM or Ctrl-C; then requests that began are answered.

    `SIGHUP` looks for new versions at once.

    Args:
        models: The folder of an export, or several, see `app`.
        host: The address to listen at; `"0.0.0.0"` for all that reach this machine.
        port: The port.
        settings: The limits.
        threads: The number of threads that a model computes with.

    Raises:
        OSError: A folder is no export, or the port is taken.
        ImportError: uvicorn is not installed (`pip install -e ".[serve]"`).

    Example:
        tl.serve("flowers-onnx", port=8000)
    """
    try:
        import uvicorn
    except ImportError as error:
        raise ImportError(f"A server needs more: {install_line('serve')}") from error
    made: Guarded = app(models, settings=settings, threads=threads)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("transferlearn.serving")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, lambda *_: made.api.state.server.models.reload())
    config = uvicorn.Config(
        made,
        host=host,
        port=int(os.environ.get("AIP_HTTP_PORT", port)),
        log_config=None,
        access_log=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=30,
        server_header=False,
    )
    uvicorn.Server(config).run()
