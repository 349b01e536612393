"""Reads which media types a client accepts as an answer."""

from typing import NamedTuple

_MOST = 50  # types in a header


class Accepted(NamedTuple):
    """Holds whether a client takes a PNG rather than JSON, and whether it takes JSON at all."""

    png: bool
    json: bool


def accepted(header: str) -> Accepted:
    """Reads an `Accept` header; where types are wanted alike, the one named first is.

    JSON is the answer of all that name neither, such as `*/*`.

    Reference: [RFC 9110, 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1).
    """
    ranges = [_range(part) for part in header.split(",")[:_MOST]]
    png, json = (_wanted(kind, ranges) for kind in ("image/png", "application/json"))
    return Accepted(png.quality > 0 and not png.any and png > json, json.quality > 0)


class _Wanted(NamedTuple):
    """Describes how much a type is wanted, in the order in which types are compared."""

    quality: float
    place: int  # minus the place in the header
    any: bool  # whether only `*/*` names it


def _wanted(kind: str, ranges: list[tuple[str, float]]) -> _Wanted:
    """Returns how much a type is wanted by the range that names it most closely."""
    for name in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        for place, (found, quality) in enumerate(ranges):
            if found == name:
                return _Wanted(quality, -place, name == "*/*")
    return _Wanted(0.0, 0, True)


def _range(part: str) -> tuple[str, float]:
    """Reads one range, such as `image/*;q=0.8`; a quality that is none counts as 0."""
    kind, *parameters = (word.strip().lower() for word in part.split(";"))
    quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
    try:
        number = float(quality[:9])
    except ValueError:
        number = 0.0
    return kind, number if 0 <= number <= 1 else 0.0
