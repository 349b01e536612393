"""Reads recordings: one channel, one rate, in parts, from whatever file or array they come."""

import io
import math
import re
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from transferlearn.edge.by_ffmpeg import by_ffmpeg, is_for_ffmpeg
from transferlearn.edge.ogg import is_cut_ogg
from transferlearn.extras import install_line

# Videos are read where they are named; in a folder they may lie beside photos.
ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".m4a", ".aac")
_MARK = "#t="  # begins a part of a recording, as in URLs: speech.wav#t=1.5,3
_BLOCK = 2**16  # samples that are read at once
# How libsndfile says that the samples of a WAV or AIFF file are fewer bytes than its header says.
_SIZES = re.compile(r"(?:data|SSND) : (\d+) \(should be (\d+)\)")
_CANCELLED = 1e-4  # share of the channels' power that is left where they cancel each other out
_MOST = 2.0**31  # of a sample: whole numbers that were not divided are odd, and more is an error
_RATES = (1_000, 384_000)  # Hz that a recording may have


class RecordingError(ValueError):
    """Raised where a recording cannot be read; the message is the reason."""


class Part(NamedTuple):
    """Names a recording, or a part of it.

    Attributes:
        source: The path of a file, the content of one, samples at the network's rate, or a pair of
            samples and their rate in Hz.
        start: Where the part begins, in seconds.
        end: Where it ends, in seconds; `None`: where the recording ends.
    """

    source: Any
    start: float = 0.0
    end: float | None = None


def is_part(item: object) -> bool:
    """Returns whether an item names a part of a recording, as `"speech.wav#t=1.5,3"` does."""
    return isinstance(item, (str, Path)) and _MARK in str(item) and not Path(item).exists()


def part_of(item: object) -> Part:
    """Returns the part of a recording that an item names: `"speech.wav#t=1.5,3"` is a part.

    Raises:
        RecordingError: The part ends before it begins, or its ends are no seconds.
    """
    if not is_part(item):
        return Part(str(item) if isinstance(item, (str, Path)) else item)
    path, _, times = str(item).rpartition(_MARK)
    start, _, end = times.partition(",")
    try:
        begins, ends = float(start or 0), float(end) if end else math.inf
    except ValueError as error:
        raise RecordingError(
            f"start and end are seconds, such as 1.5. Received: {times!r:.60}"
        ) from error
    if not begins >= 0 or math.isnan(ends):
        raise RecordingError(f"start and end are seconds from 0 on. Received: {times!r:.60}")
    if begins >= ends:
        raise RecordingError(f"it ends before it begins: start={start}, end={end} (seconds)")
    return Part(path, begins, None if ends == math.inf else ends)


def with_times(path: str, start: object, end: object) -> str:
    """Returns the name of a part of a recording; empty cells stand for its own start and end."""
    times = ["" if _is_empty(time) else str(time).strip() for time in (start, end)]
    return f"{path}{_MARK}{','.join(times)}" if any(times) else path


def _is_empty(cell: object) -> bool:
    """Returns whether a table's cell holds nothing; pandas has NaN there."""
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def samples_of(part: Part, rate: int) -> np.ndarray:
    """Reads a part of a recording as one channel at a rate, float32 `(samples,)`, about [-1, 1].

    Channels are averaged, and soxr's high quality resamples. Only the part itself is decoded.

    Args:
        part: The recording and its ends.
        rate: The rate in Hz that the samples are wanted at.

    Raises:
        RecordingError: It is no recording, is damaged, holds NaN, or is shorter than the part.
        ImportError: soundfile or soxr is not installed.
    """
    return np.concatenate(list(blocks_of(part, rate)))


def blocks_of(part: Part, rate: int) -> Iterator[np.ndarray]:
    """Yields what `samples_of` reads in blocks, so that a long recording is never held whole."""
    own, blocks = _opened(part, rate)
    if not _RATES[0] <= own <= _RATES[1]:
        raise RecordingError(f"its rate is {own:,} Hz")
    count = 0
    for block in _resampled(_mono(_checked(blocks)), own, rate):
        count += len(block)
        yield block
    if not count:
        raise RecordingError("it holds no samples" if not part.start else "it ends before the part")


def _opened(part: Part, rate: int) -> tuple[int, Iterator[np.ndarray]]:
    """Returns the rate of a recording, and its blocks from the start of the part to its end."""
    if isinstance(part.source, (str, Path, bytes)):
        return _of_file(part)
    pair = part.source if isinstance(part.source, tuple) else (part.source, rate)
    values, own = np.asarray(pair[0]), int(pair[1])
    if values.ndim not in (1, 2) or values.dtype.kind not in "if" or not values.size:
        raise RecordingError(
            "samples are an array (samples,) or (samples, channels) of floats or signed integers. "
            f"Received: shape {values.shape}, {values.dtype}"
        )
    if values.ndim == 2 and values.shape[1] > values.shape[0]:
        raise RecordingError(
            f"channels are the second axis, (samples, channels). Received: shape {values.shape}"
        )
    if values.dtype.kind == "i":
        values = values / np.float32(-float(np.iinfo(values.dtype).min))
    first, last = _ends(part, own)
    return own, iter([np.asarray(values[first:last], np.float32)])


