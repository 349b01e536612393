"""What can be written on the command line."""

import argparse
import contextlib
from pathlib import Path


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser; `command` of what it gives is the command's name."""
    parser = argparse.ArgumentParser(
        prog="transferlearn",
        allow_abbrev=False,
        description="Fine-tune a pretrained network on your own photos, and use what comes out. "
        "Models of texts that were trained in Python predict and are scored here too.",
        epilog="First steps: 'transferlearn demo', then 'transferlearn train photos/'.",
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print the result as JSON")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=text,
            description=text,
            parents=[shared],
            allow_abbrev=False,
            formatter_class=_Help,
        )
        made.set_defaults(command=name)
        return made

    demo = command("demo", "Fine-tune on 800 photos of solar cells; takes some 2 minutes.")
    demo.add_argument(
        "--text", action="store_true", help="reviews of films in their place; takes some 5 minutes"
    )
    demo.add_argument(
        "--output", type=Path, help="folder to save in; by default solar-cells, or film-reviews"
    )
    _add_training(command("train", "Fine-tune on a folder with a folder of photos a class."))
    predict = command("predict", "Say what photos show, or of which class texts are.")
    predict.add_argument("model", type=Path, help="what 'train' or 'demo' saved")
    predict.add_argument(
        "items", nargs="+", metavar="PHOTO", help="files or folders; for a model of texts, texts"
    )
    evaluate = command("evaluate", "Score a saved model on labelled photos, or texts.")
    evaluate.add_argument("model", type=Path, help="what 'train' or 'demo' saved")
    evaluate.add_argument("photos", type=Path, help="a folder with a folder a class, or a CSV file")
    _add_suggesting(command("suggest", "Say which network, image size and freezing to start from."))
    command("backbones", "List the networks to start from.")
    cache = command("cache", "List or clear the stored output of frozen layers.")
    cache.add_argument("action", choices=("list", "clear"))
    cache.add_argument(
        "--directory", type=Path, help="by default $TRANSFERLEARN_CACHE or ~/.cache/transferlearn"
    )
    return parser


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False):
            return action.help
        return super()._get_help_string(action)


def _add_training(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "photos",
        type=Path,
        help="a folder: photos/<class>/*.jpg, or a CSV file of paths and labels",
    )
    add("--validation", type=Path, help="photos to validate on; else a tenth is held out")
    add("--output", type=Path, default="model", help="folder to save in")
    add("--backbone", default="EfficientNetLite0", help="see 'transferlearn backbones'")
    add("--weights", default="imagenet", help="'imagenet', 'none' or a weight file")
    add(
        "--units",
        type=_sizes,
        metavar="N[,N...]",
        help="hidden layers of a Flatten-Dense head, such as 128; else a pooled head",
    )
    add(
        "--freeze",
        type=_freeze,
        metavar="WHAT",
        help="'all', 'none', a layer or block, a number of layers, or a share such as 0.8",
    )
    add(
        "--schedule",
        choices=("auto", "one-phase", "probe", "fine-tune", "gradual"),
        help="auto: the head, then most of the backbone too, and the better of the two "
        "(by default; with --freeze, one-phase); probe: the head alone; fine-tune: then all that "
        "--freeze leaves free; gradual: block by block",
    )
    add("--epochs", type=int, help="over all phases; by default as the schedule sees fit")
    add("--learning-rate", type=float, help="by default the recipe's own")
    add("--batch-size", type=int, default=32, help="photos a step")
    add(
        "--image-size", type=_image_size, metavar="HxW", help="in pixels; by default the backbone's"
    )
    add("--on-error", choices=("skip", "raise"), default="skip", help="for photos that are broken")
    add("--cache", type=Path, metavar="FOLDER", help="keep what is frozen there, for later runs")
    add("--seed", type=int, help="makes a run repeatable")


def _add_suggesting(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("photos", type=Path, help="a folder with a folder a class, or a CSV file")
    add(
        "--candidates",
        nargs="+",
        metavar="NAME[=FILE]",
        help="networks, maybe with a weight file; by default those that need no download",
    )
    add(
        "--image-sizes",
        nargs="+",
        type=_image_size,
        metavar="HxW",
        help="in pixels; by default each network's own, and smaller ones of EfficientNetLite0",
    )
    add("--depths", nargs="+", type=int, metavar="N", help="how many of the last blocks to train")
    add("--items", type=int, default=1000, help="most photos to look at")
    add("--price-per-hour", type=float, help="of this machine, for the cost of training")
    add("--epochs", type=int, default=10, help="of the training that is estimated")
    add("--plot", type=Path, metavar="FILE", help="draw accuracy against what is trained, as a PNG")
    add("--seed", type=int, default=0, help="of the sample and the cross-validation")


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected 128 or 256,128. Received: {text!r}") from None


def _image_size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected HEIGHTxWIDTH, such as 224x224. Received: {text!r}"
        ) from None
    return height, width


def _freeze(text: str) -> str | int | float:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text
