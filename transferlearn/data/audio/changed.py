"""Makes recordings louder, later, faster and noisier at random, so that one gives several views."""

import math
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import numpy as np

from transferlearn.checks import number, share, whole
from transferlearn.data.audio.noises import Noises, noises_in
from transferlearn.data.transforms import Transform
from transferlearn.edge.recordings import resampled
from transferlearn.json_fields import Json

PRESETS: dict[str, Json] = {
    "light": {},
    "strong": {"noise": 0.3, "mask": 0.1, "frequency_mask": 0.2},
}
"""The settings of `ChangedAudio` by the names that builders know."""

_BREAK, _MEL = 700.0, 1127.0  # O'Shaughnessy's mel: 1127 log(1 + hertz / 700)
_SOFTEST = 40.0  # dB below the greatest loudness of noise from a folder
_SILENCE = 1e-9  # what is softer is no noise


@dataclass(frozen=True)
class ChangedAudio(Transform):
    """Changes loudness, time and speed of recordings at random, adds noise, and leaves out parts.

    `mask` and `frequency_mask` together are [SpecAugment](https://arxiv.org/abs/1904.08779), on the
    samples themselves: so it is the same for every network, and views can be stored.

    Args:
        views: How many views of each recording are made and stored, of which each epoch draws one;
            with 1 each epoch makes new ones, and frozen layers are computed in each.
        gain: The largest change of loudness in dB, to either side.
        shift: The largest share of the row by which sounds come earlier or later; silence follows.
        speed: The largest share by which recordings become faster and higher, or slower and lower;
            what then goes beyond the end of the row is cut off.
        noise: The greatest loudness of white noise, as a share of the recording's own. Or a folder
            of recordings, of which pieces are added instead.
        noise_level: The greatest loudness of noise from a folder, as a share of the recording's; it
            is drawn in dB, down to 40 dB below this.
        mask: The longest stretch that is silenced, as a share of the row.
        frequency_mask: The widest band of frequencies that is left out, as a share of the mel scale
            up to half the rate.
        sample_rate: The rate of the recordings in Hz; builders set their own.
        seed: Another seed gives other views.

    Example:
        changed = tl.data.ChangedAudio(views=4, noise="workshop-noise", frequency_mask=0.2)
        builder = tl.AudioClassifierBuilder("EfficientNetLite0", augmentation=changed)
    """

    views: int = 1
    _: KW_ONLY
    gain: float = 6.0
    shift: float = 0.1
    speed: float = 0.0
    noise: float | str | Path = 0.0
    noise_level: float = 0.3
    mask: float = 0.0
    frequency_mask: float = 0.0
    sample_rate: int = 16_000
    seed: int = 0

    def __post_init__(self) -> None:
        whole("views", self.views, least=1)
        whole("seed", self.seed, least=0)
        number("gain", self.gain)
        number("noise_level", self.noise_level)
        if self._noises is None:
            number("noise", self.noise)
        for name in ("shift", "speed", "mask", "frequency_mask"):
            share(name, getattr(self, name))

    @property
    def name(self) -> str:  # type: ignore[override]
        """Returns the words by which stored features of the views are known."""
        noises = self._noises
        return f"{self!r}, view" if noises is None else f"{self!r}, {noises.content}, view"

    @property
    def _noises(self) -> Noises | None:
        """Returns the recordings of noise; `None` where white noise is added."""
        return noises_in(Path(self.noise)) if isinstance(self.noise, (str, Path)) else None

    def items(self, batch: np.ndarray, keys: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Changes recordings, float32 `(batch, samples)`."""
        noises, drawn = self._noises, zip(batch, keys, views, strict=True)
        return np.stack(
            [self._changed(row, int(key), int(view), noises) for row, key, view in drawn]
        )

    def _changed(self, row: np.ndarray, key: int, view: int, noises: Noises | None) -> np.ndarray:
        """Makes one view of one recording."""
        random = np.random.default_rng((self.seed, key, view))
        count = len(row)
        if self.speed:
            row = _at_speed(row, 1 + random.uniform(-self.speed, self.speed))
        changed = np.zeros_like(row)
        moved = round(random.uniform(-self.shift, self.shift) * count)
        changed[max(moved, 0) : count + min(moved, 0)] = row[max(-moved, 0) : count - max(moved, 0)]
        # The zeros that fill up a row stay: networks may know by them where the recording ends.
        sound = _without_end(changed)
        if not isinstance(self.noise, (str, Path)):
            if self.noise:
                share = np.float32(_loudness(sound) * random.uniform(0, self.noise))
                sound += random.standard_normal(len(sound), np.float32) * share
        elif noises is not None:
            piece = noises.piece(random, len(sound), self.sample_rate)
            # Drawn in dB, so that some views are nearly as clean as the recording.
            level = self.noise_level * 10 ** random.uniform(-_SOFTEST / 20, 0)
            piece *= np.float32(level * _loudness(sound) / max(_loudness(piece), _SILENCE))
            sound += piece
        if self.mask:
            length = round(random.uniform(0, self.mask) * count)
            begin = random.integers(count - length + 1)
            changed[begin : begin + length] = 0
        if self.frequency_mask:
            sound[:] = self._without_band(sound, random)
        return changed * np.float32(10 ** (random.uniform(-self.gain, self.gain) / 20))

    def _without_band(self, row: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Leaves out a band of frequencies."""
        most = _MEL * np.log1p(self.sample_rate / 2 / _BREAK)
        width = random.uniform(0, self.frequency_mask) * most
        begin = random.uniform(0, most - width)
        low, high = _BREAK * np.expm1(np.array([begin, begin + width]) / _MEL)
        spectrum = np.fft.rfft(row)
        hertz = np.fft.rfftfreq(len(row), 1 / self.sample_rate)
        spectrum[(low <= hertz) & (hertz < high)] = 0
        return np.fft.irfft(spectrum, len(row)).astype(np.float32)


def _without_end(row: np.ndarray) -> np.ndarray:
    """Returns the part of a row before the zeros at its end; a row of zeros is returned whole."""
    return row[: len(row) - int(np.argmax(row[::-1] != 0))]


def _at_speed(row: np.ndarray, speed: float) -> np.ndarray:
    """Plays a row faster or slower, and fills it up with zeros, or cuts its end off."""
    changed = np.zeros_like(row)
    sound = _without_end(row)[: math.ceil(len(row) * speed)]
    heard = resampled(sound, speed, 1.0)[: len(row)]
    changed[: len(heard)] = heard
    return changed


def _loudness(samples: np.ndarray) -> float:
    """Returns the root of the mean square."""
    return float(np.sqrt(np.square(samples).mean()))
