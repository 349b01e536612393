"""Runs `transferlearn doubt`, which lists the labels that are least likely to be right."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from transferlearn.atomic_files import written_whole
from transferlearn.backbone_names import EMBEDDED
from transferlearn.cli.building import make_builder, settle_backbone
from transferlearn.cli.checking import check_data
from transferlearn.cli.command import CommandResult
from transferlearn.cli.replacing import refuse_other_file
from transferlearn.cli.starting import import_keras
from transferlearn.cli.tasks import add_task, check_task, columns_of
from transferlearn.cli.types import image_size
from transferlearn.extras import require

NAME = "doubt"
HELP = "List the labels of photos that are least likely to be right."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `doubt`."""
    add = parser.add_argument
    add("photos", type=Path, help="a folder, a CSV file or a COCO file, as 'train' takes it")
    add_task(parser)
    add(
        "--backbone",
        help=f"see 'transferlearn backbones'; by default {EMBEDDED}, and for texts MiniLM",
    )
    add("--weights", help="a weight file; by default pretrained ones")
    add("--image-size", type=image_size, metavar="HxW", help="in pixels; by default the backbone's")
    add("--plot", type=Path, metavar="FILE", help="draw the most doubtful photos, as a PNG")
    add("--seed", type=int, default=0, help="seed of the division into folds")


def run(options: Namespace) -> CommandResult:
    """Judges each label by a head that was not trained on it, and gives a table."""
    check_data(options.photos, columns_of(options))
    check_task(options)
    settle_backbone(options)
    if options.plot is not None:
        require("A plot", "plot", "matplotlib")
        refuse_other_file(options.plot)
    import_keras()
    from transferlearn import doubt

    builder = make_builder(
        options, options.backbone, weights=options.weights, image_size=options.image_size
    )
    found = doubt(builder, options.photos, seed=options.seed)
    if options.plot is not None:
        with written_whole(options.plot) as draft:
            found.show().savefig(draft, format=options.plot.suffix[1:] or "png")
    return CommandResult(found.to_dict(), str(found))
