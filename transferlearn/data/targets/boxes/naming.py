"""Names the classes of boxes, and finds the number of each label."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches

import numpy as np

from transferlearn.data.targets.labels import class_values


def names_of(labels: Sequence[object]) -> tuple[str, ...]:
    """Returns the names of all classes that labels have, in order.

    Raises:
        ValueError: Some labels are names and others are numbers.
    """
    texts = {label for label in labels if isinstance(label, str)}
    numbers = {number for label in labels if (number := _as_number(label)) is not None}
    if texts and numbers:
        raise ValueError(
            "The labels of boxes must be all names or all numbers. "
            f"Received: {min(texts)!r} and {min(numbers)}"
        )
    return tuple(sorted(texts)) or tuple(map(str, sorted(numbers)))


def check_named(names: Sequence[str], labels: Sequence[object]) -> None:
    """Refuses a class that no box has where boxes have a class with almost the same name.

    Args:
        names: The names of the classes that the user chose.
        labels: The labels of all boxes.

    Raises:
        ValueError: A name is misspelt; else all photos with such boxes would be left out.
    """
    number_of = numbering(names)
    labelled = {label for label in labels if number_of(label) is not None}
    found = {names[number] for label in labelled if (number := number_of(label)) is not None}
    unknown = sorted({label for label in labels if isinstance(label, str)} - labelled)
    for name in set(names) - found:
        if near := get_close_matches(name, unknown, 1):
            right = [near[0] if one == name else one for one in names]
            raise ValueError(
                f"No box has the class {name!r}, and some have {near[0]!r}. Write "
                f"class_names={right}."
            )


def numbering(names: Sequence[str]) -> Callable[[object], int | None]:
    """Returns what finds the number of the class that a label names; `None` for an unknown one.

    Args:
        names: The names of the classes in order.
    """
    by_name = {name: i for i, name in enumerate(names)}
    by_value = {int(value): i for i, value in enumerate(class_values(names))}

    def number_of(label: object) -> int | None:
        if isinstance(label, str):
            return by_name.get(label)
        number = _as_number(label)
        return None if number is None else by_value.get(number)

    return number_of


def _as_number(label: object) -> int | None:
    """Returns a label as a whole number, or `None` where it is none."""
    if isinstance(label, (bool, np.bool_)) or not isinstance(label, (int, float, np.number)):
        return None
    return int(label) if np.isfinite(label) and label == int(label) else None
