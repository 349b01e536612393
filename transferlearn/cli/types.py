"""Turns the texts of options into values, such as sizes; argparse calls these functions."""

import argparse
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from transferlearn.checks import number, share, whole
from transferlearn.money import price as read_price

if TYPE_CHECKING:
    from transferlearn.data import Degradation
    from transferlearn.freezing import Freeze

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def sizes(text: str) -> tuple[int, ...]:
    """Reads a text such as `"256,128"` as the sizes of layers."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected 128 or 256,128. Received: {text!r}") from None


def names(text: str) -> tuple[str, ...]:
    """Reads a text such as `"ground,road,sky"` as names."""
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"expected ground,road,sky. Received: {text!r}")
    return found


def void(text: str) -> int | str | None:
    """Reads a text as the value of void, the name of its colour, or `"none"`."""
    if text == "none":
        return None
    return int(text) if text.isdecimal() else text


def image_size(text: str) -> tuple[int, int]:
    """Reads a text such as `"224x224"` as height and width."""
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected HEIGHTxWIDTH, such as 224x224. Received: {text!r}"
        ) from None
    return height, width


def freeze(text: str) -> str | int | float:
    """Reads a text as a number of layers, a share of them, or a name."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text


def with_updates(frozen: str | int | float | None, rank: int | None) -> "Freeze | None":
    """Joins what is frozen with low-rank updates of the rest, if there is a rank."""
    from transferlearn.freezing import LowRank, as_strategy

    if rank is None:
        return frozen
    return as_strategy("none" if frozen is None else frozen) | LowRank(rank)


class Degraded(NamedTuple):
    """Holds a degradation as it was typed, since making one takes Keras.

    Attributes:
        name: Its name, as it is typed.
        numbers: Its strength, or nothing.
    """

    name: str
    numbers: tuple[int | float, ...]

    def made(self) -> "Degradation":
        """Makes the degradation."""
        from transferlearn import data

        made: Degradation = getattr(data, self.name.replace("-", "_"))(*self.numbers)
        return made

    def __str__(self) -> str:
        return "=".join([self.name, *map(str, self.numbers)])


def _refuse(number: object) -> None:
    """Refuses the number of a degradation that takes none."""
    raise ValueError("it takes no number")


# What checks the number of each.
_DEGRADATIONS: dict[str, Callable[[float], object]] = {
    "super-resolution": lambda value: whole("factor", value, least=2),
    "denoise": lambda value: share("strength", value),
    "colourise": _refuse,
    "inpaint": lambda value: share("covered", value),
}


def degradation(text: str) -> Degraded:
    """Reads a text such as `"denoise=0.1"` as the degradation of that name."""
    name, _, value = text.partition("=")
    numbers: tuple[int | float, ...] = ()
    try:
        if name not in _DEGRADATIONS:
            raise ValueError("there is no such degradation")
        if value:
            numbers = (int(value) if value.isdigit() else float(value),)
            _DEGRADATIONS[name](*numbers)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            "expected super-resolution=4, denoise=0.1, colourise or inpaint=0.2. "
            f"Received: {text!r} ({error})"
        ) from None
    return Degraded(name, numbers)


def price(text: str) -> str:
    """Reads a text as a price, such as `"0.50 EUR"`."""
    try:
        read_price(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected '0.50 EUR'. Received: {text!r}") from None
    return text


def rate(text: str) -> float:
    """Reads a text as a learning rate, which is above 0."""
    try:
        return number("learning_rate", float(text), above=0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected such as 0.001. Received: {text!r}") from None


def duration(text: str) -> float:
    """Reads a text such as `"90s"`, `"10m"`, `"1.5h"` or `"600"` as seconds, above 0."""
    value, unit = (text[:-1], text[-1]) if text[-1:] in _SECONDS else (text, "s")
    try:
        return number("time_limit", float(value) * _SECONDS[unit], above=0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected 90s, 10m or 1.5h. Received: {text!r}") from None


def port(text: str) -> int:
    """Reads a text as the number of a port."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 65535. Received: {text!r}")
    return int(text)


def at_least_1(text: str) -> int:
    """Reads a text as a number of things, of which there is at least one."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a number from 1 on. Received: {text!r}")
    return int(text)
