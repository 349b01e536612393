"""Adds and reads the options that `train` and `extract` share: data, network and steps."""

from argparse import Namespace, _ActionsContainer
from pathlib import Path
from typing import TYPE_CHECKING

from transferlearn.backbone_names import EMBEDDED
from transferlearn.cli.augmenting import add_augmentation, augmentation_of
from transferlearn.cli.building import make_builder
from transferlearn.cli.tasks import add_task
from transferlearn.cli.types import at_least_1, freeze, image_size, rate, sizes, with_updates

if TYPE_CHECKING:
    from transferlearn.builders import Builder


def add_data(group: _ActionsContainer) -> None:
    """Adds the arguments that say what is learnt, and from what."""
    add_task(group)
    add = group.add_argument
    add(
        "--validation",
        type=Path,
        help="photos to validate on; by default a tenth is held out, of few photos none",
    )
    add(
        "--on-error",
        choices=("skip", "raise"),
        default="skip",
        help="what to do with broken photos",
    )


def add_network(group: _ActionsContainer) -> None:
    """Adds the arguments that choose the network and what of it is frozen."""
    add = group.add_argument
    add(
        "--backbone",
        help=f"see 'transferlearn backbones'; by default {EMBEDDED}, and for texts MiniLM",
    )
    add("--weights", help="'none' or a weight file; by default pretrained ones")
    add("--image-size", type=image_size, metavar="HxW", help="in pixels; by default the backbone's")
    add(
        "--units",
        type=sizes,
        metavar="N[,N...]",
        help="hidden layers of a Flatten-Dense head, such as 128; by default a pooled head",
    )
    add(
        "--freeze",
        type=freeze,
        metavar="WHAT",
        help="'all', 'none', a layer or block, a number of layers, or a share such as 0.8",
    )
    add(
        "--lora",
        type=at_least_1,
        help="the rank of low-rank updates of attention, which alone are trained, such as 8",
    )


def add_steps(group: _ActionsContainer) -> None:
    """Adds the arguments that say how the network is trained."""
    add = group.add_argument
    add(
        "--schedule",
        choices=("auto", "one-phase", "probe", "fine-tune", "gradual"),
        help="auto (the default): the head, then most of the backbone too, and the better of the "
        "two; one-phase (the default with --freeze); probe: the head alone; fine-tune: the head, "
        "then all that --freeze leaves free; gradual: block by block",
    )
    add(
        "--epochs",
        type=at_least_1,
        help="epochs of all phases together; by default the schedule chooses",
    )
    add("--learning-rate", type=rate, help="by default the schedule's own")
    add("--batch-size", type=at_least_1, help="items in each step (default: 32, of pictures 8)")
    add("--seed", type=int, help="makes a run repeatable")
    add_augmentation(group)


def builder_of(options: Namespace) -> "Builder":
    """Makes the builder that the options ask for."""
    from transferlearn import heads

    return make_builder(
        options,
        options.backbone,
        weights=options.weights,
        image_size=options.image_size,
        **({} if options.units is None else {"head": heads.FlattenDense(options.units)}),
        freeze=with_updates(options.freeze, options.lora),
        learning_rate=options.learning_rate,
        **({} if options.batch_size is None else {"batch_size": options.batch_size}),
        on_error=options.on_error,
        seed=options.seed,
        **augmentation_of(options),
    )
