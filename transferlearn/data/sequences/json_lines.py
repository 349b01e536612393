"""Reads JSON lines of texts with their entities, as doccano, Label Studio and spaCy write them."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from transferlearn.data.listed import ByRow, Listed
from transferlearn.edge.words.sentences import Sentence, parts_a_character
from transferlearn.edge.words.tags import OUTSIDE
from transferlearn.json_fields import Json

_EXPECTED = (
    'expected an object such as {"text": "Anna lives in Kyiv", "entities": [{"start": 0, "end": 4, '
    '"label": "PER"}]}'
)
_TEXTS = ("text", "sentence", "content")
_WORDS = ("tokens", "words")
_TAGS = ("tags", "ner_tags", "pos_tags", "labels")
_SPANS = ("entities", "spans", "labels", "label", "annotations")
_STARTS, _ENDS = ("start", "start_offset", "begin"), ("end", "end_offset")
_LABELS = ("label", "labels", "entity_type", "type", "entity_group")


class _Span(NamedTuple):
    """Holds the place and the type of an entity."""

    start: int
    end: int
    label: str


def read_json_lines(path: Path, noun: str) -> Listed:
    """Lists the texts of a file with one JSON object a line, or of a JSON list of such objects.

    Raises:
        ValueError: The file holds no text.
    """
    items, rows, named = [], list[list[str] | ValueError](), []
    for place, record in read_records(path):
        named.append(f"{path}, {place}")
        try:
            if isinstance(record, ValueError):
                raise record
            sentence, tags = _read(record)
            items.append(sentence)
            rows.append(tags)
        except ValueError as error:
            items.append(Sentence("", ()))
            rows.append(error)
    if not items:
        raise ValueError(f"{path} holds no text: {_EXPECTED} on each line.")
    return Listed(
        items=items,
        origin=ByRow(rows),
        noun=noun,
        in_files=False,
        what=str(path),
        named=named,
    )


def read_records(path: Path) -> Iterator[tuple[str, object]]:
    """Yields the place and the content of each record, or what is wrong with it."""
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if content.lstrip()[:1] == b"[" and path.suffix.lower() == ".json":
        whole = _parsed(content)
        if isinstance(whole, ValueError):
            raise ValueError(f"{path}: {whole}.")
        yield from ((f"record {i}", record) for i, record in enumerate(whole, 1))
        return
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield f"line {number}", _parsed(line)


def _parsed(content: bytes) -> Any:
    """Returns what JSON holds, or says why it is none."""
    try:
        return json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return ValueError(f"not UTF-8 (byte {content[error.start]:#04x} at place {error.start})")
    except json.JSONDecodeError as error:
        return ValueError(f"no JSON: {error.msg} at character {error.pos + 1}")
    except (ValueError, RecursionError):
        return ValueError("no JSON that can be read: it is nested too deep, or a number too long")


def _read(record: object) -> tuple[Sentence, list[str]]:
    """Returns the text of a record, cut into words, and the tag of each.

    Raises:
        ValueError: The record is of another form, or an entity is wrong.
    """
    if isinstance(record, list) and len(record) == 2 and isinstance(record[1], dict):  # spaCy
        record = {"text": record[0], **record[1]}
    if not isinstance(record, dict):
        raise ValueError(f"no object, but {record!r:.60}; {_EXPECTED}")
    words, tags = _first(record, _WORDS), _first(record, _TAGS)
    if isinstance(words, list) and isinstance(tags, list):
        if len(words) != len(tags):
            raise ValueError(f"{len(tags)} tags for {len(words)} words")
        return Sentence.of_words(list(map(str, words))), list(map(str, tags))
    inner = record.get("data")
    text = _first(inner if isinstance(inner, dict) else record, _TEXTS)
    if not isinstance(text, str):
        raise ValueError(f"no text; {_EXPECTED}")
    given = _of_label_studio(record) if "data" in record else _first(record, _SPANS)
    if not isinstance(given, list):
        raise ValueError(f"no list of entities; {_EXPECTED}")
    return tagged(text, [_span(part, text) for part in given])


def _first(record: Json, names: tuple[str, ...]) -> Any:
    """Returns what a record holds under the first of these names that it has."""
    return next((record[name] for name in names if name in record), None)


def _of_label_studio(record: Json) -> list[Any] | None:
    """Returns the entities of the first annotation of a task, as Label Studio exports it."""
    done = record.get("annotations") or record.get("completions")
    if not isinstance(done, list) or not done or not isinstance(done[0], dict):
        return None
    found = [part for part in done[0].get("result", []) if isinstance(part, dict)]
    return [part["value"] for part in found if "labels" in (part.get("value") or {})]


def _span(given: object, text: str) -> _Span:
    """Reads an entity, and refuses one that does not fit the text."""
    if isinstance(given, dict):
        start, end, label = (_first(given, names) for names in (_STARTS, _ENDS, _LABELS))
    elif isinstance(given, list) and len(given) == 3:
        start, end, label = given
    else:
        raise ValueError(f"an entity is {{start, end, label}}, and not {given!r:.60}")
    label = label[0] if isinstance(label, list) and label else label
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label:
        raise ValueError(f"an entity is {{start, end, label}}, and not {given!r:.60}")
    called = f"the entity {start} to {end} ({label:.40})"
    if not 0 <= start < end <= len(text):
        why = "is empty" if 0 <= end <= start <= len(text) else "lies outside"
        raise ValueError(f"{called} {why}: the text has {len(text)} characters")
    for name, place in (("begins", start), ("ends", end)):
        if parts_a_character(text, place):
            raise ValueError(
                f"{called} {name} inside a character, before a mark that belongs to it or within "
                "an emoji"
            )
    inside = text[start:end]
    if not inside.strip():
        raise ValueError(f"{called} holds blanks only")
    start += len(inside) - len(inside.lstrip())
    return _Span(start, start + len(inside.strip()), label)


def tagged(text: str, given: list[_Span]) -> tuple[Sentence, list[str]]:
    """Cuts a text into words, also at the ends of its entities; returns it with IOB2 tags.

    Raises:
        ValueError: Two entities overlap.
    """
    spans = sorted(given)
    for first, second in pairwise(spans):
        if second.start < first.end:
            raise ValueError(
                f"the entities {first.start} to {first.end} ({first.label:.40}) and "
                f"{second.start} to {second.end} ({second.label:.40}) overlap"
            )
    ends = sorted({place for span in spans for place in span[:2]})
    words = []
    for begin, end in Sentence.of_text(text).spans:
        cuts = [begin, *(place for place in ends if begin < place < end), end]
        words += list(pairwise(cuts))
    tags, waiting = [OUTSIDE] * len(words), list(spans)
    for i, (begin, end) in enumerate(words):
        while waiting and waiting[0].end <= begin:
            waiting.pop(0)
        if waiting and waiting[0].start < end:
            tags[i] = f"{'B' if begin == waiting[0].start else 'I'}-{waiting[0].label}"
    return Sentence(text, tuple(words)), tags
