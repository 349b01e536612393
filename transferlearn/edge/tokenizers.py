"""Defines tokenizers that need neither Keras nor TensorFlow."""

import abc
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from transferlearn.edge.named import Named


class EdgeTokenizer(Named):
    """Cuts a text into the ids of tokens, as the tokenizer does that a network was trained with."""

    @abc.abstractmethod
    def tokenize(self, text: str) -> list[int]:
        """Gives the ids of a text, without those that mark its start and its end."""


@dataclass(frozen=True)
class CharacterTokenizer(EdgeTokenizer):
    """Takes each character as a token, by its number in Unicode."""

    name: ClassVar[str] = "characters"

    def tokenize(self, text: str) -> list[int]:
        """Gives the numbers of the text's characters; those that are 0 are left out."""
        numbers = np.frombuffer(text.encode("utf-32-le"), np.int32)
        return numbers[numbers > 0].tolist()
