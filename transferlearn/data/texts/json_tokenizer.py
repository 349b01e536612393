"""Reads a `tokenizer.json` by the package tokenizers, which is how Hugging Face describes one."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from transferlearn.data.texts.tokenizer import Tokenizer
from transferlearn.extras import install_line

_FILE = "tokenizer.json"


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
        try:
            from tokenizers import Tokenizer as OfRust
        except ImportError as error:
            raise ImportError(f"A tokenizer.json needs {install_line('speech')}") from error
        self._description = description
        try:
            self._own: Any = OfRust.from_str(description)
        except Exception as error:  # the package raises nothing finer
            raise ValueError(f"{_FILE} describes no tokenizer: {error!s:.200}") from error
        self._own.no_padding()
        self._own.no_truncation()

    @cached_property
    def size(self) -> int:
        """The number of tokens, special ones included."""
        return int(self._own.get_vocab_size())

    def id_of(self, token: str) -> int | None:
        """Returns the id of a token; `None`: there is no such token."""
        found = self._own.token_to_id(token)
        return None if found is None else int(found)

    def tokenize(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Returns the ids of each text."""
        found = self._own.encode_batch(list(texts), add_special_tokens=False)
        return [np.array(one.ids, np.int32) for one in found]

    def spelled(self, ids: Sequence[int]) -> list[str]:
        """Returns the string of each token, as the vocabulary has it."""
        return [str(self._own.id_to_token(int(i))) for i in ids]

    def text(self, ids: Sequence[int]) -> str:
        """Returns the text that ids stand for, without special tokens."""
        return str(self._own.decode(list(map(int, ids)), skip_special_tokens=True))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Returns where each token of a text stands in it."""
        return [tuple(ends) for ends in self._own.encode(text, add_special_tokens=False).offsets]

    def as_json(self) -> str:
        """Returns the file."""
        return self._description

    def save(self, folder: Path) -> None:
        """Writes the file into a new folder."""
        folder.mkdir()
        (folder / _FILE).write_text(self._description, "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads the file in a folder."""
        return cls((folder / _FILE).read_text("utf-8"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonTokenizer) and self._description == other._description

    def __hash__(self) -> int:
        return hash(self._description)
