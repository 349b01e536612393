"""Makes recordings louder, later and noisier at random, so that one gives several views."""

from dataclasses import KW_ONLY, dataclass

import numpy as np

from transferlearn.checks import number, share, whole
from transferlearn.data.transforms import Transform


@dataclass(frozen=True)
class ChangedAudio(Transform):
    """Changes loudness and time of recordings at random, adds noise, and silences stretches.

    Args:
        views: How many views of each recording are made and stored, of which each epoch draws one;
            with 1 each epoch makes new ones, and frozen layers are computed in each.
        gain: The largest change of loudness in dB, to either side.
        shift: The largest share of the row by which sounds come earlier or later; silence follows.
        noise: The greatest loudness of white noise, as a share of the recording's own.
        mask: The longest stretch that is silenced, as a share of the row.
        seed: Another seed gives other views.

    Example:
        changed = tl.data.ChangedAudio(views=4, noise=0.3)
        builder = tl.AudioClassifierBuilder("EfficientNetLite0", augmentation=changed)
    """

    views: int = 1
    _: KW_ONLY
    gain: float = 6.0
    shift: float = 0.1
    noise: float = 0.0
    mask: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        whole("views", self.views, least=1)
        whole("seed", self.seed, least=0)
        number("gain", self.gain)
        number("noise", self.noise)
        for name in ("shift", "mask"):
            share(name, getattr(self, name))

    @property
    def name(self) -> str:  # type: ignore[override]
        """Returns the words by which stored features of the views are known."""
        return f"{self!r}, view"

    def items(self, batch: np.ndarray, keys: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Changes recordings, float32 `(batch, samples)`."""
        drawn = zip(batch, keys, views, strict=True)
        return np.stack([self._changed(row, int(key), int(view)) for row, key, view in drawn])

    def _changed(self, row: np.ndarray, key: int, view: int) -> np.ndarray:
        """Makes one view of one recording."""
        random = np.random.default_rng((self.seed, key, view))
        count = len(row)
        changed = np.zeros_like(row)
        moved = round(random.uniform(-self.shift, self.shift) * count)
        changed[max(moved, 0) : count + min(moved, 0)] = row[max(-moved, 0) : count - max(moved, 0)]
        if self.noise:
            loudness = float(np.sqrt(np.square(row).mean())) * random.uniform(0, self.noise)
            changed += random.standard_normal(count, np.float32) * np.float32(loudness)
        if self.mask:
            length = round(random.uniform(0, self.mask) * count)
            begin = random.integers(count - length + 1)
            changed[begin : begin + length] = 0
        return changed * np.float32(10 ** (random.uniform(-self.gain, self.gain) / 20))
