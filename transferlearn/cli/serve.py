"""Runs `transferlearn serve`, which answers requests over HTTP with exported models."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from transferlearn.cli.command import Outcome

NAME = "serve"
_SAGEMAKER = Path("/opt/ml/model")
HELP = "Serve exported models over HTTP, with a page to try them on."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `serve`."""
    parser.set_defaults(keras=False)
    add = parser.add_argument
    add(
        "models",
        nargs="*",
        type=Path,
        help="what 'export' wrote, or folders of versions of that; by default what SageMaker puts "
        f"into {_SAGEMAKER}",
    )
    add("--host", help="the address to listen at, by default 127.0.0.1; 0.0.0.0 for all")
    add("--port", type=int, help="the port, by default 8000")
    add("--threads", type=int, help="threads that a model computes with; by default all cores")
    add("--workers", type=int, default=2, help="requests that are computed at the same time")
    add("--waiting", type=int, default=32, help="requests that may wait; others get a 503")
    add("--timeout", type=float, default=30.0, help="seconds that a request may take")
    add("--log", type=Path, metavar="FILE", help="an SQLite file to write predictions to")
    add(
        "--api-key",
        metavar="KEY",
        default=os.environ.get("TRANSFERLEARN_API_KEY"),
        help="the key that requests must bring; better set TRANSFERLEARN_API_KEY, since others "
        "on this machine see what is typed",
    )


def run(options: Namespace) -> Outcome:
    """Serves until the process is told to end."""
    from transferlearn.serving import Settings, serve

    settings = Settings(
        api_key=options.api_key or None,
        workers=options.workers,
        waiting=options.waiting,
        timeout=options.timeout,
        log=options.log,
    )
    # SageMaker starts `serve` without arguments, and asks at 8080.
    host, port = ("127.0.0.1", 8000) if options.models else ("0.0.0.0", 8080)
    serve(
        options.models or [_SAGEMAKER],
        host=options.host or host,
        port=options.port or port,
        settings=settings,
        threads=options.threads,
    )
    return Outcome({"ended": True}, "The server has ended.")
