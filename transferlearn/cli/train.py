"""Runs `transferlearn train`, which fine-tunes on one's own photos, and saves the model."""

import shlex
import tempfile
import time
import uuid
from argparse import ArgumentParser, Namespace, _ActionsContainer
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from transferlearn.cli.again import Before
from transferlearn.cli.augmenting import check_augmentation
from transferlearn.cli.building import settle_backbone
from transferlearn.cli.checking import LANGUAGE, TRANSCRIBE, check_data, check_save
from transferlearn.cli.command import CommandResult
from transferlearn.cli.messages import say
from transferlearn.cli.own import is_own
from transferlearn.cli.pictures import leave_pictures
from transferlearn.cli.replacing import add_force, is_of_run, note_of_run, refuse_other_model
from transferlearn.cli.starting import import_keras, sigterm_as_interrupt
from transferlearn.cli.tasks import check_task, columns_of
from transferlearn.cli.training_options import add_data, add_network, add_steps, builder_of
from transferlearn.cli.types import (
    duration,
)

if TYPE_CHECKING:
    from transferlearn.fitted import FittedModel

NAME = "train"
HELP = (
    "Fine-tune on photos, texts or recordings whose classes, numbers, masks or targets are known."
)
_FOR_SAVING = 6.0  # seconds of a limited time, for the model and its pictures
_EXAMPLES = """\
examples:
  transferlearn train photos/ --output flowers
  transferlearn train prices.csv --task regression --target price --validation checked.csv
  transferlearn train names.conll --task tag
  transferlearn train sounds/ --noise-folder workshop/ --views 4 --freeze all --epochs 60
  transferlearn train letters/ --task language-model --backbone keras_hub:gpt2_base_en --lora 8
  transferlearn train pairs.tsv --task translate --backbone keras_hub:bart_base_en
  transferlearn train said.csv --task transcribe --backbone keras_hub:whisper-tiny.en
  transferlearn train spectra/ --task mylab.spectra:SpectrumClassifier
  transferlearn train annotations.json --task detect --output detector
  transferlearn train scenes/ --task segmentation --epochs 20 --resume runs/scenes
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `train`."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "photos",
        type=Path,
        help="a folder: photos/<class>/*.jpg (of texts *.txt, of recordings *.wav), photos/images/ "
        "and photos/masks/ for --task segmentation, photos/inputs/ and photos/targets/ for --task "
        "image-to-image; or a CSV file of paths or texts and labels, numbers or masks; or a COCO "
        "file; for --task detect, a folder of YOLO or Pascal VOC, too; for --task tag, a CoNLL "
        "file or JSON lines of texts with entities; for --task language-model, a folder of .txt "
        "and .md files or JSON lines; for --task translate, a table of pairs, TMX, or "
        "two parallel files a.en,a.de; for --task transcribe, a table of recordings with texts",
    )
    add_data(parser.add_argument_group("what is learnt, and from what"))
    add_network(parser.add_argument_group("the network"))
    _add_training(parser.add_argument_group("the training"))
    _add_saving(parser.add_argument_group("what is written"))


def _add_training(group: _ActionsContainer) -> None:
    """Adds the arguments that say how the network is trained, and for how long."""
    add_steps(group)
    add = group.add_argument
    add(
        "--time-limit",
        type=duration,
        metavar="TIME",
        help="such as 90s, 10m or 1.5h: stop in time, and save the best so far",
    )
    add(
        "--from",
        dest="before",
        type=Path,
        metavar="MODEL",
        help="train anew with the backbone and image size of this saved model, on photos with new "
        "labels among them, and replace it only if the new one is no worse on --validation",
    )


def _add_saving(group: _ActionsContainer) -> None:
    """Adds the arguments that say what is written, and where."""
    add = group.add_argument
    add("--output", type=Path, default="model", help="folder to save in")
    add_force(group)
    add(
        "--resume",
        type=Path,
        metavar="FOLDER",
        help="where to write how far training has come; the same command goes on there",
    )
    add(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="where to keep the output of frozen layers, for later runs",
    )


def run(options: Namespace) -> CommandResult:
    """Trains a model, saves it, and gives its metrics in the last phase.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM came; what was trained by then is saved.
    """
    begun = time.monotonic()
    _check(options)
    import_keras()
    from transferlearn import Cache
    from transferlearn.fitted import check_room, check_target
    from transferlearn.fitted.reliable_score import in_words
    from transferlearn.progress import working
    from transferlearn.training import TimeLimit

    limit = options.time_limit and TimeLimit(options.time_limit, begun, _FOR_SAVING)
    before = None if options.before is None else Before.of(options)
    builder = builder_of(options)
    check_target(options.output)  # before a training that could not be saved
    try:
        with sigterm_as_interrupt(), working("auto", expected=None):
            training = builder.prepare(
                options.photos,
                options.validation,
                epochs=options.epochs,
                schedule=options.schedule,
                cache="auto" if options.cache is None else Cache(directory=options.cache),
            )
            check_room(options.output, training.network.model)
            fitted = training.run(resume=options.resume, time_limit=limit)
    except (Exception, KeyboardInterrupt) as error:
        if hasattr(error, "fitted"):
            place = _save(error.fitted, options)
            say(f"The model as it was after the last good epoch is saved in {place}.")
        raise
    if before is not None and (outcome := before.kept_instead(fitted)):
        return outcome
    place = _save(fitted, options)
    pictures = leave_pictures(training, fitted, place)
    metrics, known = fitted.phases[-1].metrics, fitted.known_score
    folder = shlex.quote(str(place))
    result = {
        "model": str(place),
        "task": fitted.encoding.name,
        **fitted.encoding.settings(),
        "score": known and asdict(known),
        "metrics": metrics,
        "left_out": fitted.phases[-1].left_out,
        "history": fitted.history.history,
        "skipped": [{"path": str(s.path), "reason": s.reason} for s in fitted.skipped],
    }
    item = {"image": "PHOTO"}.get(fitted.kind.noun, fitted.kind.noun.upper())
    verb = {LANGUAGE: "generate", TRANSCRIBE: "transcribe"}.get(options.task, "predict")
    own = f" --import {options.task.partition(':')[0]}" if is_own(options.task) else ""
    saved = f"Saved. Use it: transferlearn {verb} {folder} {item}{own}"
    score = in_words(known, f"transferlearn evaluate {folder} {item}S")
    lines = [saved, _watched(fitted, folder, item), f"Result: {score}"]
    if pictures is not None:
        lines.insert(1, f"Pictures of the training: {pictures}")
    return CommandResult(result, "\n".join(lines))


def _watched(fitted: "FittedModel", folder: str, item: str) -> str:
    """Describes what is watched at work, and how to have more watched."""
    from transferlearn.monitoring.reference import TRAINED_ON

    reference = fitted.reference
    said = f"Watched at work: {reference.watched if reference else 'nothing'}."
    if reference is not None and reference.how != TRAINED_ON:
        return said
    return f"{said} For more: transferlearn monitor {folder} NEW_{item}S --make-reference"


def _save(fitted: "FittedModel", options: Namespace) -> Path:
    """Saves a model; if that fails, saves it elsewhere rather than lose it, and gives the place.

    Raises:
        OSError: It cannot be saved anywhere.
    """
    output = options.output
    second = Path(tempfile.gettempdir(), f"{output.resolve().name}-{uuid.uuid4().hex[:8]}")
    try:
        fitted.save(output)
    except OSError as error:
        say(f"The model cannot be saved in {output}: {error}. It is saved in {second} instead.")
        fitted.save(second)
        output = second
    note_of_run(output, options.resume)
    return output


def _check(options: Namespace) -> None:
    """Checks the options, and sets those that depend on what the items are."""
    check_data(options.photos, columns_of(options))
    check_data(options.validation, columns_of(options))
    check_task(options)
    if options.before is not None:
        check_save(options.before)
        return
    check_augmentation(options)
    settle_backbone(options)
    if not is_of_run(options.output, options.resume):
        refuse_other_model(options.output, options)
