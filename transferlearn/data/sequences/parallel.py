"""Reads two parallel files: line by line, a text and what is to be written for it."""

from collections.abc import Iterator
from pathlib import Path

from transferlearn.data.texts.reading import as_text


def read_parallel(source: Path, target: Path) -> Iterator[tuple[str, object, object]]:
    """Yields the place, the text and the text to write of each line of both files.

    Raises:
        ValueError: One file has more lines than the other.
    """
    first, second = (_lines(path) for path in (source, target))
    if len(first) != len(second):
        raise ValueError(
            f"{source} has {len(first):,} lines, and {target} {len(second):,}: a line of one is "
            "written for the same line of the other, so both need as many."
        )
    for number, (text, other) in enumerate(zip(first, second, strict=True), 1):
        yield f"line {number}", as_text(text), as_text(other)


def _lines(path: Path) -> list[bytes]:
    """Returns the lines of a file; other signs that end lines in Unicode stay in a text."""
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [line.removesuffix(b"\r") for line in (lines if lines[-1] else lines[:-1])]
