"""Makes predictions of texts that a language model has written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from transferlearn.edge.description import TensorSpec
from transferlearn.edge.hearing import html_of_file
from transferlearn.edge.item_reader import Rows, Seen
from transferlearn.edge.output_reader import OutputReader

LOGITS = "logits"  # the name of the output by which texts are written


@dataclass(frozen=True, kw_only=True)
class TextPrediction:
    """Holds what a language model has written behind a prompt.

    Attributes:
        text: The text, without the prompt.
        path: The path of the prompt's file, if it has one.
    """

    text: str
    path: str | None = None

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        """Returns the text for notebooks, with its line breaks; a recording can be heard."""
        return f"<p>{escape(self.text).replace(chr(10), '<br>')}</p>{html_of_file(self.path)}"


class Piece(NamedTuple):
    """Holds what is new in a text that is being written.

    Attributes:
        text: Whole characters; often none.
        tokens: The number of tokens of the whole text so far, the one that ends it included.
        ended: Whether the text has ended by itself, or at a stop string.
    """

    text: str
    tokens: int
    ended: bool


class Writer(Protocol):
    """Writes behind prompts with settings of each request's own, piece by piece.

    Attributes:
        context: The most tokens of a prompt and its text together; `None`: any number.
        most_new: The tokens that are written where a request names no number.
    """

    context: int | None
    most_new: int

    def prompt(self, messages: object) -> tuple[str, tuple[str, ...]]:
        """Returns a conversation as a prompt, and the strings at which an answer ends.

        Raises:
            ValueError: They are no messages, or the model's chat template refuses them.
        """

    def write(
        self, prompts: np.ndarray, options: Mapping[str, object]
    ) -> Iterator[list[tuple[int, Piece]]]:
        """Returns what yields what is new, step by step, each with the number of its prompt.

        Args:
            prompts: The tokens of the prompts, int32 `(rows, tokens)`, filled up with -1.
            options: Settings of a `Sampling` that differ from the model's own.

        Raises:
            ValueError: A setting is wrong; it is raised at once.
        """


@dataclass(frozen=True)
class WrittenReader(OutputReader[TextPrediction]):
    """Makes predictions of the bytes of texts."""

    name: ClassVar[str] = "written"
    output: ClassVar[str] = "text"

    def check_outputs(self, outputs: Mapping[str, TensorSpec]) -> None:
        """Refuses a network that gives neither texts nor the logits that they are written by."""
        if not outputs.keys() & {self.output, LOGITS}:
            raise ValueError(f"texts are written by {LOGITS!r}, and there is {sorted(outputs)}.")

    def read(self, outputs: Mapping[str, np.ndarray], seen: Sequence[Seen]) -> list[TextPrediction]:
        """Makes a prediction for each text, of its bytes in UTF-8, uint8 `(texts, bytes)`."""
        return [
            TextPrediction(text=as_text(row), path=one.path)
            for row, one in zip(outputs[self.output], seen, strict=True)
        ]

    def numbers(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns no number: the bytes of a text say nothing to a monitor, `(texts, 0)`."""
        return np.zeros((len(outputs[self.output]), 0))

    def of_items(self, outputs: Mapping[str, np.ndarray], rows: Rows) -> dict[str, np.ndarray]:
        """Returns the texts as they are, since each prompt is one row."""
        return dict(outputs)


def as_bytes(texts: Sequence[str]) -> np.ndarray:
    """Returns texts as their bytes in UTF-8, filled up with 0: uint8 `(texts, bytes)`."""
    encoded = [np.frombuffer(text.encode(), np.uint8) for text in texts]
    found = np.zeros((len(texts), max(1, *map(len, encoded))), np.uint8)
    for place, text in zip(found, encoded, strict=True):
        place[: len(text)] = text
    return found


def as_text(row: np.ndarray) -> str:
    """Returns the text of which `as_bytes` made a row."""
    return row.tobytes().rstrip(b"\0").decode("utf-8", "replace")
