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
        empty = [silence[i] > _SILENT and one.mean < _UNSURE for i, one in enumerate(found)]
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


def _goodness(wrote: Wrote) -> tuple[bool, float]:
    """Returns what is larger for the better text."""
    return not _repeats(wrote.text), wrote.mean


def _repeats(text: str) -> bool:
    """Returns whether a text says the same again and again."""
    content = text.encode()
    return bool(content) and len(content) / len(zlib.compress(content)) > _REPEATED
