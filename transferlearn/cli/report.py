"""Runs `transferlearn report`, which writes what is known of a saved model as one HTML file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from transferlearn.cli.checking import check_data, check_save
from transferlearn.cli.command import CommandResult, add_model
from transferlearn.cli.replacing import refuse_other_file
from transferlearn.cli.starting import import_keras
from transferlearn.cli.types import price
from transferlearn.extras import require

NAME = "report"
HELP = "Write what is known of a saved model as one HTML file, with the figures of a test."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `report`."""
    add_model(parser)
    add = parser.add_argument
    add(
        "photos",
        nargs="?",
        type=Path,
        help="to test on: a folder with one folder for each class, or a CSV file",
    )
    add(
        "--output",
        type=Path,
        default="report.html",
        help="the file to write, in place of an earlier report",
    )
    add(
        "--trained-on",
        type=Path,
        help="of a language model, the texts that it was trained on: passages that it repeats word "
        "by word are named",
    )
    add("--title", help="by default the network and what it learnt")
    add(
        "--price-per-hour",
        type=price,
        metavar="PRICE",
        help='price of the machine, such as "0.50 EUR"',
    )


def run(options: Namespace) -> CommandResult:
    """Tests the model, and writes the report."""
    check_save(options.model)
    check_data(options.photos)
    check_data(options.trained_on)
    require("A report", "report", "jinja2", "matplotlib")
    refuse_other_file(options.output)
    import_keras()
    from transferlearn import load, report

    path = report(
        load(options.model, trusted=options.trusted),
        options.output,
        options.photos,
        trained_on=options.trained_on,
        title=options.title,
        price_per_hour=options.price_per_hour,
    )
    return CommandResult({"report": str(path)}, f"Written: {path}")
