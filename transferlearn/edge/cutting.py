"""Cuts recordings into windows that overlap, whole ones and while they are read."""

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

LONG = 2**21  # samples; a recording of more is never held whole


def windows(count: int, length: int) -> np.ndarray:
    """Returns where the windows of a recording begin, int64 `(windows,)`, in samples.

    A recording that fits has one. The windows of a longer one overlap by half or a little more, and
    the last ends where the recording ends.

    Args:
        count: The number of samples of the recording.
        length: The number of samples of a window.
    """
    if count <= length:
        return np.zeros(1, int)
    number = math.ceil(2 * (count - length) / length) + 1
    return np.linspace(0, count - length, number).round().astype(int)


def cut(samples: np.ndarray, length: int) -> np.ndarray:
    """Cuts a recording into windows, float32 `(windows, length)`; zeros fill up a short one."""
    filled = np.zeros(max(length, len(samples)), np.float32)
    filled[: len(samples)] = samples
    return np.stack([filled[begin : begin + length] for begin in windows(len(samples), length)])


def cut_in_parts(read: Callable[[], Iterable[np.ndarray]], length: int) -> Iterator[np.ndarray]:
    """Yields the windows that `cut` makes; a long recording is read twice, and never held whole.

    Args:
        read: Begins to read the recording, block by block.
        length: The number of samples of a window.
    """
    held: list[np.ndarray] = []
    count, most = 0, max(LONG, length)
    for block in read():
        count += len(block)
        if count <= most:
            held.append(block)
        else:
            held.clear()
    if count <= most:
        yield from cut(np.concatenate(held), length)
        return
    begins = windows(count, length)  # which follow from the count
    rest, first, cut_off = np.zeros(0, np.float32), 0, 0  # `first` is the place of the rest
    for block in read():
        rest = np.concatenate([rest, block])
        for begin in begins[cut_off:]:
            if begin + length > first + len(rest):
                break
            rest, first, cut_off = rest[begin - first :], begin, cut_off + 1
            yield rest[:length]


def cut_as_read(
    blocks: Iterable[np.ndarray], length: int, step: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields where each window begins, and its samples, from blocks of samples.

    Windows begin each `step` samples, at most `length`. The last one ends where the recording ends,
    and overlaps the one before by more. A recording that is shorter than a window is one window.
    """
    held, begin, following = np.zeros(0, np.float32), 0, 0  # `begin`: of what is held
    for block in blocks:
        held = np.concatenate([held, block])
        while following + length <= begin + len(held):
            # From here on, since the last window may begin anywhere between this and the next.
            held, begin = held[following - begin :], following
            yield begin, held[:length]
            following += step
    last = max(0, begin + len(held) - length)
    if not following or last > following - step:
        yield last, held[last - begin :]
