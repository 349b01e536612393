"""Checks of the heads' settings."""

from collections.abc import Iterable


def check_rates(dropout: float, l2: float) -> None:
    """Refuses a dropout outside [0, 1) and a negative penalty."""
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout is a share in [0, 1). Received: dropout={dropout!r}")
    if l2 < 0:
        raise ValueError(f"l2 is a penalty of at least 0. Received: l2={l2!r}")


def check_units(units: Iterable[int]) -> tuple[int, ...]:
    """Gives the sizes as a tuple, or refuses what is no sequence of positive whole numbers."""
    fix = f"units are sizes of hidden layers, such as (128,). Received: units={units!r}"
    if isinstance(units, str) or not isinstance(units, Iterable):
        raise TypeError(fix)
    sizes = tuple(units)
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise ValueError(fix)
    return sizes
