"""Reads sentences as training did: words as tokens, in overlapping windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from transferlearn.edge.item_reader import Rows, Seen
from transferlearn.edge.text_reader import TextReader, text_of
from transferlearn.edge.words.rows import Framing, rows_of
from transferlearn.edge.words.sentences import Sentence


@dataclass(frozen=True)
class WordReader(TextReader):
    """Reads sentences as rows of token ids, and knows which word each token is of.

    Args:
        unknown: The id of a word that no token stands for.
        blanks: Whether a blank before a word is a part of its first token.
    """

    name: ClassVar[str] = "words"

    unknown: int = 0
    blanks: bool = False

    def read(self, items: Sequence[object]) -> Rows:
        """Cuts texts, or sentences of words, into rows of tokens.

        Args:
            items: Strings, bytes, `Path`s of files in UTF-8, lists of words, or sentences.

        Raises:
            ValueError: Something is no text, or not in UTF-8.
            OSError: There is no such file.
        """
        sentences = [as_sentence(item) for item in items]
        framing = Framing(self.sequence_length, self.start, self.end, self.unknown, self.blanks)
        parts = rows_of(sentences, self.tokenizer.tokenize_all, framing)
        ids = self.filled([row.ids for of_item in parts for row in of_item])
        item_of = np.repeat(np.arange(len(items)), [len(of_item) for of_item in parts])
        seen = [
            Seen(str(item) if isinstance(item, Path) else None, sentence=sentence)
            for item, sentence in zip(items, sentences, strict=True)
        ]
        words = tuple(row for of_item in parts for row in of_item)
        return Rows({self.input: ids}, item_of, seen, words)


def as_sentence(item: object) -> Sentence:
    """Returns an item as a sentence: a text is cut into words, a list holds them.

    Raises:
        ValueError: It is neither.
        OSError: There is no such file.
    """
    if isinstance(item, Sentence):
        return item
    if isinstance(item, (list, tuple)):
        return Sentence.of_words([text_of(word) for word in item])
    return Sentence.of_text(text_of(item))
