"""Cuts long texts where a tokenizer of byte pairs ends a token, so that they take little memory."""

import re
from collections.abc import Callable, Sequence

import numpy as np

_LONGEST = 2**18  # characters of a piece
# Such tokenizers look at words one by one, and a single blank or line break ends one.
_BORDER = re.compile(r"\S(?= \S)|\S\n(?=\S)")


def pieces_of(text: str, longest: int = _LONGEST) -> list[str]:
    """Cuts a text into pieces of about `longest` characters, which together are the text."""
    pieces, begin = list[str](), 0
    while len(text) - begin > longest:
        border = _BORDER.search(text, begin + longest)
        if border is None:
            break
        pieces.append(text[begin : border.end()])
        begin = border.end()
    return [*pieces, text[begin:]]


def tokenized_in_pieces(
    texts: Sequence[str], tokenize: Callable[[list[str]], Sequence[np.ndarray]], at_once: int
) -> list[np.ndarray]:
    """Returns the ids of texts, int32, of which a few pieces are tokenized at a time.

    Args:
        texts: The texts.
        tokenize: Returns the ids of each of some pieces.
        at_once: The most pieces that it takes.
    """
    found, waiting, size = list[list[np.ndarray]](), list[tuple[int, str]](), 0

    def flush() -> None:
        for (number, _), ids in zip(waiting, tokenize([x for _, x in waiting]), strict=True):
            found[number].append(np.asarray(ids, np.int32))
        waiting.clear()

    for number, text in enumerate(texts):
        found.append([])
        for piece in pieces_of(text):
            waiting.append((number, piece))
            size += len(piece)
            if len(waiting) == at_once or size >= _LONGEST:
                flush()
                size = 0
    if waiting:
        flush()
    return [np.concatenate(parts) for parts in found]
