"""Writes down what is said, and sees to it that nothing is invented or said again and again."""

import zlib
from typing import Any

import keras
import numpy as np

from transferlearn.tasks.answering import Answerer
from transferlearn.tasks.writing.answering import Writes, Wrote

# As Whisper itself has it: github.com/openai/whisper, transcribe.py.
_TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0)  # that are tried where the likeliest text is no good
_REPEATED = 2.4  # times that a text with the same words again and again can be compressed
_UNSURE = -1.0  # the mean logarithm of the probability of a token, in nats
_SILENT = 0.6  # the probability that nothing is said
# What Whisper itself lacks: of noise, tiny.en writes "you" at -0.86, and is surer of what is said.
_SURELY_SILENT, _NOT_SURE = 0.9, -0.7
_AGAIN = 8  # words in a row that stand before, too, at one distance: a loop that is not longer


class Hears:
    """Writes down what is said in rows of samples.

    A text that repeats itself, or of which the network is not sure, is written anew at higher
    temperatures. Where the network finds that nothing is said and is not sure of its text, either,
    there is none.

    Args:
        writes: Writes texts.

    Raises:
        TypeError: Answers of this model are no texts.
    """

    def __init__(self, writes: Answerer) -> None:
        if not isinstance(writes, Writes):
            raise TypeError("This model writes no texts.")
        self._writes = writes

    def texts(self, x: Any) -> list[str]:
        """Returns what is said in each row, float32 `(rows, samples)`; empty where nothing is."""
        logits = self._writes.begin(x)
        silence = self._silence(logits, len(x))
        found = self._writes.wrote(logits, len(x))
        for temperature in _TEMPERATURES:
            bad = [i for i, one in enumerate(found) if _is_bad(one) and silence[i] <= _SILENT]
            if not bad:
                break
            again = self._writes.wrote(self._writes.begin(x[bad]), len(bad), temperature)
            for i, one in zip(bad, again, strict=True):
                found[i] = max(found[i], one, key=_goodness)
        empty = [_is_nothing(one, silence[i]) for i, one in enumerate(found)]
        return ["" if nothing else one.text for one, nothing in zip(found, empty, strict=True)]

    def _silence(self, logits: Any, rows: int) -> np.ndarray:
        """Returns the probability that nothing is said, `(rows,)`."""
        writer = self._writes.writer
        if writer.silence is None:
            return np.zeros(rows)
        first = np.full((rows, 1), writer.begin[0], np.int32)
        behind = logits.first(first, np.ones(rows, int), 1)
        shares = keras.ops.softmax(keras.ops.convert_to_tensor(behind), axis=-1)
        return np.asarray(keras.ops.convert_to_numpy(shares))[:, writer.silence]


def _is_bad(wrote: Wrote) -> bool:
    """Returns whether a text repeats itself, or the network is not sure of it."""
    return wrote.mean < _UNSURE or _repeats(wrote.text)


def _is_nothing(wrote: Wrote, silence: float) -> bool:
    """Returns whether a text is invented, since nothing is said or it has no word."""
    if not any(map(str.isalnum, wrote.text)):
        return True
    least = _NOT_SURE if silence > _SURELY_SILENT else _UNSURE
    return silence > _SILENT and (wrote.mean < least or _repeats(wrote.text))


def _goodness(wrote: Wrote) -> tuple[bool, float]:
    """Returns what is larger for the better text."""
    return not _is_bad(wrote), wrote.mean


def _repeats(text: str) -> bool:
    """Returns whether a text says the same again and again."""
    content = text.encode()
    if content and len(content) / len(zlib.compress(content)) > _REPEATED:
        return True
    words = text.casefold().split()
    return any(_longest_equal(words, back) >= _AGAIN for back in range(1, len(words)))


def _longest_equal(words: list[str], back: int) -> int:
    """Returns the most words in a row, each of which stands `back` words before, too."""
    most = run = 0
    for one, before in zip(words[back:], words, strict=False):
        run = run + 1 if one == before else 0
        most = max(most, run)
    return most
