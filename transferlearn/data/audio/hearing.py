"""Reads a recording once before training, and says what is wrong or odd with it."""

import hashlib
from itertools import compress
from typing import Any, NamedTuple

import numpy as np

from transferlearn.edge.recordings import RecordingError, is_cut_off, part_of, samples_of

ODD = (
    "Silent from beginning to end",
    "Shorter than 0.02 seconds",
    "Shorter than the header of the file promises, so maybe cut off",
    "Clipped: too loud for the microphone or the file, so that peaks are cut flat",
)
"""What may be odd of recordings that are read all the same."""

_SHORT = 0.02  # seconds
_CLIPPED = 0.05  # share of samples with the greatest value; of a sine there are 3%
_FULL_SCALE = 0.98


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


def hear(rate: int, item: Any) -> Heard:
    """Reads one recording at a rate in Hz, and returns what is known of it."""
    try:
        part = part_of(item)
        samples = samples_of(part, rate)
    except (RecordingError, OSError) as error:
        return Heard(0, "", (), str(error))
    seconds, loudness = len(samples) / rate, np.abs(samples)
    loudest = float(loudness.max())
    flat = float((loudness >= 0.999 * loudest).mean())
    is_odd = (
        not loudest,
        seconds < _SHORT,
        is_cut_off(part, seconds),
        seconds >= _SHORT and loudest > _FULL_SCALE and flat > _CLIPPED,
    )
    content = hashlib.sha256(samples.tobytes()).hexdigest()
    return Heard(len(samples), content, tuple(compress(ODD, is_odd)), "")
