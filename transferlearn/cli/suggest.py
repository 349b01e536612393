"""Runs `transferlearn suggest`, which compares backbones, image sizes and freezing."""

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from transferlearn.cli.building import make_builder
from transferlearn.cli.checking import check_backbone, check_data, text_encoder
from transferlearn.cli.command import CommandResult
from transferlearn.cli.replacing import refuse_other_file
from transferlearn.cli.starting import import_keras
from transferlearn.cli.tasks import (
    TASKS,
    add_task,
    as_written,
    check_task,
    columns_of,
    items_of,
)
from transferlearn.cli.types import at_least_1, image_size, price
from transferlearn.extras import require

if TYPE_CHECKING:
    from transferlearn.builders import Builder

NAME = "suggest"
HELP = "Say which network, image size and freezing to start from."
_DEFAULT = "EfficientNetLite0"
_OF_ALL_ITEMS = ("classification", "regression", "tag")


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `suggest`."""
    add = parser.add_argument
    add(
        "photos",
        type=Path,
        help="photos, texts or recordings: a folder with one folder for each class, or a CSV file",
    )
    add_task(parser)
    add(
        "--candidates",
        nargs="+",
        metavar="NAME[=FILE]",
        help="backbones, of photos and recordings each maybe with a weight file; by default those "
        "that need no download",
    )
    add(
        "--image-sizes",
        nargs="+",
        type=image_size,
        metavar="HxW",
        help="in pixels; by default the backbones' own, and smaller ones for EfficientNetLite0",
    )
    add("--depths", nargs="+", type=int, metavar="N", help="how many of the last blocks to train")
    add("--items", type=at_least_1, default=1000, help="how many items to look at, at most")
    add(
        "--price-per-hour",
        type=price,
        metavar="PRICE",
        help='price of this machine, such as "0.50 EUR", to estimate what a training costs',
    )
    add(
        "--epochs",
        type=at_least_1,
        default=10,
        help="epochs of the training whose time is estimated",
    )
    add(
        "--plot", type=Path, metavar="FILE", help="draw the score against what is trained, as a PNG"
    )
    add("--seed", type=int, default=0, help="seed of the sample and the cross-validation")


def run(options: Namespace) -> CommandResult:
    """Compares the candidates, and gives the table and the command that trains the choice."""
    _check(options)
    import_keras()
    from transferlearn import suggest
    from transferlearn.builders import ImageBuilder

    found = suggest(
        options.photos,
        candidates(options),
        depths=options.depths,
        items=options.items,
        price_per_hour=options.price_per_hour,
        epochs=options.epochs,
        seed=options.seed,
    )
    if options.plot is not None:
        found.plot(options.plot)
    start = found.recommended
    chosen = {
        "backbone": start.builder.backbone,
        "weights": start.builder.weights,
    }
    if isinstance(start.builder, ImageBuilder) and start.builder.image_size:
        chosen["image-size"] = "x".join(map(str, start.builder.image_size))
    settings = " ".join(
        f"--{name} {shlex.quote(str(value))}" for name, value in chosen.items() if value
    )
    task = as_written(options)
    hint = f"Next: transferlearn train {shlex.quote(str(options.photos))}{task} {settings}"
    rows = [{**row.facts(), "recommended": row is start} for row in found]
    return CommandResult(rows, f"{found}\n{hint}")


def _check(options: Namespace) -> None:
    """Checks the options."""
    check_data(options.photos, columns_of(options))
    check_task(options)
    items = items_of(options)
    if items != "photos" and options.task in TASKS and options.task not in _OF_ALL_ITEMS:
        raise ValueError(
            f"Networks for {items} are compared for classes, numbers and tags. Received: --task "
            f"{options.task}. Train one: transferlearn train {shlex.quote(str(options.photos))}"
            f"{as_written(options)}"
        )
    if items != "photos" and options.image_sizes is not None:
        raise ValueError(f"--image-sizes is of photos, and these are {items}: leave it out.")
    if items == "recordings":
        require("A recording", "audio", "soundfile", "soxr")
    for text in options.candidates or ([text_encoder(options.task)] if items == "texts" else ()):
        name, _, file = text.partition("=")
        check_backbone(name, file or (None if items == "texts" else "imagenet"))
    if options.plot is not None:
        require("A plot", "plot", "matplotlib")
        refuse_other_file(options.plot)


def candidates(options: Namespace) -> "list[Builder]":
    """Makes a builder for each backbone and image size that the options ask to compare."""
    from transferlearn import backbones

    items = items_of(options)
    if items == "texts":
        names = options.candidates or [text_encoder(options.task)]
        return [make_builder(options, x, weights="pretrained", image_size=None) for x in names]
    offline = [facts.name for facts in backbones.table() if facts.offline]
    sizes = options.image_sizes or [None]
    found = [
        make_builder(options, name, weights=file or "imagenet", image_size=size)
        for name, _, file in (text.partition("=") for text in options.candidates or offline)
        for size in sizes
    ]
    if options.candidates is None and options.image_sizes is None and items == "photos":
        small = [(96, 96), (160, 160)]
        found += [
            make_builder(options, _DEFAULT, weights="imagenet", image_size=size) for size in small
        ]
    return found
