"""Reads the weights of classes that a user names."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from transferlearn.checks import is_number


def weights_of_classes(given: object, names: Sequence[str]) -> tuple[float, ...]:
    """Returns the weight of each class, in the order of the names; those not named have 1.

    Args:
        given: A mapping from names or ids of classes to weights of at least 0.
        names: The names of the classes.

    Raises:
        ValueError: A weight is no number of at least 0, or there is no such class.
    """
    if not isinstance(given, Mapping) or not all(
        is_number(weight) and 0 <= weight < math.inf for weight in given.values()
    ):
        raise ValueError(
            "class_weight is 'balanced', or goes from class names or ids to weights of at least 0. "
            f"Received: class_weight={given!r}"
        )
    ids: dict[Any, int] = {i: i for i in range(len(names))}
    ids |= {name: i for i, name in enumerate(names)}
    if unknown := [key for key in given if key not in ids]:
        raise ValueError(
            f"class_weight names classes that are not in the data: {unknown}. "
            f"There are: {', '.join(names)}."
        )
    by_id = {ids[key]: float(weight) for key, weight in given.items()}
    return tuple(by_id.get(i, 1.0) for i in range(len(names)))
