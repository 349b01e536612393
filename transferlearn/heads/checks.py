"""Checks the settings of heads."""

from collections.abc import Iterable

from transferlearn.checks import number, share


def check_rates(dropout: float, l2: float) -> None:
    """Refuses a dropout outside [0, 1) and a negative penalty."""
    share("dropout", dropout)
    number("l2", l2)


def check_units(units: Iterable[int]) -> tuple[int, ...]:
    """The sizes of layers as a tuple, or raises an error if they are not positive `int`s."""
    message = f"units are sizes of hidden layers, such as (128,). Received: units={units!r}"
    # A string is a sequence too, and its letters are no sizes.
    if isinstance(units, str) or not isinstance(units, Iterable):
        raise TypeError(message)
    sizes = tuple(units)
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(message)
    return sizes
