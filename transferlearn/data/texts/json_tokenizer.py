"""Reads a `tokenizer.json` by the package tokenizers, which is how Hugging Face describes one."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from transferlearn.data.texts.tokenizer import Tokenizer
from transferlearn.edge.tokenizers import JsonPieces


class JsonTokenizer(Tokenizer):
    """Cuts texts as a `tokenizer.json` says; two with the same file are equal.

    No token goes before a text or behind it, whatever the file says: who uses it adds them.

    Args:
        description: The content of the file.

    Raises:
        ValueError: It describes no tokenizer.
        ImportError: The package tokenizers is not installed.
    """

    start: tuple[int, ...] = ()
    end: tuple[int, ...] = ()
    padding = -1
    unknown = None

    def __init__(self, description: str) -> None:
        self._pieces = JsonPieces(description)

    @cached_property
    def size(self) -> int:
        """The number of tokens, special ones included."""
        return int(self._pieces.own.get_vocab_size())

    def id_of(self, token: str) -> int | None:
        """Returns the id of a token; `None`: there is no such token."""
        found = self._pieces.own.token_to_id(token)
        return None if found is None else int(found)

    def tokenize(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Returns the ids of each text."""
        return [np.array(ids, np.int32) for ids in self._pieces.tokenize_all(texts)]

    def spelled(self, ids: Sequence[int]) -> list[str]:
        """Returns the string of each token, as the vocabulary has it."""
        return [str(self._pieces.own.id_to_token(int(i))) for i in ids]

    def for_edge(self) -> JsonPieces:
        """Returns the same tokenizer, of which exports are read."""
        return self._pieces

    def as_json(self) -> str:
        """Returns the file."""
        return self._pieces.description

    def save(self, folder: Path) -> None:
        """Writes the file into a new folder."""
        folder.mkdir()
        self._pieces.write(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads the file in a folder."""
        return cls(JsonPieces.load({}, folder).description)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonTokenizer) and self._pieces == other._pieces

    def __hash__(self) -> int:
        return hash(self._pieces)
