"""Runs a server until it is told to end."""

import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from transferlearn.extras import install_line
from transferlearn.serving.app import Guarded, app
from transferlearn.serving.guard import JsonLines
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
        OSError: A folder is no export and no save, or the port is taken.
        ImportError: uvicorn is not installed (`pip install -e ".[serve]"`).

    Example:
        tl.serve("flowers-onnx", port=8000)
    """
    try:
        import uvicorn
    except ImportError as error:
        raise ImportError(f"A server needs more: {install_line('serve')}") from error
    made: Guarded = app(models, settings=settings, threads=threads, trusted=trusted)
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
