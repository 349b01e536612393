"""Runs `transferlearn export`, which writes a saved model for another runtime."""

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from transferlearn.cli.checking import check_data, check_save
from transferlearn.cli.command import CommandResult, add_model
from transferlearn.cli.replacing import add_force, refuse_other_model
from transferlearn.cli.starting import import_keras
from transferlearn.edge.description import FILE
from transferlearn.extras import FORMATS, require

NAME = "export"
_HUGGING_FACE, _CONFIG = "huggingface", "config.json"
HELP = (
    "Write a saved model for phones, servers and small machines, and check that it answers alike."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `export`."""
    add_model(parser)
    parser.add_argument("path", type=Path, help="the folder to write")
    parser.add_argument(
        "photos",
        nargs="?",
        type=Path,
        help="photos, texts or recordings to check on, as for 'evaluate': a folder with one folder "
        "for each class, or a CSV file; not for huggingface",
    )
    parser.add_argument(
        "--format", choices=(*FORMATS, _HUGGING_FACE), default="onnx", help="for which runtime"
    )
    parser.add_argument(
        "--quantize", choices=("float16", "int8"), help="float16 or int8, for a smaller file"
    )
    parser.add_argument(
        "--calibration-data",
        type=Path,
        metavar="PHOTOS",
        help="for int8: what the model was trained on, to measure its layers' ranges",
    )
    parser.add_argument("--limit", type=float, help="how far answers may differ")
    add_force(parser)


def run(options: Namespace) -> CommandResult:
    """Exports the model, and gives the table of the check."""
    check_save(options.model)
    if options.format == _HUGGING_FACE:
        require("A folder of Hugging Face", "hub", "safetensors")
        refuse_other_model(options.path, options, _CONFIG)
    elif options.photos is None:
        typed = shlex.join(map(str, (options.model, options.path)))
        raise ValueError(
            "An export is checked on items with targets, such as those in photos/validation: "
            f"transferlearn export {typed} photos/validation"
        )
    else:
        check_data(options.photos)
        check_data(options.calibration_data)
        require(f"The format {options.format!r}", "export", *FORMATS[options.format])
        refuse_other_model(options.path, options, FILE)
    import_keras()
    from transferlearn import export, load

    made = export(
        load(options.model, trusted=options.trusted),
        options.path,
        options.photos,
        format=options.format,
        quantize=options.quantize,
        calibration_data=options.calibration_data,
        limit=options.limit,
    )
    return CommandResult(made.facts, str(made))
