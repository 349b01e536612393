"""Reads files of pairs, a text and what is to be written for it, and describes such texts."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from transferlearn.data.listed import ByRow, Listed
from transferlearn.data.messages import notice
from transferlearn.data.sequences.json_lines import read_records
from transferlearn.data.texts.kind import Texts
from transferlearn.data.texts.reading import Unreadable
from transferlearn.headers import header_of
from transferlearn.types import Json

SOURCES = ("source", "src", "input", "text", "document", "article", "question", "en", "text")
TARGETS = (
    "target",
    "tgt",
    "translation",
    "summary",
    "transcript",
    "transcription",
    "output",
    "answer",
    "highlights",
    "sentence",
    "text",
    "label",
)
_LINES = (".jsonl", ".ndjson")
_EXPECTED = 'expected an object such as {"source": "one", "target": "eins"}'


@dataclass(frozen=True)
class SourceTexts(Texts):
    """Reads texts of which others are to be written, such as those to translate."""

    name: ClassVar[str] = "source-texts"
    columns: ClassVar[tuple[str, ...]] = SOURCES

    def settings(self) -> Json:
        """Returns the settings that a save holds, without the tokenizer."""
        return {name: value for name, value in super().settings().items() if name != "long_texts"}


def list_pairs(path: Path, noun: str) -> Listed | None:
    """Lists the pairs of JSON lines, or of a TSV file whose first line is no header.

    Returns:
        `None` for a file of another ending, and for a table with a header.

    Raises:
        ValueError: The file holds no pair.
    """
    ending = path.suffix.lower()
    if not path.is_file() or ending not in (*_LINES, ".tsv"):
        return None
    if ending == ".tsv":
        if {name.lower() for name in header_of(path)} & {*SOURCES, *TARGETS}:
            return None
        notice(f"{path}: no header such as source and target, so its first line is a pair, too.")
    found = list(_of_records(path) if ending in _LINES else _of_lines(path))
    if not found:
        raise ValueError(f"{path} holds no pair: {_EXPECTED} on each line.")
    places, items, texts = map(list, zip(*found, strict=True))
    return Listed(
        items=items,
        origin=ByRow(texts),
        noun=noun,
        in_files=False,
        what=str(path),
        named=[f"{path}, {place}" for place in places],
    )


def _of_records(path: Path) -> Iterator[tuple[str, Any, Any]]:
    """Yields the place, the item and the text of each line of JSON, or why there is none."""
    for place, record in read_records(path):
        if isinstance(record, ValueError):
            yield place, "", Unreadable(str(record))
            continue
        item, text = _parts(record)
        if item is None or text is None:
            yield place, "", Unreadable(f"no pair; {_EXPECTED}")
        else:
            yield place, item, text


def _parts(record: object) -> tuple[Any, Any]:
    """Returns the item and the text of a record; `None` for what it lacks."""
    if isinstance(record, list) and len(record) == 2:
        return record[0], record[1]
    if not isinstance(record, dict):
        return None, None
    inner = record.get("translation")
    if isinstance(inner, dict) and len(inner) == 2:  # as Hugging Face's sets have it
        first, second = inner.values()
        return first, second
    name = _first(record, SOURCES)
    text = _first(record, [other for other in TARGETS if other != name])
    return record.get(name or ""), record.get(text or "")


def _first(record: dict[str, Any], names: Sequence[str]) -> str | None:
    """Returns the first of these names that a record has."""
    return next((name for name in names if name in record), None)


def _of_lines(path: Path) -> Iterator[tuple[str, Any, Any]]:
    """Yields the place, the item and the text of each line of a TSV file."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            wrong = f"not UTF-8 (byte {line[error.start]:#04x} at place {error.start})"
            yield f"line {number}", "", Unreadable(wrong)
            continue
        cells = next(csv.reader([text.strip("\r")], delimiter="\t", quoting=csv.QUOTE_NONE))
        if len(cells) < 2:
            yield f"line {number}", "", Unreadable("no tab between two texts")
        else:
            yield f"line {number}", cells[0], cells[1]
