"""Writes to standard error, in the words of options where an error speaks Python."""

import re
import sys
from argparse import Namespace
from functools import partial

from transferlearn.tables import visible

_PHRASES = {
    ", or tl.backbones.names()": "",
    ", or a strategy of tl.freezing": "",
    " or a strategy of tl.freezing": "",
    " or tl.freezing.TrainLastBlocks(1)": "",
    "such as tl.freezing.TrainLastBlocks(1)": "such as --freeze 0.8",
    "take tl.ImageClassifierBuilder or tl.TextClassifierBuilder": (
        "leave --task regression and --target out"
    ),
    "take tl.ImageRegressorBuilder or tl.TextRegressorBuilder with ": "add --task regression ",
    "take tl.ImageRegressorBuilder or tl.TextRegressorBuilder": "add --task regression",
    "For texts: tl.TextClassifierBuilder": "It is for texts",
    "For images: tl.ImageClassifierBuilder": "It is for photos",
    "fitted.predict(...) answers items": "transferlearn predict answers items",
    "tl.load(path, trusted=True)": "add --trusted",
    "first import the module that defines it, a subclass": (
        "add --import with the module that defines it, a subclass"
    ),
    "what tl.export wrote": "what 'transferlearn export' wrote",
    "tl.export(..., quantize='int8', calibration_data='photos/train')": (
        "add --calibration-data photos/train"
    ),
    "pass weights='path/to/file'": "pass --weights path/to/file",
}
_OPTIONS = {"target_names": "target", "validation_data": "validation"}
_VALUE = r"""=('[^']*'|"[^"]*"|\(\d+, \d+\)|True|-?\d[\d.e-]*(?<!\.))"""
_BEFORE = r"""(?<![\w./'"-])"""  # no part of a longer name or of a path
_POSITIONAL = {"photos", "model", "models", "items", "path", "action", "run", "typed"}


def as_lines(message: object, options: Namespace) -> list[str]:
    """Returns the lines of a message; those behind the first are indented, whatever they hold.

    Args:
        message: An error or a warning.
        options: What was typed, whose options are named as they are typed.
    """
    text = str(message).strip() or type(message).__name__
    for python, command in _PHRASES.items():
        text = text.replace(python, command)
    names = {name: name for name in vars(options) if name not in _POSITIONAL} | _OPTIONS
    for name, option in names.items():
        flag = f"--{option.replace('_', '-')}"
        text = re.sub(f"{_BEFORE}{name}{_VALUE}", partial(_typed, flag), text)
        if "_" in name:
            text = re.sub(rf"{_BEFORE}{name}(?![\w./(='\"-])", flag, text)
    first, *rest = text.split("\n")
    # A file's name may hold a line break: it must not look like a line of ours.
    return [first, *(line if line.startswith(" ") else f"  {line}" for line in rest if line)]


def _typed(flag: str, found: re.Match[str]) -> str:
    """Writes an option with its value as it is typed."""
    value = found[1].strip("'\"")
    if value.startswith("("):  # a size
        value = "x".join(re.findall(r"\d+", value))
    return flag if value == "True" else f"{flag} {value}"


_SPREADSHEET = ("=", "+", "-", "@")  # begin a formula


def say(line: str) -> None:
    """Writes a line to standard error, such as one of progress or a warning."""
    print(visible(line), file=sys.stderr, flush=True)


def as_cell(text: str) -> str:
    """Writes a name or a number so that it is one cell of a spreadsheet, and no formula there."""
    # A quotation mark before it is how spreadsheets mark a text; they do not show it.
    begins = len(text) > 1 and text.startswith(_SPREADSHEET) and not _is_number(text)
    return ("'" if begins else "") + visible(text)


def _is_number(text: str) -> bool:
    """Returns whether a text is a number, such as -1.5."""
    try:
        float(text)
    except ValueError:
        return False
    return True
