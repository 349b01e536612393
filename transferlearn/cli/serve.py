"""Runs `transferlearn serve`, which answers requests over HTTP."""

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from transferlearn.cli.command import CommandResult
from transferlearn.cli.starting import import_keras
from transferlearn.cli.types import at_least_1, port
from transferlearn.extras import require

NAME = "serve"
_SAGEMAKER = Path("/opt/ml/model")
HELP = "Serve models over HTTP, with a page to try them on."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `serve`."""
    add = parser.add_argument
    add(
        "models",
        nargs="*",
        metavar="[NAME=]FOLDER",
        help="what 'export' wrote (fast) or 'train' saved, or a folder of versions of that, if "
        f"need be with a name for clients; by default what SageMaker puts into {_SAGEMAKER}",
    )
    add("--trusted", action="store_true", help="run the code in a save, if there is any")
    add(
        "--host",
        help="the address to listen at, by default 127.0.0.1; 0.0.0.0 for all, as on Vertex AI",
    )
    add(
        "--port",
        type=port,
        default=os.environ.get("PORT"),
        help="the port, by default that of the variable PORT, as on Cloud Run, or 8000",
    )
    add(
        "--threads",
        type=at_least_1,
        help="threads that a model computes with; by default all cores, which processes share",
    )
    add(
        "--processes",
        type=at_least_1,
        default=1,
        help="processes that answer, each with models, --workers and --waiting of its own; one "
        "that dies is started anew",
    )
    add("--workers", type=at_least_1, default=2, help="requests that are computed at the same time")
    add("--waiting", type=int, default=32, help="requests that may wait; others get a 503")
    add("--timeout", type=float, default=30.0, help="seconds that a request may take")
    add(
        "--most-tokens",
        type=at_least_1,
        default=4096,
        help="of language models: tokens that a prompt and what is written behind it may have",
    )
    add("--log", type=Path, metavar="FILE", help="an SQLite file to write predictions to")
    add("--log-megabytes", type=at_least_1, default=256, help="the size that file may have")
    add(
        "--keep-photos",
        action="store_true",
        help="keep photos and texts in that file as they were sent, too, in at most half of it",
    )
    add(
        "--api-key",
        metavar="KEY",
        default=os.environ.get("TRANSFERLEARN_API_KEY"),
        help="the key that requests must bring; better set TRANSFERLEARN_API_KEY, since others "
        "on this machine see what is typed",
    )


def run(options: Namespace) -> CommandResult:
    """Serves until the process is told to end."""
    require("A server", "serve", "fastapi", "prometheus_client", "uvicorn")
    from transferlearn.serving import Settings, serve
    from transferlearn.serving.opening import holds_save

    settings = Settings(
        api_key=options.api_key or None,
        workers=options.workers,
        waiting=options.waiting,
        timeout=options.timeout,
        most_tokens=options.most_tokens,
        log=options.log,
        log_bytes=options.log_megabytes * 10**6,
        keep_photos=options.keep_photos,
    )
    # SageMaker starts `serve` without arguments, and asks at 8080.
    host, port = ("127.0.0.1", 8000) if options.models else ("0.0.0.0", 8080)
    # So do Vertex AI and Cloud Run, from outside.
    if any(name.startswith(("AIP_", "K_SERVICE")) for name in os.environ):
        host = "0.0.0.0"
    models = _named(options.models) or {_SAGEMAKER.name: _SAGEMAKER}
    if any(map(holds_save, models.values())):
        if options.threads is not None:
            os.environ["TF_NUM_INTRAOP_THREADS"] = str(options.threads)  # read once, at its import
        if options.processes == 1:
            import_keras()
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # where processes import it themselves
    serve(
        models,
        host=options.host or host,
        port=options.port or port,
        settings=settings,
        threads=options.threads,
        trusted=options.trusted,
        processes=options.processes,
    )
    return CommandResult({"ended": True}, "The server has ended.")


def _named(typed: list[str]) -> dict[str, Path]:
    """Returns the folders by name: the one that was typed before `=`, or that of the folder.

    Raises:
        ValueError: Two have the same name.
    """
    found = {}
    for word in typed:
        name, equals, folder = word.partition("=")
        if not equals or Path(word).exists():
            name, folder = Path(word).resolve().name, word
        found[name] = Path(folder)
    if len(found) < len(typed):
        raise ValueError("Two models have the same name: name them, as in roses=FOLDER.")
    return found
