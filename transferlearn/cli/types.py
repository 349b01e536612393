"""Turns the texts of options into values, such as sizes; argparse calls these functions."""

import argparse
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transferlearn.data import Degradation

_DEGRADATIONS = ("super-resolution", "denoise", "colourise", "inpaint")


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


def degradation(text: str) -> "Degradation":
    """Reads a text such as `"denoise=0.1"` as the degradation of that name."""
    from transferlearn import data

    name, _, value = text.partition("=")
    try:
        if name not in _DEGRADATIONS:
            raise ValueError("there is no such degradation")
        numbers = [int(value) if value.isdigit() else float(value)] if value else []
        made: Degradation = getattr(data, name.replace("-", "_"))(*numbers)
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(
            "expected super-resolution=4, denoise=0.1, colourise or inpaint=0.2. "
            f"Received: {text!r} ({error})"
        ) from None
    return made


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
