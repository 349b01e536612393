"""Holds what backbones of a Whisper and of a Moonshine share."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras

from transferlearn.backbones.base import AudioBackbone
from transferlearn.backbones.graph import copy_operation
from transferlearn.data import Writer
from transferlearn.data.texts import JsonTokenizer
from transferlearn.types import Operation

TOKENIZER = "tokenizer.json"
TAKE_SPEECH = "Take the folder of a Whisper or Moonshine: 'keras_hub:path/to/whisper-tiny.en'."


@dataclass(frozen=True, kw_only=True)
class SpeechBackbone(AudioBackbone):
    """Holds an encoder of recordings with the decoder that writes down what is said.

    Attributes:
        writer: Knows the tokens that the decoder writes.
    """

    writer: Writer


class Spoken(NamedTuple):
    """Says in which language recordings are, and in which their words are written.

    Attributes:
        language: The code of the language that is spoken, such as `"de"`; `None`: it is found.
        translate: Whether what is said is written in English.
    """

    language: str | None
    translate: bool

    def check_english(self, network: str) -> None:
        """Raises `ValueError` for what a network that knows one language cannot do."""
        if self.language not in ("en", None) or self.translate:
            raise ValueError(
                f"This {network} knows English only. Received: "
                f"language={self.language!r}, translate={self.translate}"
            )


def tokenizer_in(folder: Path) -> JsonTokenizer:
    """Reads the tokenizer of a folder; raises `ValueError` where there is none."""
    file = folder / TOKENIZER
    if not file.is_file():
        raise ValueError(f"{folder} has no {TOKENIZER}, by which tokens become words.")
    return JsonTokenizer(file.read_text("utf-8"))


class Copies:
    """Copies layers, and holds each with its copy.

    Attributes:
        pairs: Each layer with its copy.
    """

    def __init__(self) -> None:
        self.pairs: list[tuple[Operation, Operation]] = []

    def __call__(self, layer: keras.Layer) -> keras.Layer:
        """Returns a copy of a layer, without its weights."""
        fresh = copy_operation(layer)
        self.pairs.append((layer, fresh))
        return fresh
