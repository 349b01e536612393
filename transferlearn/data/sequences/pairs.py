"""Reads files of pairs, a text and what is to be written for it, and describes such texts."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from transferlearn.data.listed import ByRow, Listed
from transferlearn.data.messages import notice
from transferlearn.data.sequences.json_lines import read_records
from transferlearn.data.sequences.odd_pairs import warn_of_odd_pairs
from transferlearn.data.sequences.parallel import read_parallel
from transferlearn.data.sequences.tmx import read_tmx
from transferlearn.data.targets.base import Targets
from transferlearn.data.texts.dataset import TextDataset
from transferlearn.data.texts.kind import Texts
from transferlearn.data.texts.reading import Unreadable
from transferlearn.edge import TextReader
from transferlearn.edge.tokenizers import EdgeTokenizer
from transferlearn.headers import header_of
from transferlearn.json_fields import Json
from transferlearn.parallel_files import parallel_files

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
_LINES, _TMX = (".jsonl", ".ndjson"), ".tmx"
_EXPECTED = 'expected an object such as {"source": "one", "target": "eins"}'


Languages = tuple[str, str]  # the codes of the language to read, and of that to write
_Pairs = Iterator[tuple[str, object, object]]  # the place, the text, and the text to write


@dataclass(frozen=True)
class SourceTexts(Texts):
    """Reads texts of which others are to be written, such as those to translate.

    Args:
        language: The code of the texts' language, which a table's column may have as its name.
        prefix: What the network reads before each text, such as the task words of a T5.
    """

    name: ClassVar[str] = "source-texts"
    columns: ClassVar[tuple[str, ...]] = SOURCES
    for_long: ClassVar[str] = "A larger sequence_length reads more, where the network can."

    language: str | None = None
    prefix: str = ""

    def __post_init__(self) -> None:
        if self.language is not None:
            object.__setattr__(self, "columns", (self.language, *self.columns))
        super().__post_init__()

    def open(self, listed: Listed, targets: Targets, *, on_error: str) -> TextDataset:
        """Reads the texts as `Texts` does, and warns of those that hardly fit what is written."""
        others: Sequence[str] = getattr(targets, "texts", ())
        pairs = enumerate(zip(listed.items, others, strict=True)) if others else ()
        whole = [i for i, (text, _) in pairs if isinstance(text, str) and text.strip()]
        warn_of_odd_pairs(
            [listed.items[i] for i in whole],
            [others[i] for i in whole],
            [listed.called(i) for i in whole],
            listed.what,
        )
        return super().open(listed, targets, on_error=on_error)

    def tokens(self, texts: Sequence[str], **known: Any) -> TextDataset:
        """Tokenizes texts behind the prefix; the dataset's own texts are without it."""
        found = super().tokens([self.prefix + text for text in texts], **known)
        return replace(found, texts=list(texts))

    def settings(self) -> Json:
        """Returns the settings that a save holds, without the tokenizer."""
        known = {name: value for name, value in super().settings().items() if name != "long_texts"}
        further = {"language": self.language, "prefix": self.prefix}
        return known | {name: value for name, value in further.items() if value}

    def _reader(self, tokenizer: EdgeTokenizer) -> TextReader:
        """Returns what reads texts by a tokenizer, with the prefix before each."""
        return replace(super()._reader(tokenizer), prefix=self.prefix)


def list_pairs(path: Path, noun: str, languages: Languages | None) -> Listed | None:
    """Lists the pairs of JSON lines, TMX, two files, or a TSV file whose first line is no header.

    Args:
        path: The file, or two that are parallel, such as `train.en,train.de`.
        noun: The word for one item in messages.
        languages: The codes of both languages, by which one of several is chosen.

    Returns:
        `None` for a file of another ending, and for a table with a header.

    Raises:
        ValueError: The file holds no pair.
    """
    pairs = _pairs_of(path, languages)
    if pairs is None:
        return None
    found = list(pairs)
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


def _pairs_of(path: Path, languages: Languages | None) -> _Pairs | None:
    """Returns what reads the pairs of a file; `None` for one that holds none, and a table."""
    if both := parallel_files(path):
        return read_parallel(*both)
    ending = path.suffix.lower()
    if not path.is_file() or ending not in (*_LINES, _TMX, ".tsv"):
        return None
    if ending == _TMX:
        return read_tmx(path, languages)
    if ending in _LINES:
        return _of_records(path, languages)
    if {name.lower() for name in header_of(path)} & {*SOURCES, *TARGETS, *(languages or ())}:
        return None
    notice(f"{path}: no header such as source and target, so its first line is a pair, too.")
    return _of_lines(path)


def _of_records(path: Path, languages: Languages | None) -> _Pairs:
    """Yields the place, the item and the text of each line of JSON, or why there is none."""
    for place, record in read_records(path):
        if isinstance(record, ValueError):
            yield place, "", Unreadable(str(record))
            continue
        item, text = _parts(record, languages)
        if item is None or text is None:
            yield place, "", Unreadable(f"no pair; {_EXPECTED}")
        else:
            yield place, item, text


def _parts(record: object, languages: Languages | None) -> tuple[object, object]:
    """Returns the item and the text of a record; `None` for what it lacks."""
    if isinstance(record, list) and len(record) == 2:
        return record[0], record[1]
    if not isinstance(record, dict):
        return None, None
    inner = record.get("translation")
    translated = inner if isinstance(inner, dict) else record  # as Hugging Face's sets have it
    if languages is not None and set(languages) <= translated.keys():
        return translated[languages[0]], translated[languages[1]]
    if translated is inner and len(inner) == 2:
        first, second = inner.values()
        return first, second
    name = _first(record, SOURCES)
    text = _first(record, [other for other in TARGETS if other != name])
    return record.get(name or ""), record.get(text or "")


def _first(record: Json, names: Sequence[str]) -> str | None:
    """Returns the first of these names that a record has."""
    return next((name for name in names if name in record), None)


def _of_lines(path: Path) -> _Pairs:
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
