"""Makes the builder that the options of a command ask for."""

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from transferlearn.backbone_names import EMBEDDED
from transferlearn.cli.checking import TRANSCRIBE, check_backbone, text_encoder
from transferlearn.cli.own import is_own, names_backbone, own_builder, settings_of
from transferlearn.cli.tasks import TASKS, check_task, items_of, settings_of_task
from transferlearn.extras import require

if TYPE_CHECKING:
    from transferlearn.builders import Builder


def settle_backbone(options: Namespace) -> None:
    """Checks `--backbone` and `--weights`, and sets what was not typed by what the items are.

    Raises:
        ValueError: There is no such backbone, or a size of photos was typed for texts.
        ImportError: A package that the backbone needs is not installed.
        OSError: There is no such weight file.
    """
    items = items_of(options)
    if items != "photos" and options.image_size is not None:
        raise ValueError(f"--image-size is of photos, and these are {items}: leave it out.")
    if items == "recordings":
        require("A recording", "audio", "soundfile", "soxr")
    if is_own(options.task) and (items == "items" or names_backbone(own_builder(options.task))):
        return
    texts = items == "texts"
    if options.backbone is None and options.task == TRANSCRIBE:
        raise ValueError("Name a Whisper: add --backbone keras_hub:FOLDER, see docs/speech.md.")
    if options.backbone is None:
        options.backbone = text_encoder(options.task) if texts else EMBEDDED
    if options.weights is None:
        options.weights = "pretrained" if texts else "imagenet"
    check_backbone(options.backbone, None if texts else options.weights)


def make_builder(
    options: Namespace,
    backbone: str | None,
    *,
    weights: str | None,
    image_size: tuple[int, int] | None,
    **settings: Any,
) -> "Builder":
    """Makes the builder that `--task` and the items ask for.

    Args:
        options: The options of `add_task`, and the path of the items.
        backbone: The name of the backbone; `None`: that of a builder of the user's own.
        weights: `"imagenet"`, `"pretrained"`, the path of a file, or `"none"`; `None`: those of a
            builder of the user's own.
        image_size: The size of photos, or `None`.
        settings: Further settings of the builder.

    Raises:
        ValueError: A builder of the user's own needs a backbone, and none was named.
    """
    check_task(options)
    items, own = items_of(options), is_own(options.task)
    settings |= {
        name: getattr(options, option) for option, name in settings_of_task(options.task).items()
    }
    settings["groups"] = options.groups
    if weights is not None:
        settings["weights"] = None if weights == "none" else weights
    if settings.get("degradation") is not None:
        settings["degradation"] = settings["degradation"].made()
    if items == "texts":
        settings["text_column"] = options.text
    if items == "photos":
        settings["image_size"] = image_size
    builder = own_builder(options.task) if own else _builder_of(options.task, items)
    if (beams := settings.pop("sampling", None)) is not None:
        defaults: Any = builder
        settings["sampling"] = replace(defaults.sampling, num_beams=beams)
    if own:
        known = settings_of(builder)
        typed = {name: value for name, value in settings.items() if value is not None}
        settings = {name: value for name, value in typed.items() if name in known}
    if backbone is not None:
        return builder(backbone, **settings)
    if not names_backbone(builder):
        raise ValueError(f"{options.task} has no backbone of its own: add --backbone NAME.")
    return builder(**settings)


def _builder_of(task: str, items: str) -> "type[Builder]":
    """Returns the builder of ours for a task and items."""
    import transferlearn

    found: type[Builder] = getattr(transferlearn, getattr(TASKS[task], items))
    return found
