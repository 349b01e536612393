"""Refuses an exported file that answers otherwise than Keras."""

from typing import Any

import numpy as np

from transferlearn.edge import OutputReader
from transferlearn.tasks.scores import Score

_FLOATS = {None: 1e-4, "float16": 0.02}  # of the range of outputs
_SCORE_LOST, _OTHER_ANSWERS, _NUMBERS_OFF = 0.01, 0.03, 0.01  # with int8
_MARGIN = 1.1  # of the limit that a message proposes
_ROUNDING = 1e-9  # 0.915 - 0.905 is a little more than 0.01


def most_of(quantize: str | None, limit: float | None) -> float:
    """Returns the largest difference that an export in float32 or float16 may have.

    Args:
        quantize: How the export was quantized.
        limit: The largest difference, as a share of the range of outputs; `None`: what is usual.
    """
    return _FLOATS[quantize] if limit is None else limit


def check_floats(checked: Any, same: np.ndarray, most: float) -> None:
    """Refuses an export in float32 or float16 whose outputs or answers differ.

    Args:
        checked: What the check measured.
        same: Whether each answer is the same.
        most: The largest difference, as a share of the range of outputs.

    Raises:
        ValueError: More differs.
    """
    if not checked.difference <= most or not same.all():
        raise ValueError(
            f"The exported file answers otherwise than Keras: outputs differ by "
            f"{checked.difference:.2g} of their range, where {most:g} is allowed, and "
            f"{(~same).sum()} of {same.size} answers differ, so nothing was written. Pass another "
            f"format, or limit={checked.difference * _MARGIN:.2g}.\n{checked}"
        )


def check_int8(
    checked: Any,
    reader: OutputReader,
    score: Score,
    guess: float | None,
    limit: float | None,
) -> None:
    """Refuses an export in int8 that loses score, gives other answers, or has numbers far off.

    Args:
        checked: What the check measured.
        reader: Knows whether outputs are numbers, which are compared by their difference.
        score: The score of the task.
        guess: The score of a model that knows nothing of an item; `None`: not known.
        limit: The most that each of these may be, as a share; `None`: what is usual.

    Raises:
        ValueError: One of them is more, or the model is no better than a guess.
    """
    kept, lost = checked.keras_score, checked.keras_score - checked.exported_score
    if limit is None and guess is not None and kept - guess <= score.noise(guess, checked.items):
        raise ValueError(
            f"The model's {checked.score} on {checked.items:,} items is {kept:.4f}, and "
            f"{score.guess} has {guess:.4f}: a model at chance level does not show what "
            "int8 loses, so nothing was written. Train it first, or leave quantize out."
        )
    figures = [
        (lost, _SCORE_LOST, f"loses {lost:.4f} of {checked.score}"),
        (1 - checked.equal, _OTHER_ANSWERS, f"gives {1 - checked.equal:.2%} other answers"),
    ]
    if reader.is_of_numbers:
        off = checked.difference
        figures.append((off, _NUMBERS_OFF, f"is off by up to {off:.2%} of the range of numbers"))
    found = [
        (value, f"{what}, more than {usual if limit is None else limit:g}")
        for value, usual, what in figures
        if value > (usual if limit is None else limit) + _ROUNDING
    ]
    if found:
        most = max(value for value, _ in found) * _MARGIN
        raise ValueError(
            f"The exported file {' and '.join(what for _, what in found)}, so nothing was written. "
            f"Leave quantize out, or pass limit={most:.2g}.\n{checked}"
        )
