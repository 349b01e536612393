"""Adds and reads the options that say what is learnt, and of which items: `--groups` too."""

import shlex
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from transferlearn.cli.types import degradation, names, void

if TYPE_CHECKING:
    from transferlearn.builders import Builder

_VOID = 255  # the value of void in most data sets


def add_task(parser: ArgumentParser) -> None:
    """Adds `--task` and the options that belong to a task to a command."""
    parser.add_argument(
        "--task",
        choices=("classification", "regression", "segmentation", "image-to-image"),
        default="classification",
        help="learn the class of each photo, numbers, the class of each pixel, or a picture",
    )
    parser.add_argument(
        "--degradation",
        type=degradation,
        metavar="NAME[=NUMBER]",
        help="with --task image-to-image, what makes good photos worse, so that the way back is "
        "learnt: super-resolution=4, denoise=0.1, colourise or inpaint=0.2; by default the folder "
        "holds pairs, inputs/ and targets/",
    )
    parser.add_argument(
        "--target",
        action="append",
        metavar="COLUMN",
        help="a CSV column of numbers to learn with --task regression; repeat it for each column",
    )
    parser.add_argument(
        "--multi-label",
        action="store_true",
        help="each photo, or each pixel with --task segmentation, may have several classes",
    )
    parser.add_argument(
        "--class-names",
        type=names,
        metavar="NAME[,NAME...]",
        help="with --task segmentation, the classes of the values 0, 1, 2 and so on of masks, or "
        "the order of class folders",
    )
    parser.add_argument(
        "--void",
        type=void,
        default=_VOID,
        metavar="VALUE",
        help="with --task segmentation, the value of pixels that do not count, or the name of "
        "their colour, or none (default: %(default)s)",
    )
    parser.add_argument(
        "--groups",
        metavar="COLUMN",
        help="a CSV column that says which photos belong together, such as those of a patient: "
        "none is held out without the others",
    )


def image_builder(options: Namespace, backbone: str, **settings: Any) -> "Builder[Any]":
    """Makes the builder for images that `--task` asks for."""
    from transferlearn import (
        ImageClassifierBuilder,
        ImageRegressorBuilder,
        ImageSegmenterBuilder,
        ImageToImageBuilder,
    )

    settings["groups"] = options.groups
    if options.task != "segmentation" and (options.class_names or options.void != _VOID):
        raise ValueError("--class-names and --void are of masks: add --task segmentation.")
    if options.multi_label:
        if options.task not in ("classification", "segmentation"):
            raise ValueError("--multi-label is of classes: leave it or --task out.")
        settings["multi_label"] = True
    if options.task == "regression":
        return ImageRegressorBuilder(backbone, target_names=options.target, **settings)
    if options.target:
        raise ValueError("--target names columns of numbers: add --task regression.")
    if options.task == "image-to-image":
        return ImageToImageBuilder(backbone, degradation=options.degradation, **settings)
    if options.degradation:
        raise ValueError("--degradation makes photos worse: add --task image-to-image.")
    if options.task == "segmentation":
        return ImageSegmenterBuilder(
            backbone, class_names=options.class_names, void=options.void, **settings
        )
    return ImageClassifierBuilder(backbone, **settings)


def as_written(options: Namespace) -> str:
    """Gives these options as text for a suggested command; empty for plain classification."""
    groups = "" if options.groups is None else f" --groups {shlex.quote(options.groups)}"
    several = " --multi-label" * options.multi_label
    if options.task == "classification":
        return several + groups
    targets = "".join(f" --target {shlex.quote(name)}" for name in options.target or ())
    worse = "" if options.degradation is None else f" --degradation {_text_of(options.degradation)}"
    named = options.class_names and f" --class-names {shlex.quote(','.join(options.class_names))}"
    void = f" --void {shlex.quote(str(options.void).lower())}" if options.void != _VOID else ""
    return f" --task {options.task}{targets}{worse}{several}{named or ''}{void}{groups}"


def _text_of(degradation: Any) -> str:
    """Writes a degradation as `--degradation` takes it."""
    number = next(iter(degradation.settings().values()), "")
    return f"{degradation.name.replace('_', '-')}{'=' * bool(number)}{number}"
