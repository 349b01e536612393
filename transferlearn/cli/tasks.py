"""Adds and reads the options that say what is learnt, and of which items: `--groups` too."""

import os
import re
import shlex
from argparse import Namespace, _ActionsContainer
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from transferlearn.backbone_names import EMBEDDED
from transferlearn.cli.checking import LANGUAGE, TRANSLATE, check_backbone, text_encoder
from transferlearn.cli.types import degradation, names, void
from transferlearn.edge.folders import is_hidden
from transferlearn.edge.recordings import ENDINGS as RECORDINGS
from transferlearn.extras import require
from transferlearn.headers import header_of

if TYPE_CHECKING:
    from transferlearn.builders import Builder

_VOID = 255  # the value of void in most data sets
_BEGINNING = 4096  # bytes of a table by which recordings are told from photos
_LOOKED_AT = 200  # files of a folder by which photos, texts and recordings are told apart
_TEXT_COLUMNS = {"text", "review", "sentence", "content"}
_PATH_COLUMNS = {"path", "file", "filename", "image"}


class CliTask(NamedTuple):
    """Describes a task: its builders, and which options are settings of them.

    Attributes:
        photos: The builder for photos, by its name in `transferlearn`; `None` where there is none.
        texts: The builder for texts; `None` where there is none.
        recordings: The builder for recordings; `None` where there is none.
        settings: The name of the setting for each option that belongs to the task.
    """

    photos: str | None
    texts: str | None
    recordings: str | None
    settings: Mapping[str, str]


TASKS = {
    "classification": CliTask(
        "ImageClassifierBuilder",
        "TextClassifierBuilder",
        "AudioClassifierBuilder",
        {
            "multi_label": "multi_label",
            "class_names": "class_names",
            "class_weight": "class_weight",
        },
    ),
    "regression": CliTask(
        "ImageRegressorBuilder",
        "TextRegressorBuilder",
        "AudioRegressorBuilder",
        {"target": "target_names"},
    ),
    "segmentation": CliTask(
        "ImageSegmenterBuilder",
        None,
        None,
        {
            "multi_label": "multi_label",
            "class_names": "class_names",
            "class_weight": "class_weight",
            "void": "void",
        },
    ),
    "image-to-image": CliTask("ImageToImageBuilder", None, None, {"degradation": "degradation"}),
    "detect": CliTask("ObjectDetectorBuilder", None, None, {"class_names": "class_names"}),
    "tag": CliTask(None, "TokenClassifierBuilder", None, {"class_names": "class_names"}),
    LANGUAGE: CliTask(None, "CausalLMBuilder", None, {}),
    TRANSLATE: CliTask(None, "Seq2SeqLMBuilder", None, {}),
}
_DRAWN = {"annotations", "data.yaml", "labels"}  # beside images/, where YOLO and VOC have boxes
_WITHOUT_COCO = {"classification", "regression", "image-to-image"}
_DEFAULTS = {
    "multi_label": False,
    "target": None,
    "class_names": None,
    "class_weight": None,
    "void": _VOID,
    "degradation": None,
}


def add_task(parser: _ActionsContainer) -> None:
    """Adds `--task` and the options that belong to a task to a command."""
    add = parser.add_argument
    add(
        "--task",
        choices=tuple(TASKS),
        default="classification",
        help="learn the class of each item, numbers, the class of each pixel, a picture, boxes of "
        "objects, the tags of words, such as names, how texts go on, or how they are translated",
    )
    add(
        "--text",
        metavar="COLUMN",
        help="the items are texts, in this column of a CSV file; columns called text or review, "
        "and folders of .txt files, are known without it",
    )
    add(
        "--degradation",
        type=degradation,
        metavar="NAME[=NUMBER]",
        help="with --task image-to-image, what makes good photos worse, so that the way back is "
        "learnt: super-resolution=4, denoise=0.1, colourise or inpaint=0.2; by default the folder "
        "holds pairs, inputs/ and targets/",
    )
    add(
        "--target",
        action="append",
        metavar="COLUMN",
        help="a CSV column of numbers to learn with --task regression; repeat it for each column",
    )
    add(
        "--multi-label",
        action="store_true",
        help="each photo or text, or each pixel with --task segmentation, may have several classes",
    )
    add(
        "--class-names",
        type=names,
        metavar="NAME[,NAME...]",
        help="the order of the classes; with --task segmentation, the classes of the values 0, 1, "
        "2 and so on of masks",
    )
    add(
        "--class-weight",
        choices=("balanced",),
        help="all classes count alike, however few items, or pixels of masks, they have",
    )
    add(
        "--void",
        type=void,
        default=_VOID,
        metavar="VALUE",
        help="with --task segmentation, the value of pixels that do not count, or the name of "
        "their colour, or none (default: %(default)s)",
    )
    add(
        "--groups",
        metavar="COLUMN",
        help="a CSV column that says which items belong together, such as those of a patient: "
        "none is held out without the others",
    )


