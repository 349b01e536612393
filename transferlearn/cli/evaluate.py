"""Runs `transferlearn evaluate`, which scores a saved model."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from transferlearn.cli.command import Outcome, add_model

NAME = "evaluate"
HELP = "Score a saved model on photos or texts whose class or number is known."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `evaluate`."""
    add_model(parser)
    parser.add_argument(
        "photos", type=Path, help="a folder with one folder for each class, or a CSV file"
    )


def run(options: Namespace) -> Outcome:
    """Scores the model, and gives tables of its figures."""
    from transferlearn import load

    scores = load(options.model, trusted=options.trusted).evaluate(options.photos)
    return Outcome(scores.to_dict(), str(scores))
