"""Checks arguments that are numbers or shares; each error says what was received."""

import numbers
import os
import re
import sys
from typing import Any


def is_number(value: Any) -> bool:
    """Returns whether a value is a real number, which `True` and `False` are not."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def whole(name: str, value: Any, *, least: int) -> int:
    """Checks a whole number, and gives it as an `int`.

    Raises:
        ValueError: The value is no whole number, or is below `least`.
    """
    if not (is_number(value) and isinstance(value, numbers.Integral)) or value < least:
        raise ValueError(
            f"{name} is a whole number of at least {least}. Received: {name}={value!r}"
        )
    return int(value)  # JSON and Keras know no NumPy integers


def number(name: str, value: Any, *, above: float | None = None, hint: str = "") -> float:
    """Checks a finite number, which is at least 0 or above a bound, and gives it as a `float`.

    Args:
        name: The name of the argument, for the message.
        value: The value that was passed.
        above: The number that the value must be above; `None`: it must be at least 0.
        hint: Words that are added to the message, such as `", such as 0.2"`.

    Raises:
        ValueError: The value is no such number.
    """
    largest = sys.float_info.max  # whole numbers can be larger, and are no `float` then
    fits = (
        is_number(value) and value <= largest and (value >= 0 if above is None else value > above)
    )
    if not fits:
        bound = "of at least 0" if above is None else f"above {above:g}"
        raise ValueError(f"{name} is a number {bound}{hint}. Received: {name}={value!r}")
    return float(value)


def share(name: str, value: Any) -> float:
    """Checks a share in [0, 1), and gives it as a `float`, or raises `ValueError`."""
    if not (is_number(value) and 0 <= value < 1):
        raise ValueError(f"{name} is a share in [0, 1). Received: {name}={value!r}")
    return float(value)


def refuse_address(name: str, path: str | os.PathLike[str]) -> None:
    """Refuses the address of another machine, of which `Path` would make a folder named `s3:`.

    Raises:
        ValueError: The path begins as addresses do, such as `s3://`, `gs://` or `hdfs://`.
    """
    # `Path` has made one slash of two by now; a drive of Windows has one letter only.
    if found := re.match(r"([A-Za-z][A-Za-z0-9+.-]+):/", os.fspath(path)):
        raise ValueError(
            f"{name} is a folder of this machine, and not an address such as {found[1]}://. Mount "
            f"what is there, or copy it from or to a folder. Received: {name}={os.fspath(path)!r}"
        )
