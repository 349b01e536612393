"""Reads texts as training did: cut into tokens, framed, and filled up to one length."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from transferlearn.edge.description import TensorSpec
from transferlearn.edge.item_reader import ItemReader, Rows, Seen, check_input
from transferlearn.edge.tokenizers import EdgeTokenizer
from transferlearn.json_fields import Json
from transferlearn.monitoring.traits import Traits, of_tokens

MOST = 2**17  # tokens of a prompt that a server reads, where the network reads any number
_STEP = 32  # tokens; rows are filled up to a multiple of it, as where Keras predicts


@dataclass(frozen=True)
class TextReader(ItemReader):
    """Reads texts as rows of token ids.

    Args:
        tokenizer: The tokenizer of the network.
        sequence_length: The most tokens of a row, its start and its end included.
        long_texts: What is done with longer texts: `"truncate"` or `"split"`.
        start: The ids before each row.
        end: The ids behind each row.
        padding: The id that rows are filled up with.
        input: The name of the network's input.
        prefix: What is read before each text, such as the task words of a T5.
    """

    name: ClassVar[str] = "texts"
    endings: ClassVar[tuple[str, ...]] = (".txt",)

    tokenizer: EdgeTokenizer
    sequence_length: int
    long_texts: str = "truncate"
    start: tuple[int, ...] = ()
    end: tuple[int, ...] = ()
    padding: int = 0
    input: str = "token_ids"
    prefix: str = ""

    def __post_init__(self) -> None:
        if self.sequence_length <= len(self.start) + len(self.end):
            raise ValueError(f"sequence_length {self.sequence_length} has no room for a token")
        if self.long_texts not in ("truncate", "split"):
            raise ValueError(f"long_texts is truncate or split. Received: {self.long_texts!r:.60}")

    def check_inputs(self, inputs: Mapping[str, TensorSpec]) -> None:
        """Compares the name of the input, which takes rows of tokens."""
        check_input(inputs, self.input, (None, None))

    def is_one(self, items: object) -> bool:
        """Returns whether this is one text: a string, or the `Path` of a file."""
        return isinstance(items, (str, bytes, Path)) and not self.is_folder(items)

    def read(self, items: Sequence[object]) -> Rows:
        """Cuts texts into rows of tokens; a `Path` is that of a file in UTF-8.

        Raises:
            ValueError: Something is no text, or not in UTF-8.
            OSError: There is no such file.
        """
        pieces = [
            self._pieces(self.tokenizer.tokenize(self.prefix + text_of(item))) for item in items
        ]
        ids = self.filled(
            [(*self.start, *piece, *self.end) for of_item in pieces for piece in of_item]
        )
        item_of = np.repeat(np.arange(len(items)), [len(of_item) for of_item in pieces])
        seen = [Seen(str(x) if isinstance(x, Path) else None) for x in items]
        return Rows({self.input: ids}, item_of, seen)

    def filled(self, rows: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
        """Returns rows of tokens, filled up to one length, int32 `(rows, tokens)`."""
        longest = max(1, *map(len, rows))
        ids = np.full(
            (len(rows), min(-(-longest // _STEP) * _STEP, self.sequence_length)),
            self.padding,
            np.int32,
        )
        for place, row in zip(ids, rows, strict=True):
            place[: len(row)] = row
        return ids

    def traits(self, arrays: Mapping[str, np.ndarray]) -> Traits:
        """Measures the number of tokens of each row."""
        tokens = of_tokens(arrays[self.input], self.padding, None)
        return {"tokens": tokens["tokens"]}

    def settings(self) -> Json:
        """Returns the settings, with the tokenizer's name and its own settings."""
        tokenizer = {"name": self.tokenizer.name, "settings": self.tokenizer.settings()}
        return {
            **{n: getattr(self, n) for n in asdict(self) if n != "tokenizer"},
            "tokenizer": tokenizer,
        }

    def write(self, folder: Path) -> None:
        """Writes the tokenizer's files."""
        self.tokenizer.write(folder)

    @classmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Makes the reader, with its tokenizer."""
        tokenizer = EdgeTokenizer.named(settings["tokenizer"], folder)
        return super().load({**settings, "tokenizer": tokenizer}, folder)

    def _pieces(self, ids: Sequence[int]) -> list[Sequence[int]]:
        """Cuts ids to the length of one row, or into several rows if texts are split."""
        room = self.sequence_length - len(self.start) - len(self.end)
        if self.long_texts == "truncate" or len(ids) <= room:
            return [ids[:room]]
        return [part.tolist() for part in np.array_split(ids, -(-len(ids) // room))]


@dataclass(frozen=True)
class PromptReader(TextReader):
    """Reads prompts, which a language model goes on with; of a long one, the end is read."""

    name: ClassVar[str] = "prompts"
    endings: ClassVar[tuple[str, ...]] = (".txt", ".md", ".markdown")

    def _pieces(self, ids: Sequence[int]) -> list[Sequence[int]]:
        """Returns the last ids that fit into a row."""
        if not ids:
            raise ValueError("A prompt is empty, so there is nothing to go on from.")
        return [ids[-self.sequence_length :]]


def text_of(item: object) -> str:
    """Returns an item as a string."""
    content = item.read_bytes() if isinstance(item, Path) else item
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        if not isinstance(text, str) or "\0" in text:
            raise ValueError(f"A text is a string without zeros in it. Received: {item!r:.60}")
        text.encode()  # Python lets a string hold half of a surrogate pair
    except UnicodeError as error:
        raise ValueError(f"{item!r:.60} is not UTF-8: {error.reason}.") from error  # type: ignore[attr-defined]
    return text
