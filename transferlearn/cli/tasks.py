"""What of the command line says what is learnt."""

import shlex
from argparse import ArgumentParser, Namespace
from typing import Any


def add_task(parser: ArgumentParser) -> None:
    """Adds `--task` and `--target`."""
    parser.add_argument(
        "--task",
        choices=("classification", "regression"),
        default="classification",
        help="learn a class, or numbers, of each photo",
    )
    parser.add_argument(
        "--target",
        action="append",
        metavar="COLUMN",
        help="of the CSV file, to learn by regression; once for each number",
    )


def image_builder(options: Namespace, backbone: str, **settings: Any) -> Any:
    """Makes the builder for the task that was asked for."""
    from transferlearn import ImageClassifierBuilder, ImageRegressorBuilder

    if options.task == "regression":
        return ImageRegressorBuilder(backbone, target_names=options.target, **settings)
    if options.target:
        raise ValueError("--target names columns of numbers: add --task regression.")
    return ImageClassifierBuilder(backbone, **settings)


def as_written(options: Namespace) -> str:
    """Writes `--task` and `--target` again, for a command that goes on; empty for classes."""
    if options.task == "classification":
        return ""
    targets = "".join(f" --target {shlex.quote(name)}" for name in options.target or ())
    return f" --task {options.task}{targets}"
