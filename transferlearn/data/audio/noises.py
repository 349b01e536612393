"""Reads pieces of the recordings in a folder, as noise behind other recordings."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from transferlearn.edge.recordings import ENDINGS, Part, RecordingError, samples_of, seconds_of
from transferlearn.hashing import hash_of_file


class Noises(NamedTuple):
    """Holds what is known of the recordings in a folder.

    Attributes:
        files: The recordings.
        seconds: The length of each.
        content: A hash of the content of all.
    """

    files: tuple[Path, ...]
    seconds: tuple[float, ...]
    content: str

    def piece(self, random: np.random.Generator, samples: int, rate: int) -> np.ndarray:
        """Draws one piece, float32 `(samples,)`, at a rate; a shorter recording is repeated."""
        number = int(random.integers(len(self.files)))
        wanted = samples / rate
        start = random.uniform(0, max(self.seconds[number] - wanted, 0))
        part = Part(self.files[number], start, start + wanted)
        try:
            return np.resize(samples_of(part, rate), samples)
        except RecordingError as error:
            raise OSError(f"Cannot read the noise {part.source}: {error}.") from error


def noises_in(folder: Path) -> Noises:
    """Finds the recordings in a folder and in those within it; only new ones are opened.

    Raises:
        ValueError: There is no such folder, it holds no recording, or one cannot be read.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in ENDINGS)
    if not files:
        raise ValueError(
            f"noise is a number, or the path of a folder of recordings. Received: {folder}"
        )
    known = tuple(
        (file, stat.st_size, stat.st_mtime_ns) for file in files for stat in [file.stat()]
    )
    return _opened(known)


@lru_cache(maxsize=8)
def _opened(known: tuple[tuple[Path, int, int], ...]) -> Noises:
    """Opens files that are known with their sizes and the times of their last change."""
    files = tuple(file for file, *_ in known)
    seconds = []
    for file in files:
        try:
            seconds.append(seconds_of(file))
        except RecordingError as error:
            raise ValueError(f"The noise {file} cannot be read: {error}.") from error
    content = hashlib.sha256("".join(map(hash_of_file, files)).encode()).hexdigest()
    return Noises(files, tuple(seconds), content[:16])