def seconds_of(source: str | Path | bytes) -> float:
    """Returns the length of a file in seconds, as its header says.

    Raises:
        RecordingError: It is no recording.
    """
    with _file(source) as opened:
        return float(opened.frames / opened.samplerate)


def own_rate(part: Part, rate: int) -> int:
    """Returns the rate in Hz that a recording was made at; `rate` where that is not known.

    Raises:
        RecordingError: It is no recording.
    """
    if isinstance(part.source, tuple):
        return int(part.source[1])
    if not isinstance(part.source, (str, Path, bytes)) or is_for_ffmpeg(part.source):
        return rate
    with _file(part.source) as opened:
        return int(opened.samplerate)


def is_cut_off(part: Part, seconds: float) -> bool:
    """Returns whether a file holds less than its header promises, or ends within an Ogg stream.

    Args:
        part: The recording, or the part of it that was read.
        seconds: The length that was read.
    """
    if not isinstance(part.source, (str, Path, bytes)) or is_for_ffmpeg(part.source):
        return False
    with _file(part.source) as opened:
        promised = opened.frames / opened.samplerate
        sizes = _SIZES.findall(opened.extra_info)  # libsndfile trusts the file, not its header
        is_ogg = opened.format == "OGG"
    if is_ogg and (part.end is None or part.end > promised) and is_cut_ogg(part.source):
        return True
    wanted = min(promised, math.inf if part.end is None else part.end) - part.start
    return any(int(said) > int(held) for said, held in sizes) or seconds < 0.95 * wanted - 0.1


def _of_file(part: Part) -> tuple[int, Iterator[np.ndarray]]:
    """Returns the rate of a file, or the content of one, and its blocks."""
    opened = _file(part.source)
    return opened.samplerate, _blocks(opened, part, _soundfile().LibsndfileError)


def _file(source: str | Path | bytes) -> Any:
    """Opens a file, or the content of one, as a `soundfile.SoundFile`."""
    soundfile = _soundfile()
    if is_for_ffmpeg(source):
        try:
            made = by_ffmpeg(Path(str(source)))
        except ValueError as error:
            raise RecordingError(str(error)) from error
        opened = soundfile.SoundFile(made)
        weakref.finalize(opened, made.close)
        return opened
    try:
        return soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else source)
    except (soundfile.LibsndfileError, TypeError) as error:
        if isinstance(source, (str, Path)) and not Path(source).is_file():
            raise RecordingError("there is no such file") from error
        raise RecordingError("it is no recording, or is damaged") from error


def _blocks(opened: Any, part: Part, damaged: type[Exception]) -> Iterator[np.ndarray]:
    """Yields the samples of a file block by block, so that a header that lies costs nothing."""
    with opened:
        first, last = _ends(part, opened.samplerate)
        try:
            if first:
                opened.seek(min(first, opened.frames))
            left = math.inf if last is None else last - first
            while left > 0:
                block = opened.read(int(min(left, _BLOCK)), dtype="float32", always_2d=True)
                if not len(block):
                    return
                left -= len(block)
                yield block
        except damaged as error:
            raise RecordingError("it is damaged") from error


def _ends(part: Part, rate: int) -> tuple[int, int | None]:
    """Returns the first sample of a part and the one behind its last, at the recording's rate."""
    return round(part.start * rate), None if part.end is None else round(part.end * rate)


def _checked(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Yields blocks of samples that are numbers to compute with."""
    for block in blocks:
        loudest = float(np.abs(block).max(initial=0))
        if not math.isfinite(loudest):
            raise RecordingError("it holds samples that are NaN or infinite")
        if loudest > _MOST:
            raise RecordingError(
                f"it holds samples of {loudest:.2g}, and they are expected in about [-1, 1]"
            )
        yield block


def _mono(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Averages channels: `(samples, channels)` to `(samples,)`.

    Raises:
        RecordingError: The channels cancel each other out.
    """
    before = after = 0.0
    for block in blocks:
        if block.ndim == 1 or block.shape[1] == 1:
            yield block.reshape(-1)
            continue
        mean = block.mean(axis=1, dtype=np.float32)
        before += float(np.square(block).mean(axis=1).sum())
        after += float(np.square(mean).sum())
        yield mean
    if after < _CANCELLED * before:
        raise RecordingError("its channels cancel each other out: take one, or turn one round")


def _resampled(blocks: Iterator[np.ndarray], own: int, rate: int) -> Iterator[np.ndarray]:
    """Yields blocks at another rate."""
    if own == rate:
        yield from blocks
        return
    stream = _soxr().ResampleStream(own, rate, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def resampled(samples: np.ndarray, own: float, rate: float) -> np.ndarray:
    """Returns samples at another rate, float32 `(samples,)`; only the ratio of the rates counts."""
    found: np.ndarray = _soxr().resample(samples, own, rate, quality="HQ")
    return found


def _soundfile() -> Any:
    try:
        import soundfile
    except ImportError as error:
        raise ImportError(f"Recordings need soundfile: {install_line('audio')}") from error
    return soundfile


def _soxr() -> Any:
    try:
        import soxr
    except ImportError as error:
        raise ImportError(
            f"Recordings of other rates need soxr: {install_line('audio')}"
        ) from error
    return soxr
