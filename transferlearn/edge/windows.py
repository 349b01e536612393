"""Predicts on recordings of any length window by window, which are read in parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from transferlearn.checks import number
from transferlearn.edge.item_reader import ItemReader
from transferlearn.edge.output_reader import OutputReader

_LEAST, _MOST = 0.01, 600.0  # seconds of a window


@dataclass(frozen=True)
class Window:
    """Holds what a model says of a window of a recording.

    Attributes:
        start: Where the window begins, in seconds.
        end: Where it ends, in seconds.
        prediction: What is predicted there. Its `path` names the window as a part of the recording,
            such as `"street.wav#t=1.5,2.5"`, which `predict` takes, too.
    """

    start: float
    end: float
    prediction: Any

    def __str__(self) -> str:
        return f"{self.start:.2f}\t{self.end:.2f}\t{self.prediction}"


def predict_in_windows(
    item_reader: ItemReader,
    output_reader: OutputReader,
    item: object,
    seconds: float | None,
    hop: float | None,
    run: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]],
) -> list[Window]:
    """Predicts on each window of one recording, as if the window were a recording of its own.

    Args:
        item_reader: Reads the recording.
        output_reader: Makes the predictions.
        item: The recording, as `item_reader` takes it.
        seconds: The length of a window.
        hop: The seconds from the start of one window to that of the next; `None`: half a window.
        run: Returns the network's outputs by name for rows by name.

    Raises:
        ValueError: The recording cannot be read, or these readers know no recordings.
    """
    seconds, hop = checked(seconds, hop)
    found: list[Window] = []
    for rows, times in item_reader.in_windows(item, seconds, hop):
        outputs = output_reader.of_items(run(rows.arrays), rows)
        predictions = output_reader.read(outputs, rows.seen)
        found += [Window(*ends, one) for ends, one in zip(times, predictions, strict=True)]
    return found


def checked(seconds: float | None, hop: float | None) -> tuple[float, float]:
    """Returns the length of windows and their distance, in seconds.

    Raises:
        ValueError: A window is too short or too long, or there would be gaps between windows.
    """
    seconds = number("windows", seconds)
    if not _LEAST <= seconds <= _MOST:
        raise ValueError(
            f"windows is their length in seconds, from {_LEAST} to {_MOST:g}. "
            f"Received: windows={seconds!r}"
        )
    hop = seconds / 2 if hop is None else number("hop", hop)
    if not min(_LEAST, seconds / 2) <= hop <= seconds:
        raise ValueError(
            f"hop is in seconds, from {_LEAST} to the length of a window, {seconds:g}. "
            f"Received: hop={hop!r}"
        )
    return seconds, hop
