"""Reads recordings as training did: one channel, one rate, cut into windows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import ClassVar

import numpy as np

from transferlearn.edge.cutting import cut, cut_as_read, cut_in_parts, windows
from transferlearn.edge.description import TensorSpec
from transferlearn.edge.item_reader import ItemReader, Rows, Seen, Windowed, check_input, joined
from transferlearn.edge.recordings import (
    ENDINGS,
    Part,
    RecordingError,
    blocks_of,
    part_of,
    seconds_of,
    with_times,
)
from transferlearn.monitoring.traits import Traits, of_samples

_CHANNELS = 8  # the most that an array of one recording may have
_AT_ONCE = 32  # rows of windows


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

    def check_inputs(self, inputs: Mapping[str, TensorSpec]) -> None:
        """Compares the name of the input and the number of its samples."""
        check_input(inputs, self.input, (None, self.samples))

    def is_one(self, items: object) -> bool:
        """Returns whether this is one recording: a path, bytes, samples, or samples and a rate."""
        if isinstance(items, np.ndarray):
            # Many samples of a few channels are one recording, a few rows of many samples several.
            return items.ndim == 1 or (items.ndim == 2 and items.shape[1] <= _CHANNELS < len(items))
        if isinstance(items, tuple):
            return len(items) == 2 and isinstance(items[1], Real)
        return isinstance(items, (str, Path, bytes)) and not self.is_folder(items)

    def is_folder(self, item: object) -> bool:
        """Returns whether something is the path of a folder of recordings, maybe a string."""
        return isinstance(item, (str, Path)) and Path(item).is_dir()

    def read(self, items: Sequence[object]) -> Rows:
        """Reads recordings, each as one row or as several.

        Raises:
            ValueError: A recording cannot be read.
        """
        return joined(list(self.read_in_parts(items)))

    def read_in_parts(self, items: Sequence[object]) -> Iterator[Rows]:
        """Reads recordings, some rows at a time, so that an hour is never held whole.

        Raises:
            ValueError: A recording cannot be read.
        """
        rows: list[np.ndarray] = []
        item_of: list[int] = []
        for number, item in enumerate(items):
            for row in self._rows_of(item):
                if len(rows) == _AT_ONCE:
                    yield Rows({self.input: np.stack(rows)}, np.array(item_of), [])
                    rows, item_of = [], []
                rows.append(row)
                item_of.append(number)
        seen = [Seen(_path(item)) for item in items]
        yield Rows({self.input: np.stack(rows)}, np.array(item_of), seen)

    def _rows_of(self, item: object) -> Iterator[np.ndarray]:
        """Reads one recording row by row."""
        try:
            read = partial(blocks_of, part_of(item), self.sample_rate)
            yield from cut_in_parts(read, self.samples)
        except RecordingError as error:
            raise _unreadable(item, error) from error

    def in_windows(self, item: object, seconds: float, hop: float) -> Iterator[Windowed]:
        """Reads one recording in windows of so many seconds, some at a time.

        Raises:
            ValueError: The recording cannot be read.
        """
        length, step = round(seconds * self.sample_rate), round(hop * self.sample_rate)
        at_once = max(1, _AT_ONCE // len(windows(length, self.samples)))
        try:
            part = part_of(item)
            found = cut_as_read(blocks_of(part, self.sample_rate), length, step)
            while some := list(islice(found, at_once)):
                yield self._windowed(part, some)
        except RecordingError as error:
            raise _unreadable(item, error) from error

    def _windowed(self, part: Part, found: Sequence[tuple[int, np.ndarray]]) -> Windowed:
        """Makes rows of windows, of which it is known where they begin."""
        times = [
            (
                round(part.start + begin / self.sample_rate, 6),
                round(part.start + (begin + len(samples)) / self.sample_rate, 6),
            )
            for begin, samples in found
        ]
        path = _path(part.source)
        seen = [Seen(path and with_times(path, *ends)) for ends in times]
        rows = [cut(samples, self.samples) for _, samples in found]
        item_of = np.repeat(np.arange(len(rows)), [len(of_window) for of_window in rows])
        return Windowed(Rows({self.input: np.concatenate(rows)}, item_of, seen), times)

    def check_size(self, content: bytes, most: int) -> None:
        """Refuses a recording of more samples than a quarter of `most`; each takes four bytes."""
        count, most = 0, most // 4
        try:
            if seconds_of(content) * self.sample_rate <= most:
                return
            for block in blocks_of(Part(content), self.sample_rate):  # its header may be wrong
                if (count := count + len(block)) > most:
                    seconds = most / self.sample_rate
                    raise ValueError(f"A recording may have {seconds:.4g} seconds. It is longer")
        except RecordingError as error:
            raise _unreadable(content, error) from error

    def traits(self, arrays: Mapping[str, np.ndarray]) -> Traits:
        """Measures loudness, noise floor, silence, pitch, bandwidth and length."""
        return of_samples(arrays[self.input], self.sample_rate)


def _path(item: object) -> str | None:
    """Returns the path that a recording was named by; `None` where it was none."""
    return str(item) if isinstance(item, (str, Path)) else None


def _unreadable(item: object, error: RecordingError) -> RecordingError:
    """Names a recording that cannot be read, with the reason."""
    return RecordingError(f"{_path(item) or 'The recording'} cannot be read: {error}.")
