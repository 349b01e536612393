"""Handles `--task` and `--target`, which say what is learnt."""

import shlex
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transferlearn.builders import Builder


def add_task(parser: ArgumentParser) -> None:
    """Adds the arguments `--task` and `--target`."""
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


def image_builder(options: Namespace, backbone: str, **settings: Any) -> "Builder[Any]":
    """Makes the builder for the task that was asked for."""
    from transferlearn import ImageClassifierBuilder, ImageRegressorBuilder

    if options.task == "regression":
        return ImageRegressorBuilder(backbone, target_names=options.target, **settings)
    if options.target:
        raise ValueError("--target names columns of numbers: add --task regression.")
    return ImageClassifierBuilder(backbone, **settings)


def as_written(options: Namespace) -> str:
    """Writes `--task` and `--target` for the next command; empty for classes, the default."""
    if options.task == "classification":
        return ""
    targets = "".join(f" --target {shlex.quote(name)}" for name in options.target or ())
    return f" --task {options.task}{targets}"
