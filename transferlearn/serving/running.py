"""Runs a server until it is told to end."""

import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from transferlearn.checks import whole
from transferlearn.extras import install_line
from transferlearn.serving.app import app
from transferlearn.serving.opening import Given, named
from transferlearn.serving.process import Plan, run, write_lines
from transferlearn.serving.processes import serve_in_processes
from transferlearn.serving.settings import Settings

_A_CORE = 16  # so many processes at most


def serve(
    models: Given | Sequence[Given] | Mapping[str, Given],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    settings: Settings | None = None,
    threads: int | None = None,
    trusted: bool = False,
    processes: int = 1,
) -> None:
    """Serves models until SIGTERM or Ctrl-C; then requests that began are answered.

    `SIGHUP` looks for new versions at once.

    Args:
        models: What `tl.export` wrote, best; or a save or a `FittedModel`, which Keras runs with
            five to ten times as much work. Several, and versions: see `app`.
        host: The address to listen at; `"0.0.0.0"` for all that reach this machine.
        port: The port.
        settings: The limits.
        threads: The number of threads that a model computes with; `None`: one for each core, which
            several processes share.
        trusted: Whether the code in a save or a SavedModel may run.
        processes: How many processes answer, each with models and limits of its own; models are
            folders then.

    Raises:
        OSError: A folder is no export and no save, the log cannot be written, or the port is taken.
        ValueError: There is no such port, the file of the log holds something else, or `processes`
            is no whole number from 1 on, or more than 16 a core.
        ImportError: uvicorn is not installed (`pip install -e ".[serve]"`).

    Example:
        tl.serve("flowers-onnx", port=8000)
    """
    try:
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ImportError(f"A server needs more: {install_line('serve')}") from error
    settings = settings or Settings()
    processes = whole("processes", processes, least=1)
    plan = _plan(models, settings, threads, trusted, processes) if processes > 1 else None
    # Before models are opened, which may take long; clients are refused until they are there.
    place = bound(host, os.environ.get("AIP_HTTP_PORT", port))

    def begins(served: list[str]) -> None:
        print(address_line(place, served), file=sys.stderr, flush=True)

    write_lines(sys.stdout)
    if plan is not None:
        serve_in_processes(place, plan, processes, begins)
        return
    run(
        place,
        lambda: app(models, settings=settings, threads=threads, trusted=trusted),
        settings,
        begins,
    )


def _plan(
    models: Given | Sequence[Given] | Mapping[str, Given],
    settings: Settings,
    threads: int | None,
    trusted: bool,
    processes: int,
) -> Plan:
    """Returns what each of several processes does; by default they share the cores.

    Raises:
        ValueError: A model is no folder, this system has no SIGHUP, or processes are far too many.
    """
    found = named(models)
    folders = {name: Path(one) for name, one in found.items() if isinstance(one, (str, Path))}
    if len(folders) < len(found):
        raise ValueError(
            "Several processes serve folders only. Save the model, as in fitted.save('flowers'), "
            "and serve 'flowers'."
        )
    if not hasattr(signal, "SIGHUP"):
        raise ValueError("Windows serves in one process only: processes=1")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if processes > (most := _A_CORE * (cores or 1)):
        raise ValueError(
            f"{processes} processes would only take memory: at most {most} share {cores} cores."
        )
    share = max(1, (cores or 1) // processes)
    return Plan(folders=folders, settings=settings, threads=threads or share, trusted=trusted)


def address_line(place: socket.socket, models: list[str]) -> str:
    """Describes in a line which models are served, and where."""
    host, port = place.getsockname()[:2]
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"Serving {', '.join(models)} at http://{at}, Ctrl-C ends it."


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