def check_task(options: Namespace) -> None:
    """Refuses options that belong to another task, and texts where a task has none.

    Raises:
        ValueError: An option does not go with the task.
    """
    for option, default in _DEFAULTS.items():
        fitting = [name for name, task in TASKS.items() if option in task.settings]
        if getattr(options, option) != default and options.task not in fitting:
            flag = f"--{option.replace('_', '-')}"
            raise ValueError(f"{flag} needs another task: add --task {' or '.join(fitting)}.")
    if options.task in _WITHOUT_COCO and _is_drawn_on(options.photos):
        raise ValueError(
            f"{options.photos} holds boxes or masks. Received: --task {options.task}. Add --task "
            "detect or --task segmentation."
        )
    task, items = TASKS[options.task], items_of(options)
    builders = {"photos": task.photos, "texts": task.texts, "recordings": task.recordings}
    if builders[items] is None:
        taken = next(noun for noun, builder in builders.items() if builder is not None)
        raise ValueError(f"--task {options.task} is of {taken}, and these are {items}.")


def _is_drawn_on(path: Path) -> bool:
    """Whether a source is a COCO file, or a folder of photos with files of boxes or masks."""
    if not path.is_dir():
        return path.suffix.lower() == ".json"
    names = {entry.name.lower() for entry in path.iterdir()}
    drawn = names & _DRAWN or any(name.endswith(".json") for name in names)
    return bool(names & {"images", "jpegimages"} and drawn)


def items_of(options: Namespace) -> str:
    """Returns what `--text`, a table or a folder holds: `"texts"`, `"recordings"`, `"photos"`."""
    if options.text is not None or TASKS[options.task].photos is None:
        return "texts"
    if options.photos.suffix.lower() in (".csv", ".tsv") and options.photos.is_file():
        columns = {name.lower() for name in header_of(options.photos)}
        if columns & _TEXT_COLUMNS and not columns & _PATH_COLUMNS:
            return "texts"
        return "recordings" if _lists_recordings(options.photos) else "photos"
    endings = {Path(name).suffix.lower() for name in _some_files(options.photos)}
    if endings == {".txt"} and options.task != "detect":  # there, they are YOLO's labels
        return "texts"
    return "recordings" if endings & set(RECORDINGS) else "photos"


def _lists_recordings(table: Path) -> bool:
    """Whether a file of recordings is named in the first lines of a table."""
    with table.open("rb") as file:
        lines = file.read(_BEGINNING).lower().decode("utf-8", "replace")
    return re.search(rf"({'|'.join(map(re.escape, RECORDINGS))})[\"',;\t\r\n#]", lines) is not None


def columns_of(options: Namespace) -> list[str]:
    """Lists the columns of a table that were named."""
    named = (options.text, options.groups, *(options.target or ()))
    return [name for name in named if name is not None]


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
    texts = items == "texts"
    if options.backbone is None:
        options.backbone = text_encoder(options.task) if texts else EMBEDDED
    if options.weights is None:
        options.weights = "pretrained" if texts else "imagenet"
    check_backbone(options.backbone, None if texts else options.weights)


def make_builder(
    options: Namespace, backbone: str, *, weights: str, image_size: Any, **settings: Any
) -> "Builder":
    """Makes the builder that `--task` and the items ask for.

    Args:
        options: The options of `add_task`, and the path of the items.
        backbone: The name of the backbone.
        weights: `"imagenet"`, `"pretrained"`, the path of a file, or `"none"`.
        image_size: The size of photos, or `None`.
        settings: Further settings of the builder.
    """
    import transferlearn

    check_task(options)
    settings["weights"] = None if weights == "none" else weights
    task = TASKS[options.task]
    settings["groups"] = options.groups
    for option, name in task.settings.items():
        settings[name] = getattr(options, option)
    if settings.get("degradation") is not None:
        settings["degradation"] = settings["degradation"].made()
    items = items_of(options)
    if items == "texts":
        settings["text_column"] = options.text
        return getattr(transferlearn, str(task.texts))(backbone, **settings)
    if items == "recordings":
        return getattr(transferlearn, str(task.recordings))(backbone, **settings)
    return getattr(transferlearn, str(task.photos))(backbone, image_size=image_size, **settings)


def as_written(options: Namespace) -> str:
    """Returns these options as text for a suggested command; empty for plain classification."""
    words = [] if options.task == "classification" else ["--task", options.task]
    for option in TASKS[options.task].settings:
        value = getattr(options, option)
        if value != _DEFAULTS[option]:
            words += _typed(f"--{option.replace('_', '-')}", value)
    for option in ("text", "groups"):
        if (value := getattr(options, option)) is not None:
            words += [f"--{option}", value]
    return "".join(f" {shlex.quote(word)}" for word in words)


def _typed(flag: str, value: Any) -> list[str]:
    """Returns the words that an option and its value are typed as."""
    if value is True:
        return [flag]
    if isinstance(value, list):  # an option that is repeated
        return [word for one in value for word in (flag, one)]
    if isinstance(value, tuple):
        return [flag, ",".join(value)]
    return [flag, str(value).lower() if value is None else str(value)]


def _some_files(folder: Path) -> list[str]:
    """Lists the first files in a folder and below, without hidden ones."""
    found: list[str] = []
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_hidden(name)]
        found += [name for name in files if not is_hidden(name)]
        if len(found) >= _LOOKED_AT:
            break
    return found[:_LOOKED_AT]
