"""Describes speech as a kind of data: recordings, each in one row, whose words are written down."""

from dataclasses import dataclass
from typing import ClassVar, NoReturn

import numpy as np

from transferlearn.data.audio import Audio
from transferlearn.data.sequences.written import WrittenTargets
from transferlearn.data.targets.base import Target, Targets

LEAST, MOST = 8.0, 30.0  # seconds of a row: in shorter ones Whisper says things again and again
_WORDS, _AT_ONCE = 8.0, 4  # words a second, and as many more; who speaks fast says four a second


@dataclass(frozen=True)
class Speech(Audio):
    """Reads recordings of speech, each as one row of samples, filled up with silence.

    A row is as long as the longest recording, and at least 8 seconds. Recordings of more than 30
    seconds, or than `seconds`, are left out, since nobody knows which words are in which part; and
    so are those with more words than can be said in their time. `fitted.transcribe` writes long
    ones down.
    """

    name: ClassVar[str] = "speech"

    def stream(self, source: object, target: Target, *, on_error: str) -> NoReturn:
        """Refuses a stream to learn from."""
        raise TypeError(
            "Speech with its words does not come in streams. Pass a table with the columns path "
            "and text, a folder, or pairs."
        )

    def _unfit(self, targets: Targets | None, number: int, samples: int) -> str:
        """Returns whether a recording is too long, or its words are too many for it."""
        seconds = samples / self.sample_rate
        most = MOST if self.seconds is None else self.seconds
        if seconds > most + 0.01:
            return f"{seconds:.1f} seconds long, and {most:g} are heard at once"
        if not isinstance(targets, WrittenTargets):
            return ""
        words = len(targets.texts[number].split())
        if words > _WORDS * seconds + _AT_ONCE:
            return f"{words} words in {seconds:.1f} seconds, which nobody can say"
        return ""

    def _length(self, longest: int) -> int:
        """Returns the number of samples of a row, where the longest recording has so many."""
        if self.seconds is not None:
            return self.samples
        return int(min(MOST, max(LEAST, np.ceil(longest / self.sample_rate))) * self.sample_rate)
