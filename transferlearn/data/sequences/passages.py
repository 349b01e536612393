"""Reads files that hold texts to go on with: plain ones, and JSON lines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transferlearn.data.listed import ByRow, Listed
from transferlearn.data.sequences.json_lines import read_records
from transferlearn.data.texts.reading import Unreadable

_LINES = (".jsonl", ".ndjson")
_EXPECTED = 'expected an object such as {"text": "Once upon a time"}'


def list_texts(path: Path, endings: Sequence[str], noun: str) -> Listed | None:
    """Lists the texts of a file: the file itself, or a text for each line of JSON.

    Returns:
        `None` for a file of another ending, such as a table.

    Raises:
        ValueError: The file holds no text.
    """
    ending = path.suffix.lower()
    if ending in endings:
        return Listed(items=[str(path)], origin=ByRow(()), noun=noun, what=str(path))
    if ending not in _LINES:
        return None
    places, texts = list[str](), list[Any]()
    for place, record in read_records(path):
        places.append(f"{path}, {place}")
        texts.append(_text_of(record))
    if not texts:
        raise ValueError(f"{path} holds no text: {_EXPECTED} on each line.")
    return Listed(
        items=texts, origin=ByRow(()), noun=noun, in_files=False, what=str(path), named=places
    )


def _text_of(record: Any) -> Any:
    """Returns the text of a record, or says what is wrong with it."""
    if isinstance(record, ValueError):
        return Unreadable(str(record))
    if not isinstance(record, dict) or not isinstance(record.get("text"), str):
        return Unreadable(f"no text; {_EXPECTED}")
    return record["text"]
