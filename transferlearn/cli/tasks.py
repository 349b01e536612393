"""Adds and reads the options that say what is learnt, and of which items: `--groups` too."""

import shlex
from argparse import ArgumentTypeError, Namespace, _ActionsContainer
from collections.abc import Mapping
from typing import NamedTuple

from transferlearn.cli.checking import LANGUAGE, TRANSCRIBE, TRANSLATE
from transferlearn.cli.item_files import is_drawn_on, items_in
from transferlearn.cli.own import (
    is_own,
    items_of_builder,
    own_builder,
    settings_of,
)
from transferlearn.cli.sampling_options import add_beams
from transferlearn.cli.types import degradation, names, void

_VOID = 255  # the value of void in most data sets


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
    TRANSLATE: CliTask(
        None,
        "Seq2SeqLMBuilder",
        None,
        {"languages": "languages", "prefix": "prefix", "num_beams": "sampling"},
    ),
    TRANSCRIBE: CliTask(
        None,
        None,
        "SpeechRecognizerBuilder",
        {"language": "language", "translate": "translate"},
    ),
}
_WITHOUT_COCO = {"classification", "regression", "image-to-image"}
DEFAULTS = {
    "multi_label": False,
    "target": None,
    "class_names": None,
    "class_weight": None,
    "void": _VOID,
    "degradation": None,
    "languages": None,
    "prefix": "",
    "num_beams": None,
    "language": None,
    "translate": False,
}


def add_spoken(parser: _ActionsContainer) -> None:
    """Adds the options that say which language a Whisper hears, and which it writes."""
    parser.add_argument(
        "--language",
        metavar="CODE",
        help="of a Whisper that knows several, the language that is spoken, such as de; without it "
        "an untouched Whisper finds the language of each part",
    )
    parser.add_argument(
        "--translate",
        action="store_true",
        help="of a Whisper that knows several languages, write in English what is said",
    )


def add_task(parser: _ActionsContainer) -> None:
    """Adds `--task` and the options that belong to a task to a command."""
    add = parser.add_argument
    add(
        "--task",
        type=_task,
        metavar="TASK",
        default="classification",
        help=f"one of {', '.join(TASKS)}, or package.module:Builder of your own (docs/extending.md)"
        ": learn the class of each item, numbers, the class of each pixel, a picture, boxes of "
        "objects, tags of words, how texts go on or are translated, or what is said",
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
        "--languages",
        type=names,
        metavar="FROM,TO",
        help="with --task translate, the codes of the language to read and of that to write, such "
        "as en,de, where the pairs are a TMX file, or come in several languages",
    )
    add(
        "--prefix",
        default="",
        metavar="TEXT",
        help="with --task translate, what the network reads before each text, such as T5's task "
        "words, 'translate English to German: '",
    )
    add_beams(parser)
    add_spoken(parser)
    add(
        "--groups",
        metavar="COLUMN",
        help="a CSV column that says which items belong together, such as those of a patient: "
        "none is held out without the others",
    )


def _task(text: str) -> str:
    """Reads the name of a task, or `package.module:Builder`."""
    if text not in TASKS and not is_own(text):
        known = ", ".join(TASKS)
        raise ArgumentTypeError(
            f"invalid choice: {text!r} (choose from {known}, or package.module:Builder)"
        )
    return text


def settings_of_task(task: str) -> Mapping[str, str]:
    """Returns the name of the setting for each option that belongs to a task."""
    if not is_own(task):
        return TASKS[task].settings
    known = settings_of(own_builder(task))
    ours = {option: name for one in TASKS.values() for option, name in one.settings.items()}
    return {option: name for option, name in ours.items() if name in known}


def check_task(options: Namespace) -> None:
    """Refuses options that belong to another task, and texts where a task has none.

    Raises:
        ValueError: An option does not go with the task.
    """
    belonging = settings_of_task(options.task)
    for option, default in DEFAULTS.items():
        if getattr(options, option) == default or option in belonging:
            continue
        flag = f"--{option.replace('_', '-')}"
        if is_own(options.task):
            raise ValueError(f"{flag} is no setting of {options.task}: leave it out.")
        fitting = [name for name, task in TASKS.items() if option in task.settings]
        raise ValueError(f"{flag} needs another task: add --task {' or '.join(fitting)}.")
    if is_own(options.task):
        return
    if options.task in _WITHOUT_COCO and is_drawn_on(options.photos):
        raise ValueError(
            f"{options.photos} holds boxes or masks. Received: --task {options.task}. Add --task "
            "detect or --task segmentation."
        )
    task, items = TASKS[options.task], items_of(options)
    builders = {"photos": task.photos, "texts": task.texts, "recordings": task.recordings}
    if builders[items] is None:
        taken = next(noun for noun, builder in builders.items() if builder is not None)
        raise ValueError(f"--task {options.task} is of {taken}, and these are {items}.")


def items_of(options: Namespace) -> str:
    """Returns what `--text`, a table or a folder holds: `"texts"`, `"recordings"`, `"photos"`.

    A builder of the user's own says it itself; what none of ours reads is called `"items"`.
    """
    if is_own(options.task):
        return items_of_builder(own_builder(options.task))
    if options.text is not None or TASKS[options.task].photos is None:
        return "recordings" if options.task == TRANSCRIBE else "texts"
    return items_in(options.photos, labels=options.task == "detect")


def columns_of(options: Namespace) -> list[str]:
    """Lists the columns of a table that were named."""
    named = (options.text, options.groups, *(options.target or ()))
    return [name for name in named if name is not None]


def as_written(options: Namespace) -> str:
    """Returns these options as text for a suggested command; empty for plain classification."""
    words = [] if options.task == "classification" else ["--task", options.task]
    for option in settings_of_task(options.task):
        value = getattr(options, option)
        if value != DEFAULTS[option]:
            words += _typed(f"--{option.replace('_', '-')}", value)
    for option in ("text", "groups"):
        if (value := getattr(options, option)) is not None:
            words += [f"--{option}", value]
    return "".join(f" {shlex.quote(word)}" for word in words)


def _typed(flag: str, value: object) -> list[str]:
    """Returns the words that an option and its value are typed as."""
    if value is True:
        return [flag]
    if isinstance(value, list):  # an option that is repeated
        return [word for one in value for word in (flag, one)]
    if isinstance(value, tuple):
        return [flag, ",".join(value)]
    return [flag, str(value).lower() if value is None else str(value)]
