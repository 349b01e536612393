"""Lets recordings be heard and seen in a page: a short WAV beside its spectrogram, both inside."""

import base64
import io
import math
import wave
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from transferlearn.edge.cutting import cut_as_read
from transferlearn.edge.recordings import ENDINGS, Part, RecordingError, part_of, samples_of

DECIBELS = 80.0  # below the loudest place, which are told apart
_WINDOW = 512  # samples whose pitches are drawn side by side
_TIMES, _HEIGHT = 320, 128  # pixels of a spectrogram
_SECONDS = 5.0  # the longest clip
_BYTES = 200_000  # the most of a clip
_RATE = 16_000  # Hz at which files are heard


def html_of_file(path: str | None) -> str:
    """Returns what lets the first seconds of a recording be heard; empty for other files."""
    if path is None:
        return ""
    try:
        part = part_of(path)
        if Path(part.source).suffix.lower() not in ENDINGS:
            return ""
        end = min(part.end or np.inf, part.start + _SECONDS)
        return html_of_samples(samples_of(Part(part.source, part.start, end), _RATE), _RATE)
    except (RecordingError, OSError, ImportError):  # it was moved since, or has changed
        return ""


def html_of_samples(samples: np.ndarray, rate: int) -> str:
    """Returns HTML in which the first seconds of samples are heard, and seen as a spectrogram.

    Args:
        samples: Samples in about [-1, 1], float32 `(samples,)`.
        rate: Their rate in Hz.
    """
    clip = samples[: min(round(_SECONDS * rate), _BYTES // 2)]
    png, sound = io.BytesIO(), io.BytesIO()
    darkness = np.flipud(spectrogram(clip)) * (-255 / DECIBELS)
    Image.fromarray(darkness.astype(np.uint8)).resize((_TIMES, _HEIGHT)).save(png, "png")
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(clip, -1, 1) * 32767).astype("<i2").tobytes())
    return (
        f'<img alt="spectrogram" width="{_TIMES}" height="{_HEIGHT}" '
        f'src="data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}">'
        f'<audio controls preload="none" style="display:block;width:{_TIMES}px" '
        f'src="data:audio/wav;base64,{base64.b64encode(sound.getvalue()).decode()}"></audio>'
    )


def spectrogram(samples: np.ndarray) -> np.ndarray:
    """Returns how loud each pitch is at each time, in dB below the loudest, `(pitches, times)`."""
    step = max(1, len(samples) // _TIMES)
    filled = np.pad(samples, (0, _WINDOW))[: _WINDOW + step * _TIMES]
    frames = np.lib.stride_tricks.sliding_window_view(filled, _WINDOW)[::step]
    return _decibels(_power(frames))


def spectrogram_of_blocks(blocks: Iterable[np.ndarray], count: int) -> np.ndarray:
    """Returns a spectrogram of a recording of any length; each of its times is a mean.

    Args:
        blocks: The samples, block by block.
        count: How many samples there are in all.
    """
    step = min(_WINDOW, max(1, (count - _WINDOW) // _TIMES))
    frames = 1 + math.ceil(max(0, count - _WINDOW) / step)
    times = min(frames, _TIMES)
    power = np.zeros((times, _WINDOW // 2 + 1))
    for i, (_, samples) in enumerate(islice(cut_as_read(blocks, _WINDOW, step), frames)):
        power[i * times // frames] += _power(np.pad(samples, (0, _WINDOW - len(samples))))
    places = np.bincount(np.arange(frames) * times // frames)
    return _decibels(power / places[:, None])


def _power(frames: np.ndarray) -> np.ndarray:
    """Returns the power of each pitch in frames, `(..., pitches)`."""
    power: np.ndarray = np.square(np.abs(np.fft.rfft(frames * np.hanning(_WINDOW))))
    return power


def _decibels(power: np.ndarray) -> np.ndarray:
    """Turns powers `(times, pitches)` into dB below the loudest, `(pitches, times)`."""
    decibels = 10 * np.log10(power / max(float(power.max()), 1e-10) + 1e-10)
    return np.maximum(decibels, -DECIBELS).T
