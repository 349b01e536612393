"""Defines the dataset of texts whose words have tags: rows of tokens, with the word of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from transferlearn.data.batches import Beside
from transferlearn.data.dataset import Request
from transferlearn.data.sequences.targets import NONE, WordTagTargets
from transferlearn.data.targets.base import Encoded
from transferlearn.data.texts.dataset import TextDataset
from transferlearn.data.texts.tokens import STEP
from transferlearn.edge import Seen
from transferlearn.edge.words.predictions import filled
from transferlearn.edge.words.rows import WordRow, of_words
from transferlearn.edge.words.sentences import Sentence


@dataclass(frozen=True, kw_only=True, eq=False)
class WordDataset(TextDataset):
    """Holds texts as rows of tokens, and knows which word each token is of.

    Attributes:
        sentences: The text that each row comes from, with the places of its words.
        words: The tokens of each row, with their words.
    """

    sentences: list[Sentence]
    words: Sequence[WordRow]

    def as_given(self, numbers: np.ndarray) -> list[Any]:
        """Returns the texts with these numbers, as their words are known."""
        return [self.sentences[row] for row in self.first_rows[numbers]]

    def seen(self) -> Iterator[Seen]:
        """Yields what is known of each text: its file, and its words."""
        paths: Sequence[str | None] = self.paths or [None] * self.count
        for path, row in zip(paths, self.first_rows, strict=True):
            yield Seen(path, sentence=self.sentences[row])

    def rows(self, rows: np.ndarray) -> Self:
        """Returns these rows, in that order."""
        return replace(
            super().rows(rows),
            sentences=[self.sentences[row] for row in rows],
            words=[self.words[row] for row in rows],
        )

    def of_items(self, values: np.ndarray) -> np.ndarray:
        """Returns what the network gave for the words of each text, `(texts, most words, ...)`.

        What lies behind the last word of a text is 0.
        """
        order = np.argsort(self.item_of, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(self.item_of[order])) + 1)
        return filled([of_words(values[rows], [self.words[i] for i in rows]) for rows in parts])

    def of_words(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Returns what the network gave for the words of each of some rows, as `of_items` does."""
        pairs = zip(rows, values, strict=True)
        return filled([of_words(one[None], [self.words[row]]) for row, one in pairs])

    def beside(self, request: Request) -> Beside | None:
        """Makes the function that gives a batch's tags, one for each token of the batch."""
        of_texts, targets = super().beside(request), self.targets
        if of_texts is None:
            return None
        assert isinstance(targets, WordTagTargets)
        continuing, length = targets.continuing, self.shape[0]

        def beside(rows: np.ndarray) -> Encoded:
            given = of_texts(rows)
            longest = max(1, *(len(self.words[row].ids) for row in rows))
            tokens = np.full((len(rows), min(-(-longest // STEP) * STEP, length)), NONE, np.int32)
            for place, row, tags in zip(tokens, rows, given.targets, strict=True):
                _tag(place, self.words[row], tags, continuing)
            return given._replace(targets=tokens, aligned=True)

        return beside


def _tag(place: np.ndarray, row: WordRow, tags: np.ndarray, continuing: np.ndarray) -> None:
    """Writes the tags of words to their tokens."""
    known = np.flatnonzero(row.word_of >= 0)
    of_token = tags[row.word_of[known]]
    place[known] = np.where(of_token >= 0, continuing[of_token], NONE)
    place[row.firsts] = tags[row.word_of[row.firsts]]
