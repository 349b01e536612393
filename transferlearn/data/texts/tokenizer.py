"""Defines tokenizers, which cut texts into the tokens that a network was trained on."""

import abc
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from transferlearn.edge.chat import ChatTemplate
from transferlearn.edge.tokenizers import CharacterTokenizer, EdgeTokenizer

_CLASS = "class.json"  # the file of a save that names the tokenizer's class


class Tokenizer(abc.ABC):
    """Cuts texts into the tokens that a network was trained on.

    Attributes:
        start: The ids that go before each text.
        end: The ids that go behind each text.
        padding: The id that fills rows up; no text has it.
        unknown: The id of what the tokenizer does not know; `None` where it knows everything.
        blanks: Whether a blank before a word is a part of the word's first token.
        chat_template: Writes conversations as one text; by default `role: content` on a line each.
    """

    start: tuple[int, ...]
    end: tuple[int, ...]
    padding: int
    unknown: int | None
    blanks: bool = False
    chat_template: ChatTemplate = ChatTemplate()

    @abc.abstractmethod
    def tokenize(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Returns the ids of each text, int32, without `start` and `end`, of any length."""

    def spelled(self, ids: Sequence[int]) -> list[str]:
        """Returns the string of each token; by default its id in digits."""
        return [str(i) for i in ids]

    def text(self, ids: Sequence[int]) -> str:
        """Returns the text that ids stand for, by default as `for_edge` does."""
        return self._edge("text(self, ids)").text(ids)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Returns where each token of a text stands in it, by default as `for_edge` does.

        Returns:
            The begin and the end of each token of `tokenize`, in characters.
        """
        return self._edge("spans(self, text)").spans(text)

    def _edge(self, missing: str) -> EdgeTokenizer:
        """Returns the tokenizer for exports; raises `NotImplementedError` where there is none."""
        edge = self.for_edge()
        if edge is None:
            raise NotImplementedError(f"{type(self).__name__} has no def {missing}: write one.")
        return edge

    def for_edge(self) -> EdgeTokenizer | None:
        """Returns the same tokenizer without Keras and TensorFlow; `None`: there is none."""
        return None

    def as_json(self) -> str | None:
        """Returns the content of a `tokenizer.json` of Hugging Face; `None`: there is none."""
        return None

    @abc.abstractmethod
    def save(self, folder: Path) -> None:
        """Writes the tokenizer's files into a new folder, which it makes."""

    @classmethod
    @abc.abstractmethod
    def load(cls, folder: Path) -> Self:
        """Reads what `save` wrote."""


@dataclass(frozen=True)
class TokenizerInKeras(EdgeTokenizer):
    """Cuts texts by a tokenizer that needs Keras; no export holds it, so it has no name.

    Args:
        tokenizer: The tokenizer.
    """

    tokenizer: Tokenizer

    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of a text."""
        (ids,) = self.tokenize_all([text])
        return ids

    def text(self, ids: Sequence[int]) -> str:
        """Returns the text that ids stand for."""
        return self.tokenizer.text(ids)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Returns where each token of a text stands in it."""
        return self.tokenizer.spans(text)

    def tokenize_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of each text, in one call."""
        return [ids.tolist() for ids in self.tokenizer.tokenize(texts)]


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Writes a tokenizer, and the name of its class, into a new folder."""
    tokenizer.save(folder)
    (folder / _CLASS).write_text(json.dumps({"class": _name(type(tokenizer))}), "utf-8")


def load_tokenizer(folder: Path) -> Tokenizer:
    """Reads what `save_tokenizer` wrote; raises `ValueError` if its class is not imported."""
    try:
        name = str(json.loads((folder / _CLASS).read_text("utf-8"))["class"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{folder / _CLASS} names no tokenizer: {error!r:.300}") from error
    known, waiting = {}, [Tokenizer]
    while waiting:
        waiting += (tokenizer := waiting.pop()).__subclasses__()
        known[_name(tokenizer)] = tokenizer
    if name not in known:
        raise ValueError(
            f"{folder} was written by a tokenizer of your own: import the module that has {name} "
            "first."
        )
    return known[name].load(folder)


def _name(tokenizer: type) -> str:
    """Returns the name of a class, with that of its module."""
    return f"{tokenizer.__module__}.{tokenizer.__qualname__}"


class Characters(Tokenizer):
    """Takes each character as a token, by its number in Unicode."""

    start = ()
    end = ()
    padding = 0
    unknown = None

    def tokenize(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Returns the numbers of each text's characters; those that are 0 are left out."""
        tokenize = self.for_edge().tokenize
        return [np.array(tokenize(text), np.int32) for text in texts]

    def spelled(self, ids: Sequence[int]) -> list[str]:
        """Returns the characters."""
        return [chr(i) for i in ids]

    def for_edge(self) -> CharacterTokenizer:
        """Returns the same tokenizer, of which exports are read."""
        return CharacterTokenizer()

    def save(self, folder: Path) -> None:
        """Makes the folder, and writes nothing into it, since there is nothing to keep."""
        folder.mkdir()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Makes a tokenizer without reading anything, since all of them are alike."""
        return cls()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Characters)

    def __hash__(self) -> int:
        return hash(Characters)
