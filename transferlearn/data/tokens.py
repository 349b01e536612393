"""Texts as numbers: the tokenizer, and rows of token ids."""

import abc
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from .items import RawItems


class Tokenizer(abc.ABC):
    """Cuts texts into the tokens that a network was trained on.

    Attributes:
        start: Ids that go before a text.
        end: Ids that go behind it.
        padding: The id that fills rows up; no text has it.
        unknown: The id of what the tokenizer does not know; `None` where it knows everything.
    """

    start: tuple[int, ...]
    end: tuple[int, ...]
    padding: int
    unknown: int | None

    @abc.abstractmethod
    def tokenize(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Gives the ids of each text, int32, without `start` and `end`, of any length."""

    @abc.abstractmethod
    def save(self, folder: Any) -> None:
        """Writes the tokenizer's files into a new folder."""


class TokenItems(RawItems):
    """Rows of token ids, filled up to one length.

    Args:
        ids: Of each row, int32, none longer than `length`.
        length: Of the rows that come out.
        padding: The id that they are filled up with.
    """

    def __init__(self, ids: Sequence[np.ndarray], length: int, padding: int) -> None:
        self._ids = ids
        self._length = length
        self._padding = padding

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def lengths(self) -> np.ndarray:
        """How many tokens each row has."""
        return np.array([len(row) for row in self._ids])

    @property
    def reading(self) -> str:
        """The length, and what rows are filled up with."""
        return f"{self._length} tokens, padding {self._padding}"

    def content_hashes(self) -> list[str]:
        """Of the ids."""
        return [hashlib.sha256(row.tobytes()).hexdigest() for row in self._ids]

    @property
    def held_bytes(self) -> int:
        """Of the ids."""
        return sum(row.nbytes for row in self._ids)

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Fills the rows up."""
        batch = np.full((len(rows), self._length), self._padding, np.int32)
        for place, row in zip(batch, rows, strict=True):
            place[: len(self._ids[row])] = self._ids[row]
        return lambda: batch

    def subset(self, rows: np.ndarray) -> Self:
        """The rows, in that order."""
        return type(self)([self._ids[i] for i in rows], self._length, self._padding)

    def of_length(self, length: int) -> Self:
        """The same rows, filled up to another length."""
        return type(self)(self._ids, length, self._padding)
