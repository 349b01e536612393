"""Checks of the heads' settings."""

from collections.abc import Iterable

from transferlearn.checks import number, share


def check_rates(dropout: float, l2: float) -> None:
    """Refuses a dropout outside [0, 1) and a negative penalty."""
    share("dropout", dropout)
    number("l2", l2)


def check_units(units: Iterable[int]) -> tuple[int, ...]:
    """Gives the sizes as a tuple, or refuses what is no sequence of positive whole numbers."""
    fix = f"units are sizes of hidden layers, such as (128,). Received: units={units!r}"
    if isinstance(units, str) or not isinstance(units, Iterable):
        raise TypeError(fix)
    sizes = tuple(units)
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(fix)
    return sizes
