"""Adds and reads the options `--task` and `--target`, which say what is learnt."""

import shlex
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transferlearn.builders import Builder


def add_task(parser: ArgumentParser) -> None:
    """Adds the options `--task` and `--target` to a command."""
    parser.add_argument(
        "--task",
        choices=("classification", "regression"),
        default="classification",
        help="learn the class of each photo, or numbers",
    )
    parser.add_argument(
        "--target",
        action="append",
        metavar="COLUMN",
        help="a CSV column of numbers to learn with --task regression; repeat it for each column",
    )


def image_builder(options: Namespace, backbone: str, **settings: Any) -> "Builder[Any]":
    """Makes the image classifier or image regressor that `--task` asks for."""
    from transferlearn import ImageClassifierBuilder, ImageRegressorBuilder

    if options.task == "regression":
        return ImageRegressorBuilder(backbone, target_names=options.target, **settings)
    if options.target:
        raise ValueError("--target names columns of numbers: add --task regression.")
    return ImageClassifierBuilder(backbone, **settings)


def as_written(options: Namespace) -> str:
    """Gives `--task` and `--target` as text for a suggested command; empty for classification."""
    if options.task == "classification":
        return ""
    targets = "".join(f" --target {shlex.quote(name)}" for name in options.target or ())
    return f" --task {options.task}{targets}"
