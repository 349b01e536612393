"""Writes down what is said in recordings of any length by a fitted model."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from transferlearn.data import Speech
from transferlearn.data.messages import check_on_error, indented, notice
from transferlearn.edge.pauses import cut_out, levels_of, spoken_parts
from transferlearn.edge.recordings import RecordingError, blocks_of, part_of
from transferlearn.edge.seams import joined
from transferlearn.edge.transcripts import Segment, Transcript
from transferlearn.fitted.trained import Trained
from transferlearn.tasks.writing.hearing import Hears

_AT_ONCE = 32.0  # seconds in the rows of a batch: attention takes 54 MB for each 30 s of tiny


def transcribed(
    fitted: Trained, recordings: object, on_error: str, options: dict[str, Any]
) -> Transcript | list[Transcript]:
    """Returns the transcript of one recording, or a list of those of several.

    Raises:
        TypeError: The model writes nothing down.
        ValueError: A recording cannot be read.
    """
    check_on_error(on_error)
    kind = fitted.kind
    if not isinstance(kind, Speech):
        raise TypeError(
            f"A model of {fitted.encoding.name} writes nothing down of recordings: "
            "fitted.predict(...) answers items."
        )
    hears = Hears(fitted.answerer(**options))
    length = kind.samples / kind.sample_rate
    at_once = max(1, min(fitted.outline.batch_size, int(_AT_ONCE / length)))
    reader = kind.item_reader()
    if reader.is_one(recordings):
        return _of_one(hears, kind, recordings, at_once)
    given, found, skipped = reader.listed(recordings), list[Transcript](), list[str]()
    for item in given:
        try:
            found.append(_of_one(hears, kind, item, at_once))
        except RecordingError as error:
            if on_error == "raise":
                raise
            skipped.append(str(error))
    if skipped:
        notice(f"Skipped {len(skipped)} of {len(given)} recordings:{indented(skipped)}")
    return found


def _of_one(hears: Hears, kind: Speech, item: object, at_once: int) -> Transcript:
    """Writes down one recording, which is read twice: for its pauses, and part by part."""
    path = str(item) if isinstance(item, str) or hasattr(item, "__fspath__") else None
    try:
        part, rate = part_of(item), kind.sample_rate
        parts = spoken_parts(levels_of(blocks_of(part, rate), rate), kind.samples / rate)
        samples = cut_out(blocks_of(part, rate), rate, parts)
        segments = list[Segment]()
        for begin in range(0, len(parts), at_once):
            rows = _rows(list(islice(samples, at_once)), kind.samples)
            times = parts[begin : begin + at_once]
            for (start, end), text in zip(times, hears.texts(rows), strict=True):
                if text:
                    segments.append(Segment(part.start + start, part.start + end, text))
    except RecordingError as error:
        raise RecordingError(f"{path or 'The recording'} cannot be read: {error}.") from error
    return Transcript(tuple(joined(segments)), path)


def _rows(samples: Sequence[np.ndarray], length: int) -> np.ndarray:
    """Returns parts as rows, filled up with silence: float32 `(parts, length)`."""
    rows = np.zeros((len(samples), length), np.float32)
    for row, part in zip(rows, samples, strict=True):
        row[: len(part)] = part[:length]
    return rows
