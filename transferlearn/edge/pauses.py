"""Finds what is said in a long recording between its pauses, in parts that a network can hear."""

from collections.abc import Iterator, Sequence

import numpy as np

_FRAME = 0.02  # seconds
_SILENT = -60.0  # dB below full scale; what is nowhere louder is silence
_BELOW = 35.0  # dB below the loudest, under which nothing is said
_QUIET = -45.0  # dB below full scale; what is louder may be said, also beside a bang
_ABOVE = 9.0  # dB above the noise, where that is higher
_LOUDEST = 10  # frames that are as loud as the loudest counts: a click has fewer
_NEAR = 3000  # frames whose noise is looked at together, a minute: an engine may start
_BREATH, _MARGIN, _PAUSE = 0.3, 0.2, 1.0  # seconds: within words, around them, between sentences
_LATE = 0.6  # the share of a part behind which it may be cut where there is no pause
_TWICE = 2.0  # seconds that are in both parts where one is cut within words, at most a quarter


def levels_of(blocks: Iterator[np.ndarray], rate: int) -> np.ndarray:
    """Returns how loud each 20 ms of a recording are, in dB, float64 `(frames,)`.

    Args:
        blocks: Its samples, block by block.
        rate: Their rate in Hz.
    """
    size, left, found = round(_FRAME * rate), np.zeros(0, np.float32), list[np.ndarray]()
    for block in blocks:
        left = np.concatenate([left, block])
        whole = len(left) // size * size
        found.append(np.square(left[:whole].reshape(-1, size), dtype=np.float64).mean(axis=1))
        left = left[whole:]
    if len(left):
        found.append(np.square(left, dtype=np.float64).mean(keepdims=True))
    return 10 * np.log10(np.maximum(np.concatenate(found), 1e-12))


def spoken_parts(levels: np.ndarray, seconds: float) -> list[tuple[float, float]]:
    """Returns begin and end of the parts in which something is said, in seconds, in order.

    A part has at most `seconds` and ends in a pause. Where there is none, it ends at the quietest
    place, and the next begins up to two seconds before that, so that no word is cut in both.

    Args:
        levels: What `levels_of` gives.
        seconds: The longest part.
    """
    said = np.flatnonzero(levels > _least(levels))
    if not len(said):
        return []
    breaks = np.flatnonzero(np.diff(said) * _FRAME > _BREATH)
    begins, ends = said[np.r_[0, breaks + 1]], said[np.r_[breaks, len(said) - 1]] + 1
    most = round((seconds - 2 * _MARGIN) / _FRAME)
    twice = min(round(_TWICE / _FRAME), most // 4)
    parts: list[list[int]] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        near = parts and (begin - parts[-1][1]) * _FRAME <= _PAUSE
        if near and end - parts[-1][0] <= most:
            parts[-1][1] = end
            continue
        while end - begin > most:
            window = levels[begin + round(_LATE * most) : begin + most]
            cut = begin + round(_LATE * most) + int(_smooth(window).argmin())
            parts.append([begin, cut])
            begin = cut - twice
        parts.append([begin, end])
    return _with_margins(parts, len(levels))


def _least(levels: np.ndarray) -> np.ndarray:
    """Returns for each frame the level above which something may be said, in dB."""
    loud = np.sort(levels)[-_LOUDEST:][0]
    if loud < _SILENT:
        return np.full(len(levels), np.inf)
    near = [levels[i : i + _NEAR] for i in range(0, len(levels), _NEAR)]
    noise = np.concatenate([np.full(len(some), np.percentile(some, 10)) for some in near])
    floor = min(loud - _BELOW, _QUIET)
    return np.maximum(floor, np.minimum(noise + _ABOVE, loud - _ABOVE))


def _smooth(levels: np.ndarray) -> np.ndarray:
    """Returns the mean of five frames around each."""
    padded = np.pad(levels, 2, mode="edge")
    return np.convolve(padded, np.full(5, 0.2), mode="valid")


def _with_margins(parts: Sequence[Sequence[int]], frames: int) -> list[tuple[float, float]]:
    """Returns parts in seconds with a margin at both ends, or half of the pause between them.

    Parts that overlap have none there.
    """
    margin = round(_MARGIN / _FRAME)
    found = []
    for i, (begin, end) in enumerate(parts):
        before = parts[i - 1][1] if i else 0
        behind = parts[i + 1][0] if i + 1 < len(parts) else frames
        ahead = (begin - before) // 2 if i else begin
        after = (behind - end) // 2 if i + 1 < len(parts) else behind - end
        first, last = begin - min(margin, max(0, ahead)), end + min(margin, max(0, after))
        found.append((round(first * _FRAME, 3), round(last * _FRAME, 3)))
    return found


def cut_out(
    blocks: Iterator[np.ndarray], rate: int, parts: Sequence[tuple[float, float]]
) -> Iterator[np.ndarray]:
    """Yields the samples of each part, in the order in which they begin; few are held at a time."""
    held, begin = np.zeros(0, np.float32), 0
    for start, end in parts:
        first, last = round(start * rate), round(end * rate)
        while begin + len(held) < last and (block := next(blocks, None)) is not None:
            held = np.concatenate([held, block])
            if begin + len(held) < first:
                begin, held = begin + len(held), held[:0]
        if first > begin:
            begin, held = first, held[first - begin :]
        yield held[: last - begin]
