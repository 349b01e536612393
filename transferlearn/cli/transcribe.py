"""Runs `transferlearn transcribe`, which writes down what is said in recordings."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from transferlearn.cli.checking import check_items, check_save
from transferlearn.cli.command import CommandResult, add_model
from transferlearn.cli.starting import import_keras
from transferlearn.cli.tasks import add_spoken

if TYPE_CHECKING:
    from transferlearn import FittedModel
    from transferlearn.edge import Transcript

NAME = "transcribe"
HELP = "Write down what is said in recordings of any length."
_WHISPER = "keras_hub:"


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `transcribe`."""
    add_model(parser)
    parser.add_argument("items", nargs="+", metavar="RECORDING", help="files or folders")
    parser.add_argument(
        "--format",
        choices=("text", "srt", "vtt"),
        default="text",
        help="plain text, or subtitles with times (default: %(default)s)",
    )
    add_spoken(parser)


def run(options: Namespace) -> CommandResult:
    """Writes down each recording; where some cannot be used, the exit code is 1."""
    if not _is_whisper(options):
        check_save(options.model)
        if options.language or options.translate:
            raise ValueError(
                f"{options.model} hears what it was trained for: leave --language and --translate "
                "out. They belong to an untouched Whisper, keras_hub:FOLDER."
            )
    check_items(options)
    fitted = _loaded(options)
    listed = fitted.kind.item_reader().listed([Path(item) for item in options.items])
    found = fitted.transcribe(listed)
    result = [asdict(one) | {"text": one.text} for one in found]
    texts = [_written(one, options.format) for one in found]
    return CommandResult(result, "\n".join(texts), int(len(found) < len(listed)))


def _is_whisper(options: Namespace) -> bool:
    """Returns whether the model is the folder of a Whisper, and no save."""
    return str(options.model).startswith(_WHISPER)


def _loaded(options: Namespace) -> "FittedModel":
    """Loads the save, or the Whisper as it came."""
    import_keras()
    from transferlearn import SpeechRecognizerBuilder, load

    if _is_whisper(options):
        return SpeechRecognizerBuilder(
            str(options.model), language=options.language, translate=options.translate
        ).pretrained()
    return load(options.model, trusted=options.trusted)


def _written(transcript: "Transcript", form: str) -> str:
    """Returns a transcript as text or as subtitles."""
    if form == "text":
        return transcript.text
    return transcript.srt() if form == "srt" else transcript.vtt()
