"""Reads recordings as training did: one channel, one rate, cut into windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from transferlearn.edge.item_reader import ItemReader, Rows, Seen
from transferlearn.edge.recordings import ENDINGS, RecordingError, cut, part_of, samples_of
from transferlearn.monitoring.traits import Traits, of_samples

_CHANNELS = 8  # the most that an array of one recording may have


@dataclass(frozen=True)
class AudioReader(ItemReader):
    """Reads recordings as rows of samples in about [-1, 1].

    Args:
        sample_rate: The rate in Hz that recordings are resampled to.
        samples: The number of samples of a row; longer recordings have several rows.
        input: The name of the network's input.
    """

    name: ClassVar[str] = "audio"
    takes: ClassVar[str | None] = "recordings"
    endings: ClassVar[tuple[str, ...]] = ENDINGS

    sample_rate: int
    samples: int
    input: str = "audio"

    def is_one(self, items: Any) -> bool:
        """Whether this is one recording: a path, a file's bytes, samples, or samples and a rate."""
        if isinstance(items, np.ndarray):
            # Many samples of a few channels are one recording, a few rows of many samples several.
            return items.ndim == 1 or (items.ndim == 2 and items.shape[1] <= _CHANNELS < len(items))
        if isinstance(items, tuple):
            return len(items) == 2 and isinstance(items[1], int)
        return isinstance(items, (str, Path, bytes)) and not self.is_folder(items)

    def is_folder(self, item: Any) -> bool:
        """Whether something is the path of a folder of recordings, which may be a string, too."""
        return isinstance(item, (str, Path)) and Path(item).is_dir()

    def read(self, items: Sequence[Any]) -> Rows:
        """Reads recordings, each as one row or as several.

        Raises:
            ValueError: A recording cannot be read.
        """
        rows, seen = [], []
        for item in items:
            path = str(item) if isinstance(item, (str, Path)) else None
            try:
                rows.append(cut(samples_of(part_of(item), self.sample_rate), self.samples))
            except RecordingError as error:
                raise ValueError(f"{path or 'The recording'} cannot be read: {error}.") from error
            seen.append(Seen(path))
        item_of = np.repeat(np.arange(len(rows)), [len(of_item) for of_item in rows])
        return Rows({self.input: np.concatenate(rows)}, item_of, seen)

    def traits(self, arrays: Mapping[str, np.ndarray]) -> Traits:
        """Measures loudness, noise floor, silence, pitch, bandwidth and length."""
        return of_samples(arrays[self.input], self.sample_rate)
