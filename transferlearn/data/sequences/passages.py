"""Reads texts to go on with: plain ones, JSON lines, prompts with responses, conversations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from transferlearn.data.listed import ByRow, Listed
from transferlearn.data.sequences.json_lines import read_records
from transferlearn.data.texts.reading import Unreadable, as_text
from transferlearn.edge.chat import ChatTemplate, Part

_LINES = (".jsonl", ".ndjson")
_EXPECTED = (
    'expected an object such as {"text": "Once upon a time"}, {"prompt": "2 + 2 =", "response": '
    '" 4"} or {"messages": [{"role": "user", "content": "Hello"}, ...]}'
)


class Passage(str):
    """Is a text of which only parts are learnt, such as what an assistant answers.

    Attributes:
        parts: The parts of the text, in order.
    """

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Self:
        """Makes a text of its parts."""
        made = cls("".join(part.text for part in parts))
        made.parts = tuple(parts)
        return made


def parts_of(text: str) -> tuple[Part, ...]:
    """Returns the parts of a text; all of a plain one is learnt."""
    return text.parts if isinstance(text, Passage) else (Part(text, True),)


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
        texts.append(Unreadable(str(record)) if isinstance(record, ValueError) else record)
    if not texts:
        raise ValueError(f"{path} holds no text: {_EXPECTED} on each line.")
    return Listed(
        items=texts, origin=ByRow(()), noun=noun, in_files=False, what=str(path), named=places
    )


def read_passage(record: object, template: ChatTemplate) -> str | Unreadable:
    """Returns the text of a record, such as a line of JSON, or says what is wrong with it."""
    if isinstance(record, (str, bytes, Unreadable)):
        return record if isinstance(record, Unreadable) else as_text(record)
    if not isinstance(record, dict):
        return Unreadable(f"no text: {record!r:.60}; {_EXPECTED}")
    try:
        if "messages" in record:
            return _checked(Passage.of(template.parts(record["messages"])))
        if "prompt" in record or "response" in record:
            return _checked(_answered(record.get("prompt"), record.get("response")))
    except ValueError as error:
        return Unreadable(str(error))
    text = record.get("text")
    return as_text(text) if isinstance(text, str) else Unreadable(f"no text; {_EXPECTED}")


def _answered(prompt: Any, response: Any) -> Passage:
    """Returns a prompt with its response, which alone is learnt.

    Raises:
        ValueError: One of them is missing.
    """
    for name, given in (("prompt", prompt), ("response", response)):
        if not isinstance(given, str) or not given.strip():
            raise ValueError(f"no {name}; {_EXPECTED}")
    return Passage.of([Part(prompt, False), Part(response, True)])


def _checked(passage: Passage) -> Passage | Unreadable:
    """Returns a passage as it is, or says why it is no text."""
    found = as_text(passage)
    return found if isinstance(found, Unreadable) else passage
