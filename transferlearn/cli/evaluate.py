"""Runs `transferlearn evaluate`, which scores a saved model."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from transferlearn.cli.checking import check_data, check_save
from transferlearn.cli.command import CommandResult, add_model
from transferlearn.cli.starting import import_keras
from transferlearn.cli.types import at_least_1

NAME = "evaluate"
HELP = "Score a saved model on photos or texts whose class, number, mask or target is known."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `evaluate`."""
    add_model(parser)
    parser.add_argument(
        "photos", type=Path, help="a folder, a CSV file or a COCO file, as 'train' takes it"
    )
    parser.add_argument(
        "--tile",
        type=at_least_1,
        metavar="PIXELS",
        help="for boxes, masks or pictures of large photos: the side of tiles, as for 'predict'",
    )


def run(options: Namespace) -> CommandResult:
    """Scores the model, and gives tables of its figures."""
    check_save(options.model)
    check_data(options.photos)
    import_keras()
    from transferlearn import load

    fitted = load(options.model, trusted=options.trusted)
    scores = fitted.evaluate(options.photos, tile=options.tile)
    return CommandResult(scores.to_dict(), str(scores))
