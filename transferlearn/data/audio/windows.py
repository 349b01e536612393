"""Holds windows of recordings, and reads each recording as seldom as there is room for."""

import hashlib
import io
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np

from transferlearn.data.audio.hearing import Heard
from transferlearn.data.items import RawItems, decoding_pool
from transferlearn.edge.cutting import LONG, cut, windows
from transferlearn.edge.recordings import RecordingError, blocks_of, part_of, samples_of

_HELD = 2**28  # bytes of samples that are kept in memory; more are read anew in each epoch
_SAMPLE = np.dtype(np.float32)


class _Store:
    """Keeps samples: windows of short recordings in memory, long recordings in a temporary file.

    Each window of a long recording would else cost the reading of all that lies before it.
    """

    def __init__(self) -> None:
        self.held: dict[tuple[int, int], np.ndarray] = {}
        self._file: Any = None
        self._places: dict[int, int] = {}  # where each long recording begins in the file
        self._lock = threading.Lock()

    def in_file(
        self, source: int, part: slice, read: Callable[[], Iterable[np.ndarray]], expected: int
    ) -> np.ndarray:
        """Returns a part of a long recording, which is written into the file the first time.

        Args:
            source: The number of the recording.
            part: The samples that are wanted.
            read: Begins to read the recording, block by block.
            expected: How many samples it has.
        """
        with self._lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="transferlearn-")  # noqa: SIM115
                weakref.finalize(self, self._file.close)
            if source not in self._places:
                place = self._file.seek(0, io.SEEK_END)
                written = sum(self._file.write(block.tobytes()) for block in read())
                _check(written // _SAMPLE.itemsize, expected)
                self._places[source] = place
            self._file.seek(self._places[source] + part.start * _SAMPLE.itemsize)
            return np.frombuffer(
                self._file.read((part.stop - part.start) * _SAMPLE.itemsize), _SAMPLE
            )


class Windows(RawItems):
    """Holds windows of recordings, which are read when they are first needed.

    Args:
        sample_rate: The rate in Hz that recordings are read at.
        length: The number of samples of a window.
        sources: The recordings.
        heard: What is known of each recording.
        source_of: The number of the recording that each window is of, int64 `(windows,)`.
        begins: Where each window begins, in samples.
    """

    def __init__(
        self,
        *,
        sample_rate: int,
        length: int,
        sources: Sequence[object],
        heard: Sequence[Heard],
        source_of: np.ndarray,
        begins: np.ndarray,
        store: _Store | None = None,
    ) -> None:
        self._sample_rate = sample_rate
        self._length = length
        self._sources = sources
        self._heard = heard
        self._source_of = source_of
        self._begins = begins
        self._store = store or _Store()

    def __len__(self) -> int:
        return len(self._begins)

    @property
    def reading(self) -> str:
        """Describes at which rate recordings are read, and how long a row is."""
        return f"{self._sample_rate} Hz, {self._length} samples"

    @property
    def held_bytes(self) -> int:
        """Counts the bytes of samples that are kept in memory."""
        return len(self._store.held) * self._length * _SAMPLE.itemsize

    def content_hashes(self) -> list[str]:
        """Returns the hash of each window: that of its recording, and where it begins."""
        return [
            hashlib.sha256(f"{self._heard[i].content_hash} {begin}".encode()).hexdigest()
            for i, begin in zip(self._source_of, self._begins, strict=True)
        ]

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Begins to read windows in threads, and returns a function that waits for them."""
        begun = [decoding_pool().submit(self._window, int(row)) for row in rows]
        return lambda: np.stack([window.result() for window in begun])

    def subset(self, rows: np.ndarray) -> Self:
        """Returns these windows, in that order."""
        return type(self)(
            sample_rate=self._sample_rate,
            length=self._length,
            sources=self._sources,
            heard=self._heard,
            source_of=self._source_of[rows],
            begins=self._begins[rows],
            store=self._store,
        )

    def _window(self, row: int) -> np.ndarray:
        """Reads one window."""
        number, begin = int(self._source_of[row]), int(self._begins[row])
        if (held := self._store.held.get((number, begin))) is not None:
            return held
        source, count = self._sources[number], self._heard[number].samples
        try:
            if count > max(LONG, self._length):
                part = slice(begin, begin + self._length)
                read = partial(blocks_of, part_of(source), self._sample_rate)
                return self._store.in_file(number, part, read, count)
            samples = samples_of(part_of(source), self._sample_rate)
            _check(len(samples), count)
        except RecordingError as error:
            raise OSError(
                f"Cannot read {source!s:.200} ({error}), which was readable when the data was "
                "checked. Files must stay as they are while they are used."
            ) from error
        return self._kept(number, samples)[begin]

    def _kept(self, number: int, samples: np.ndarray) -> dict[int, np.ndarray]:
        """Returns all windows of a recording by their begins; keeps them where there is room."""
        begins = windows(len(samples), self._length).tolist()
        found = dict(zip(begins, cut(samples, self._length), strict=True))
        if self.held_bytes + len(found) * self._length * _SAMPLE.itemsize <= _HELD:
            self._store.held.update({(number, begin): row for begin, row in found.items()})
        return found


def _check(found: int, expected: int) -> None:
    """Raises `RecordingError` where a recording has other samples than when it was first read."""
    if found != expected:
        raise RecordingError(f"it had {expected:,} samples, and has {found:,}")
