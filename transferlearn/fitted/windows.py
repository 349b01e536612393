"""Predicts on long recordings window by window, with the readers that an export has, too."""

from collections.abc import Callable, Mapping

import numpy as np

from transferlearn.data.dataset import Dataset
from transferlearn.data.messages import check_on_error, indented, notice
from transferlearn.edge.recordings import RecordingError
from transferlearn.edge.windows import Window, predict_in_windows
from transferlearn.fitted.trained import Trained

_AT_ONCE = 32  # rows


def in_windows(
    fitted: Trained, items: object, seconds: float | None, hop: float | None, on_error: str
) -> list[Window] | list[list[Window]]:
    """Predicts on each window of one recording, or of each of several.

    Args:
        fitted: The model.
        items: What `FittedModel.predict` takes.
        seconds: The length of a window.
        hop: The seconds from one window to the next; `None`: half a window.
        on_error: What to do with a recording among several that cannot be read.
    """
    check_on_error(on_error)
    reader, run = fitted.kind.item_reader(), _outputs(fitted)
    readers = reader, fitted.encoding.output_reader()
    items = items.paths if isinstance(items, Dataset) else items
    if reader.is_one(items):
        return predict_in_windows(*readers, items, seconds, hop, run)
    given, found, skipped = reader.listed(items), [], []
    for item in given:
        try:
            found.append(predict_in_windows(*readers, item, seconds, hop, run))
        except RecordingError as error:
            if on_error == "raise" or len(given) == 1:
                raise
            skipped.append(str(error))
    if skipped:
        notice(f"Skipped {len(skipped)} of {len(given)} recordings:{indented(skipped)}")
    return found


def _outputs(fitted: Trained) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """Returns what runs the model on rows by name, some at a time."""
    answerer, names = fitted.answerer(), tuple(fitted.kind.inputs())

    def run(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        rows = len(arrays[names[0]])
        parts = []
        for begin in range(0, rows, _AT_ONCE):
            listed = [arrays[name][begin : begin + _AT_ONCE] for name in names]
            parts.append(answerer.named(listed if len(listed) > 1 else listed[0]))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return run
