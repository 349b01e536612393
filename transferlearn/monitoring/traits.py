"""Measures plain properties of items as the network takes them, such as how bright an image is."""

import math
from collections.abc import Callable, Mapping

import numpy as np

Traits = Mapping[str, np.ndarray]
"""A number for each item, float `(items,)`, by the name of the property."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # how bright red, green and blue look
_BAND = 0.99  # of the power, which lies within the bandwidth
_PIECE = 0.02  # seconds of the pieces of a recording whose softest are its noise floor


def of_pixels(pixels: np.ndarray) -> Traits:
    """Measures images: brightness, contrast, sharpness and colour.

    Args:
        pixels: Raw RGB in [0, 255], `(items, height, width, 3)`.

    Returns:
        `brightness`, `contrast` and `colour` in units of 255; `sharpness`, the logarithm of the
        variance of the Laplacian.
    """
    pixels = np.asarray(pixels, np.float32) / 255
    grey = pixels @ _LUMA
    edges = (
        grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    ) - 4 * grey[:, 1:-1, 1:-1]
    return {
        "brightness": grey.mean((1, 2)),
        "contrast": grey.std((1, 2)),
        "colour": _range(pixels).mean((1, 2)),
        "sharpness": np.log(edges.reshape(len(edges), -1).var(axis=1) + 1e-6),
    }


def _range(pixels: np.ndarray) -> np.ndarray:
    """Returns the largest minus the smallest of the channels, much faster than `np.ptp`."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    largest = np.maximum(np.maximum(red, green), blue)
    return np.asarray(largest - np.minimum(np.minimum(red, green), blue))


def of_sizes(heights: np.ndarray, widths: np.ndarray) -> Traits:
    """Measures the sizes in pixels that images had before they were resized.

    Returns:
        `size`, the logarithm of the number of pixels, and `shape`, that of width by height.
    """
    heights, widths = (np.maximum(np.asarray(side, float), 1) for side in (heights, widths))
    return {"size": np.log(heights * widths), "shape": np.log(widths / heights)}


def of_tokens(rows: np.ndarray, padding: int, unknown: int | None) -> Traits:
    """Measures texts: the number of tokens, and the share that the tokenizer does not know.

    Args:
        rows: The token ids of each row, filled up at its end, int `(rows, tokens)`.
        padding: The id that fills rows up.
        unknown: The id of unknown tokens; `None` if there is none.
    """
    filled = rows != padding
    count = np.maximum(filled.sum(axis=1), 1)
    strange = np.zeros(len(rows)) if unknown is None else ((rows == unknown) & filled).sum(axis=1)
    return {"tokens": np.log(count), "unknown": strange / count}


def of_numbers(rows: np.ndarray) -> Traits:
    """Measures arrays of one's own: the mean and the spread of the numbers of each item."""
    flat = np.asarray(rows, float).reshape(len(rows), -1)
    return {"level": flat.mean(axis=1), "spread": flat.std(axis=1)}


def of_samples(rows: np.ndarray, rate: int) -> Traits:
    """Measures recordings: loudness, noise floor, silence, pitch, bandwidth and length.

    Zeros at the end of a row, with which a short recording is filled up, count for the silence, the
    mean loudness and the length alone.

    Args:
        rows: Samples in about [-1, 1], `(rows, samples)`.
        rate: Their rate in Hz.

    Returns:
        `loudness`, the mean square in dB; `noise_floor`, that of the softest tenth of a recording;
        `silence`, the share of samples that are 40 dB below the loudest; `pitch` and `bandwidth`,
        the logarithms of the rate of zero crossings and of the frequency below which 99% of the
        power lies, in Hz; and `length`, in seconds.
    """
    rows = np.asarray(rows, np.float32)
    square = np.square(rows, dtype=np.float32)
    loudest = np.abs(rows).max(axis=1, keepdims=True)
    crossings = (np.diff(np.signbit(rows), axis=1)).mean(axis=1) * rate / 2
    power = np.square(np.abs(np.fft.rfft(rows))).cumsum(axis=1, dtype=float)
    widest = (power < _BAND * power[:, -1:]).sum(axis=1) * rate / rows.shape[1]
    lengths = rows.shape[1] - np.argmax(rows[:, ::-1] != 0, axis=1)
    return {
        "loudness": _decibels(square.mean(axis=1)),
        "noise_floor": np.array(
            [_noise_floor(row[:length], rate) for row, length in zip(square, lengths, strict=True)]
        ),
        "silence": (np.abs(rows) <= loudest / 100).mean(axis=1),
        "pitch": np.log(crossings + 1),
        "bandwidth": np.log(widest + 1),
        "length": lengths / rate,
    }


def _noise_floor(square: np.ndarray, rate: int) -> float:
    """Returns the mean square in dB of the softest tenth of a recording, in pieces of 20 ms."""
    size = min(max(1, round(_PIECE * rate)), len(square))
    pieces = square[: len(square) // size * size].reshape(-1, size).mean(axis=1)
    return float(_decibels(np.quantile(pieces, 0.1)))


def _decibels(square: np.ndarray) -> np.ndarray:
    """Returns a mean square in dB; -100 stands for silence."""
    return np.asarray(10 * np.log10(square + 1e-10))


def in_words(name: str, mean: float) -> str:
    """Writes the mean of a property in units that people know; others stay plain numbers."""
    return _WORDS.get(name, "{:.4g}".format)(mean)


def _percent(share: float) -> str:
    """Writes a share."""
    return f"{100 * share:.3g}%"


_WORDS: Mapping[str, Callable[[float], str]] = {
    "brightness": _percent,  # 100% is white
    "contrast": _percent,
    "colour": _percent,
    "sharpness": lambda mean: f"{100 * math.exp(mean / 2):.2g}% at edges",
    "size": lambda mean: f"{math.exp(mean):,.0f} pixels",
    "shape": lambda mean: f"{math.exp(mean):.2f} wide to 1 high",
    "tokens": lambda mean: f"{math.exp(mean):.0f} tokens",
    "unknown": _percent,
    "loudness": "{:.1f} dB".format,
    "noise_floor": "{:.1f} dB".format,
    "silence": _percent,
    "pitch": lambda mean: f"{math.exp(mean) - 1:,.0f} Hz",
    "bandwidth": lambda mean: f"{math.exp(mean) - 1:,.0f} Hz",
    "length": "{:.2f} seconds".format,
}
