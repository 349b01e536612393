"""Writes down what is said, and sees to it that nothing is invented or said again and again."""

import zlib
from collections.abc import Callable
from itertools import islice

import numpy as np

from transferlearn.edge.audio_reader import AudioReader
from transferlearn.edge.generation import NextLogits
from transferlearn.edge.pauses import cut_out, levels_of, spoken_parts
from transferlearn.edge.recordings import RecordingError, blocks_of, part_of
from transferlearn.edge.seams import joined
from transferlearn.edge.text_writer import TextWriter, Wrote
from transferlearn.edge.transcripts import Segment, Transcript

_AT_ONCE = 32.0  # seconds in the rows of a batch: attention takes 54 MB for each 30 s of tiny

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
        begin: Takes samples, float32 `(rows, samples)`, and returns what reads token by token what
            is written of them.
        writer: Writes texts.
    """

    def __init__(self, begin: Callable[[np.ndarray], NextLogits], writer: TextWriter) -> None:
        self._begin = begin
        self._writer = writer

    def wrote(self, x: np.ndarray) -> list[Wrote]:
        """Returns what is said in each row, float32 `(rows, samples)`; empty where nothing is."""
        logits = self._begin(x)
        silence = self._silence(logits, len(x))
        found = self._writer.wrote(logits, len(x))
        for temperature in _TEMPERATURES:
            bad = [i for i, one in enumerate(found) if _is_bad(one) and silence[i] <= _SILENT]
            if not bad:
                break
            again = self._writer.wrote(self._begin(x[bad]), len(bad), temperature)
            for i, one in zip(bad, again, strict=True):
                found[i] = max(found[i], one, key=_goodness)
        empty = [_is_nothing(one, silence[i]) for i, one in enumerate(found)]
        return [
            one._replace(text="") if nothing else one
            for one, nothing in zip(found, empty, strict=True)
        ]

    def _silence(self, logits: NextLogits, rows: int) -> np.ndarray:
        """Returns the probability that nothing is said, `(rows,)`."""
        if self._writer.silence is None:
            return np.zeros(rows)
        behind = self._writer.behind_first(logits, rows).astype("float64")
        shares = np.exp(behind - behind.max(axis=1, keepdims=True))
        return shares[:, self._writer.silence] / shares.sum(axis=1)


def transcript_of(hears: Hears, reader: AudioReader, item: object) -> Transcript:
    """Writes down one recording, which is read twice: for its pauses, and part by part.

    Raises:
        RecordingError: It cannot be read.
    """
    path = str(item) if isinstance(item, str) or hasattr(item, "__fspath__") else None
    rate, length = reader.sample_rate, reader.samples / reader.sample_rate
    at_once = max(1, int(_AT_ONCE / length))
    try:
        part = part_of(item)
        parts = spoken_parts(levels_of(blocks_of(part, rate), rate), length)
        samples = cut_out(blocks_of(part, rate), rate, parts)
        segments = list[Segment]()
        for begin in range(0, len(parts), at_once):
            rows = _rows(list(islice(samples, at_once)), reader.samples)
            times = parts[begin : begin + at_once]
            for (start, end), one in zip(times, hears.wrote(rows), strict=True):
                if one.text:
                    begun, over = part.start + start, part.start + end
                    segments.append(Segment(begun, over, one.text, one.language))
    except RecordingError as error:
        raise RecordingError(f"{path or 'The recording'} cannot be read: {error}.") from error
    return Transcript(tuple(joined(segments)), path)


def _rows(samples: list[np.ndarray], length: int) -> np.ndarray:
    """Returns parts as rows, filled up with silence: float32 `(parts, length)`."""
    rows = np.zeros((len(samples), length), np.float32)
    for row, part in zip(rows, samples, strict=True):
        row[: len(part)] = part[:length]
    return rows


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
