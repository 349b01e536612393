"""Adds and reads the options of how items are changed in training, and how long recordings are."""

from argparse import Namespace, _ActionsContainer
from pathlib import Path

from transferlearn.cli.tasks import TASKS, items_of
from transferlearn.cli.types import at_least_1
from transferlearn.json_fields import Json

_ITEMS = {
    "augmentation": ("photos", "recordings"),
    "views": ("photos", "recordings"),
    "noise_folder": ("recordings",),
    "seconds": ("recordings",),
}  # that each option is of


def add_augmentation(group: _ActionsContainer) -> None:
    """Adds the options to a command."""
    add = group.add_argument
    add(
        "--augmentation",
        choices=("none", "light", "strong", "mosaic"),
        help="how far photos or recordings are changed at random in training, or, of photos with "
        "boxes, parts of four in one; by default the schedule chooses",
    )
    add(
        "--views",
        type=at_least_1,
        help="how many changed views of each item are made and stored (default: each epoch makes "
        "new ones)",
    )
    add(
        "--noise-folder",
        type=Path,
        metavar="FOLDER",
        help="of recordings: a folder of noises, of which pieces are added in training",
    )
    add(
        "--seconds",
        type=float,
        help="of recordings: the length of what the network hears at once; by default that of the "
        "longest, at most 5",
    )


def check_augmentation(options: Namespace) -> None:
    """Refuses options that do not go with the items, or with each other.

    Raises:
        ValueError: An option is of other items, or needs another option.
    """
    items = items_of(options)
    for option, taken in _ITEMS.items():
        if getattr(options, option) is not None and items not in taken:
            flag = f"--{option.replace('_', '-')}"
            raise ValueError(f"{flag} is of {' and '.join(taken)}, and these are {items}.")
    if options.augmentation == "mosaic" and options.task in TASKS.keys() - {"detect"}:
        raise ValueError("--augmentation mosaic is of photos with boxes: add --task detect.")
    named = options.augmentation or ("light" if options.noise_folder else None)
    if named in (None, "none") and options.views is not None:
        raise ValueError(
            "All views would be alike. Add --augmentation light, or leave out --views."
        )
    if named == "none" and options.noise_folder is not None:
        raise ValueError("--noise-folder changes recordings: leave out --augmentation none.")


def augmentation_of(options: Namespace) -> Json:
    """Returns the builder's settings that the options say."""
    from transferlearn.data import ChangedAudio
    from transferlearn.data.audio.changed import PRESETS

    given = {"seconds": options.seconds, "augmentation": options.augmentation}
    if options.noise_folder is None:
        given["views"] = options.views
    else:
        preset = PRESETS[options.augmentation or "light"]
        changed = {**preset, "noise": options.noise_folder}
        given["augmentation"] = ChangedAudio(options.views or 1, **changed)
    return {name: value for name, value in given.items() if value is not None}
