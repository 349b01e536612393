"""Runs `transferlearn extract`, which stores the output of frozen layers and trains nothing."""

import shlex
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path

from transferlearn.cli.augmenting import check_augmentation
from transferlearn.cli.building import settle_backbone
from transferlearn.cli.checking import check_data
from transferlearn.cli.command import CommandResult
from transferlearn.cli.starting import import_keras
from transferlearn.cli.tasks import check_task, columns_of
from transferlearn.cli.training_options import add_data, add_network, add_steps, builder_of

NAME = "extract"
HELP = "Compute and store the output of frozen layers, so that 'train --cache' finds it."
_EXAMPLES = """\
examples:
  transferlearn extract photos/ --cache features
  transferlearn train photos/ --cache features
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `extract`."""
    parser.epilog = _EXAMPLES
    parser.add_argument("photos", type=Path, help="a folder or a table, as for 'train'")
    parser.add_argument(
        "--cache", type=Path, required=True, metavar="FOLDER", help="where to store the output"
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        metavar="FILE.parquet",
        help="write the photos' paths, hashes and labels there; 'train FILE.parquet' opens none",
    )
    add_data(parser.add_argument_group("what is learnt, and from what"))
    add_network(parser.add_argument_group("the network"))
    add_steps(parser.add_argument_group("the training that follows, with the same options"))


def run(options: Namespace) -> CommandResult:
    """Stores what the first phase of a training reads, and says what that is."""
    check_data(options.photos, columns_of(options))
    check_data(options.validation, columns_of(options))
    check_task(options)
    check_augmentation(options)
    settle_backbone(options)
    import_keras()
    from transferlearn import Cache, extract

    stored = extract(
        builder_of(options),
        options.photos,
        options.validation,
        cache=Cache(directory=options.cache),
        epochs=options.epochs,
        schedule=options.schedule,
        manifest=options.manifest,
    )
    typed = _typed(options)
    hint = f"Next: transferlearn train {shlex.join(typed)}"
    return CommandResult(asdict(stored), f"{stored.items:,} items stored.\n{hint}")


def _typed(options: Namespace) -> list[str]:
    """Returns the words of `train` with the same options, and with the manifest as the data."""
    words = [word for word in options.typed[1:] if word != "--json"]
    if options.manifest is not None:
        place = next(i for i, word in enumerate(words) if word.startswith("--manifest"))
        del words[place : place + (1 if "=" in words[place] else 2)]
        words[words.index(str(options.photos))] = str(options.manifest)
    return words
