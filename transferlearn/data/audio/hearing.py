"""Reads a recording once before training, and says what is wrong or odd with it."""

import hashlib
from itertools import compress
from typing import NamedTuple

import numpy as np

from transferlearn.edge.recordings import RecordingError, blocks_of, is_cut_off, own_rate, part_of

ODD = (
    "Silent from beginning to end",
    "Shorter than 0.02 seconds",
    "Shorter than the header of the file promises, so maybe cut off",
    "Clipped: too loud for the microphone or the file, so that peaks are cut flat",
    "Of less than half the rate that the network takes, so that it has no high pitches",
    "Far louder than [-1, 1], as whole numbers are that were not divided by their greatest value",
    "Ends more than 0.1 seconds before the end of the part that is asked for",
)
"""What may be odd of recordings that are read all the same."""

_SHORT = 0.02  # seconds
_CLIPPED = 0.05  # share of samples with the greatest value; of a sine there are 3%
_FULL_SCALE = 0.98
_LOUD = 16.0  # more than a recording in floats that is merely too loud
_MISSING = 0.1  # seconds
_FLAT = 0.999  # share of the loudest sample from which on a peak counts as cut flat


class Heard(NamedTuple):
    """Holds what is known of a recording.

    Attributes:
        samples: How many there are, at the network's rate.
        content_hash: The SHA-256 of the samples.
        odd: What of `ODD` is true of it.
        problem: Why it cannot be used; empty if it can.
    """

    samples: int
    content_hash: str
    odd: tuple[str, ...]
    problem: str


def hear(rate: int, item: object) -> Heard:
    """Reads one recording at a rate in Hz, block by block, and returns what is known of it."""
    content, count = hashlib.sha256(), 0
    peaks: list[tuple[float, int]] = []  # of each block
    try:
        part = part_of(item)
        for block in blocks_of(part, rate):
            content.update(block.tobytes())
            count += len(block)
            if len(block):
                loudness = np.abs(block)
                highest = loudness.max()
                peaks.append((float(highest), int((loudness >= _FLAT * highest).sum())))
        seconds, loudest = count / rate, max(peak for peak, _ in peaks)
        flat = sum(places for peak, places in peaks if peak >= _FLAT * loudest)
        is_odd = (
            not loudest,
            seconds < _SHORT,
            is_cut_off(part, seconds),
            seconds >= _SHORT and loudest > _FULL_SCALE and flat > _CLIPPED * count,
            2 * own_rate(part, rate) < rate,
            loudest > _LOUD,
            part.end is not None and seconds < part.end - part.start - _MISSING,
        )
    except (RecordingError, OSError) as error:
        return Heard(0, "", (), str(error))
    return Heard(count, content.hexdigest(), tuple(compress(ODD, is_odd)), "")
