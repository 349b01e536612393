"""Computes log-mel pictures of raw samples by plain layers, so that they lie inside the model."""

import math

import keras
import numpy as np

from transferlearn.types import Tensor

_LEAST_POWER = 1e-10  # -100 dB
_RANGE = 80.0  # dB below the loudest place of a recording that are told apart
_WINDOW, _HOP = 0.032, 0.010  # seconds
WHISPER_RATE = 16_000  # Hz
_WHISPER_WINDOW, _WHISPER_HOP = 400, 160  # samples


def window_and_hop(sample_rate: int) -> tuple[int, int]:
    """Returns the samples of a window of the Fourier transform, and from one to the next."""
    return 2 * round(_WINDOW * sample_rate / 2), round(_HOP * sample_rate)


def frames_of(samples: int, sample_rate: int) -> int:
    """Returns how many frames a spectrogram of so many samples has."""
    return 1 + samples // window_and_hop(sample_rate)[1]


def log_mel(audio: Tensor, sample_rate: int, mels: int) -> Tensor:
    """Computes a log-mel spectrogram in dB, float32 `(batch, frames, mels)`.

    It equals `librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=None)` with its
    defaults (Hann window, centred frames, Slaney's filters), a window of 32 ms and a hop of 10 ms.

    Args:
        audio: Samples in about [-1, 1], a `KerasTensor` `(batch, samples)`.
        sample_rate: Their rate in Hz.
        mels: The number of mel bands, from 0 Hz to half the rate.
    """
    window, hop = window_and_hop(sample_rate)
    x = keras.layers.Reshape((audio.shape[1], 1), dtype="float32", name="as_column")(audio)
    x = keras.layers.ZeroPadding1D(window // 2, dtype="float32", name="centred")(x)
    kernel = _fourier_kernel(window)
    fourier = keras.layers.Conv1D(
        kernel.shape[-1],
        window,
        strides=hop,
        use_bias=False,
        trainable=False,
        dtype="float32",
        name="fourier",
    )
    x = keras.ops.square(fourier(x))
    fourier.set_weights([kernel])
    # Each band adds up the squares of real and imaginary parts, so that both have one matrix.
    filters = np.tile(mel_filters(sample_rate, window, mels), (2, 1))
    bands = keras.layers.Dense(
        mels, use_bias=False, trainable=False, dtype="float32", name="mel_bands"
    )
    x = bands(x)
    bands.set_weights([filters])
    return keras.ops.log(keras.ops.maximum(x, _LEAST_POWER)) * (10 / math.log(10))


def whisper_log_mel(audio: Tensor, mels: int) -> Tensor:
    """Computes the spectrogram that Whisper takes, float32 `(batch, samples / 160, mels)`.

    It equals `whisper.log_mel_spectrogram` and transformers' `WhisperFeatureExtractor`: reflected
    ends, the logarithm to base 10, and nothing below the loudest place less 8.

    Args:
        audio: Samples in about [-1, 1] at 16 kHz, a `KerasTensor` `(batch, samples)`; their number
            is a multiple of 320.
        mels: The number of mel bands, 80 or 128.
    """
    step, samples = _WHISPER_HOP // 2, audio.shape[1]
    before, behind = _WHISPER_WINDOW // 2, _WHISPER_WINDOW // 2 - _WHISPER_HOP
    x = keras.ops.pad(audio, ((0, 0), (before, behind)), mode="reflect")
    # A convolution over rows of half a hop is a product of large matrices, and so much faster than
    # one over single samples.
    x = keras.layers.Reshape(
        ((samples + before + behind) // step, step), dtype="float32", name="half_hops"
    )(x)
    kernel = _fourier_kernel(_WHISPER_WINDOW)
    fourier = keras.layers.Conv1D(
        kernel.shape[-1],
        _WHISPER_WINDOW // step,
        strides=_WHISPER_HOP // step,
        use_bias=False,
        trainable=False,
        dtype="float32",
        name="fourier",
    )
    x = keras.ops.square(fourier(x))
    fourier.set_weights([kernel.reshape(-1, step, kernel.shape[-1])])
    filters = np.tile(mel_filters(WHISPER_RATE, _WHISPER_WINDOW, mels), (2, 1))
    bands = keras.layers.Dense(
        mels, use_bias=False, trainable=False, dtype="float32", name="mel_bands"
    )
    x = bands(x)
    bands.set_weights([filters])
    x = keras.ops.log(keras.ops.maximum(x, _LEAST_POWER)) * (1 / math.log(10))
    loudest = keras.ops.max(x, axis=(1, 2), keepdims=True)
    return (keras.ops.maximum(x, loudest - 8.0) + 4.0) / 4.0


def picture_of(audio: Tensor, sample_rate: int, mels: int, scale: int) -> Tensor:
    """Makes a picture in [0, 255] of samples, `(batch, scale * frames, scale * mels, 3)`.

    The loudest place of each recording is white, and what is 80 dB or more below it is black. So
    how loud the whole recording is makes no difference.
    """
    x = log_mel(audio, sample_rate, mels)
    loudest = keras.ops.max(x, axis=(1, 2), keepdims=True)
    x = keras.ops.maximum(x - loudest + _RANGE, 0.0) * (255 / _RANGE)
    x = keras.layers.Reshape((*x.shape[1:], 1), dtype="float32", name="as_picture")(x)
    if scale > 1:
        x = keras.layers.UpSampling2D(
            scale, interpolation="bilinear", dtype="float32", name="enlarged"
        )(x)
    return keras.layers.Concatenate(dtype="float32", name="in_grey")([x, x, x])


def _fourier_kernel(window: int) -> np.ndarray:
    """Returns the kernel of a windowed Fourier transform, `(window, 1, 2 * (window // 2 + 1))`."""
    places = np.arange(window)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * places / window)
    angles = 2 * np.pi / window * np.outer(places, np.arange(window // 2 + 1))
    kernel = np.concatenate([np.cos(angles), -np.sin(angles)], axis=1) * hann[:, None]
    return kernel[:, None].astype("float32")


def mel_filters(sample_rate: int, window: int, mels: int) -> np.ndarray:
    """Returns Slaney's mel filters, float32 `(window // 2 + 1, mels)`, each with an area of 1.

    Reference: Slaney, Auditory Toolbox (1998); librosa's default.
    """
    frequencies = np.linspace(0, sample_rate / 2, window // 2 + 1)
    edges = _in_hertz(np.linspace(0, _in_mel(sample_rate / 2), mels + 2))
    widths = np.diff(edges)
    rising = (frequencies[:, None] - edges[:-2]) / widths[:-1]
    falling = (edges[2:] - frequencies[:, None]) / widths[1:]
    heights = 2 / (edges[2:] - edges[:-2])
    filters: np.ndarray = np.maximum(0, np.minimum(rising, falling)) * heights
    return filters.astype("float32")


_LINEAR, _BREAK = 200 / 3, 1000.0  # Hz for one mel below 1,000 Hz
_STEP = np.log(6.4) / 27  # of the logarithm, for one mel above


def _in_mel(hertz: float) -> float:
    """Turns a frequency into Slaney's mel."""
    if hertz < _BREAK:
        return hertz / _LINEAR
    return float(_BREAK / _LINEAR + np.log(hertz / _BREAK) / _STEP)


def _in_hertz(mel: np.ndarray) -> np.ndarray:
    """Turns Slaney's mels into frequencies."""
    above = _BREAK * np.exp(_STEP * (mel - _BREAK / _LINEAR))
    return np.where(mel < _BREAK / _LINEAR, mel * _LINEAR, above)
