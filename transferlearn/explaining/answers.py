"""Finds out which answers of a model are to be explained."""

from typing import Any

import numpy as np

from transferlearn.fitted import FittedModel


def answers_to_explain(fitted: FittedModel, outputs: Any, answer: str | None) -> np.ndarray:
    """Returns the number of the answer to explain for each row of outputs, int64 `(rows,)`.

    Args:
        fitted: The model that gave the outputs.
        outputs: What its network gave, one row an item.
        answer: The name of a class or a number; `None`: what the model says of each item.

    Raises:
        ValueError: There is no such answer, or the task has none that could be explained.
    """
    encoding = fitted.encoding
    names = encoding.answers
    if not names:
        raise ValueError(
            f"A model of {encoding.name} has no answers to explain: its encoding, "
            f"{type(encoding).__name__}, names none in `answers`."
        )
    if answer is None:
        return encoding.leading(encoding.values(outputs))
    if answer not in names:
        known = ", ".join(map(repr, names[:20])) + (", ..." if len(names) > 20 else "")
        raise ValueError(f"answer is one of {known}. Received: answer={answer!r}")
    return np.full(len(outputs), names.index(answer))
