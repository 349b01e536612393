"""Reads from an ONNX file which other files hold its weights, without the package `onnx`."""

from collections.abc import Iterator
from pathlib import Path

# Of each message of ONNX's format, the numbers of the fields that lead to tensors, and what they
# are: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        10: "tensor",
        6: "graph",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external"},
    "external": {1: "key", 2: "value"},
}


def external_files(file: Path) -> set[str]:
    """Returns the names of the files beside an ONNX file that it takes weights from.

    Raises:
        ValueError: It is no ONNX file.
    """
    found = set()
    waiting = [("model", memoryview(file.read_bytes()))]
    while waiting:
        message, content = waiting.pop()
        parts = {}
        for number, value in _parts(content):
            kind = _FIELDS[message].get(number)
            if message == "external" and kind is not None:
                parts[kind] = bytes(value).decode("utf-8", "replace")
            elif kind is not None:
                waiting.append((kind, value))
        if parts.get("key") == "location":
            found.add(parts.get("value", ""))
    return found


def _parts(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yields the fields of a message that have a length, each with its number."""
    place = 0
    while place < len(content):
        tag, place = _number(content, place)
        kind, length = tag & 7, 0
        if kind == 0:
            _, place = _number(content, place)
        elif kind == 2:
            length, place = _number(content, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError("it is no ONNX file")
        if place + length > len(content):
            raise ValueError("it is no ONNX file, or cut off")
        if kind == 2:
            yield tag >> 3, content[place : place + length]
        place += length


def _number(content: memoryview, place: int) -> tuple[int, int]:
    """Reads a number of 7 bits a byte; returns it and the place behind it."""
    number = shift = 0
    while place < len(content) and shift < 70:
        byte = content[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place
    raise ValueError("it is no ONNX file, or cut off")
