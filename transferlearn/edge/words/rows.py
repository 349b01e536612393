"""Cuts sentences into rows of tokens that a network takes, and remembers where each word went."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from transferlearn.edge.words.sentences import Sentence

Tokenize = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""Returns the token ids of each of several words."""

_SHARE = 4  # windows overlap by a row's room over this, and no word has more tokens


class Framing(NamedTuple):
    """Describes how a network's rows of tokens are made.

    Attributes:
        length: The most tokens of a row, its start and its end included.
        start: The ids before each row.
        end: The ids behind each row.
        unknown: The id of a word that no token stands for.
        blanks: Whether a blank before a word is a part of its first token.
    """

    length: int
    start: tuple[int, ...]
    end: tuple[int, ...]
    unknown: int
    blanks: bool = False

    @property
    def room(self) -> int:
        """Returns how many tokens of words fit into a row."""
        return self.length - len(self.start) - len(self.end)


class WordRow(NamedTuple):
    """Holds one row of tokens, a window of a sentence.

    Attributes:
        ids: The token ids, int32 `(tokens,)`.
        word_of: For each token the number of its word in the sentence; -1 for those that mark the
            ends, and for words that a neighbouring window sees more of, int32 `(tokens,)`.
    """

    ids: np.ndarray
    word_of: np.ndarray

    @property
    def firsts(self) -> np.ndarray:
        """Returns the places of the first token of each word, int64 `(words,)`."""
        before = np.concatenate([[-1], self.word_of[:-1]])
        return np.flatnonzero((self.word_of >= 0) & (self.word_of != before))


def rows_of(
    sentences: Sequence[Sentence], tokenize: Tokenize, framing: Framing
) -> list[list[WordRow]]:
    """Returns the rows of each sentence: one, or overlapping windows of a long one.

    Each word is tokenized alone, so that its tokens are known whatever the tokenizer is. Its answer
    is read from the window in which it stands farthest from an end.
    """
    written = [_written(sentence, framing.blanks) for sentence in sentences]
    different = list(dict.fromkeys(word for words in written for word in words))
    most = max(1, framing.room // _SHARE)
    ids_of = {
        word: list(ids)[:most] or [framing.unknown]
        for word, ids in zip(different, tokenize(different) if different else (), strict=True)
    }
    return [_rows([ids_of[word] for word in words], framing) for words in written]


def of_words(rows: np.ndarray, parts: Sequence[WordRow]) -> np.ndarray:
    """Returns what the rows of one sentence give for its words, `(words, ...)`.

    Args:
        rows: What a network gives for each token, `(rows, tokens, ...)`.
        parts: The rows of the sentence.
    """
    firsts = [part.firsts for part in parts]
    count = max((int(part.word_of.max()) + 1 for part in parts), default=0)
    found = np.zeros((count, *rows.shape[2:]), rows.dtype)
    for values, part, places in zip(rows, parts, firsts, strict=True):
        found[part.word_of[places]] = values[places]
    return found


def _written(sentence: Sentence, blanks: bool) -> list[str]:
    """Returns the words, with the blanks before them where tokens hold these."""
    if not blanks:
        return sentence.words
    return [
        f" {sentence.text[begin:end]}" if begin and sentence.text[begin - 1].isspace() else word
        for (begin, end), word in zip(sentence.spans, sentence.words, strict=True)
    ]


def _rows(ids: list[list[int]], framing: Framing) -> list[WordRow]:
    """Cuts the tokens of a sentence's words into windows."""
    windows = _windows([len(part) for part in ids], framing.room)
    rows = []
    for i, (begin, end) in enumerate(windows):
        first = (begin + windows[i - 1][1]) // 2 if i else 0
        last = (windows[i + 1][0] + end) // 2 if i + 1 < len(windows) else end
        inside = [token for part in ids[begin:end] for token in part]
        words = np.repeat(np.arange(begin, end), [len(part) for part in ids[begin:end]])
        own = np.where((words >= first) & (words < last), words, -1)
        word_of = np.pad(own, (len(framing.start), len(framing.end)), constant_values=-1)
        whole = np.array([*framing.start, *inside, *framing.end], np.int32)
        rows.append(WordRow(whole, word_of.astype(np.int32)))
    return rows


def _windows(lengths: Sequence[int], room: int) -> list[tuple[int, int]]:
    """Returns the first word, and the word behind the last one, of each window."""
    ends = np.cumsum([0, *lengths])
    windows, begin = list[tuple[int, int]](), 0
    while True:
        end = int(np.searchsorted(ends, ends[begin] + room, side="right")) - 1
        windows.append((begin, end))
        if end >= len(lengths):
            return windows
        least = int(np.searchsorted(ends, ends[end] - room // _SHARE, side="left"))
        begin = min(max(least, begin + 1), end)
