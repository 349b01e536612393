"""The one check of whole numbers, numbers, shares and prices; each says what was received."""

import math
import numbers
from typing import Any


def is_number(value: Any) -> bool:
    """Says whether a value is a real number, which `True` and `False` are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def whole(name: str, value: Any, *, least: int) -> int:
    """Gives a whole number as an `int`: JSON and Keras know no NumPy integers.

    Raises:
        ValueError: It is none, or below `least`.
    """
    if not (is_number(value) and isinstance(value, numbers.Integral)) or value < least:
        raise ValueError(
            f"{name} is a whole number of at least {least}. Received: {name}={value!r}"
        )
    return int(value)


def number(name: str, value: Any, *, above: float | None = None, hint: str = "") -> float:
    """Gives a finite number of at least 0, or where that is asked for above another number.

    Args:
        name: Of the argument, for the message.
        value: What was passed.
        above: What it must be above; `None`: it is at least 0.
        hint: Is added to the message, such as `", such as 0.2"`.

    Raises:
        ValueError: It is no such number.
    """
    fits = (
        is_number(value) and value < math.inf and (value >= 0 if above is None else value > above)
    )
    if not fits:
        bound = "of at least 0" if above is None else f"above {above:g}"
        raise ValueError(f"{name} is a number {bound}{hint}. Received: {name}={value!r}")
    return float(value)


def share(name: str, value: Any) -> float:
    """Gives a share in [0, 1), or raises `ValueError`."""
    if not (is_number(value) and 0 <= value < 1):
        raise ValueError(f"{name} is a share in [0, 1). Received: {name}={value!r}")
    return float(value)


def price(value: Any) -> float | None:
    """Gives the price of a machine for an hour, or `None` where there is none to reckon with.

    Raises:
        ValueError: It is no number of at least 0.
    """
    return None if value is None else number("price_per_hour", value)
