"""Reads files that hold texts with the tags of their words: CoNLL, or by ending JSON lines."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from transferlearn.data.listed import ByRow, Listed
from transferlearn.data.sequences.json_lines import read_json_lines
from transferlearn.edge.words.sentences import Sentence
from transferlearn.wording import counted

_UNIVERSAL = 10  # columns of CoNLL-U: number, form, lemma, part of speech and more
_DOCUMENT = "-DOCSTART-"
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # what "surrogateescape" makes of such bytes


class TagLines(list[str]):
    """Holds the tags of a sentence, with the number of the line that each stands on.

    Attributes:
        lines: The numbers, counted from 1.
    """

    lines: list[int]


class _Line(NamedTuple):
    """Holds the cells of one line, and its number."""

    number: int
    cells: list[str]


def read_conll(path: Path, noun: str) -> Listed:
    """Lists the sentences of a CoNLL file.

    The first column holds the words, and the last one the tags; of CoNLL-U, the second one and the
    fourth.

    Raises:
        ValueError: The file holds bytes that are 0, or no sentence.
    """
    groups = list(_groups(_lines(path)))
    plain = [line.cells for group in groups for line in group if line.cells[0][:1] != "#"]
    widths, known = Counter(map(len, plain)), {cells[-1] for cells in plain}
    if not widths or max(widths) < 2:
        raise ValueError(
            f"{path} is no CoNLL file: expected a word and its tag on each line, such as 'Kyiv "
            "B-LOC', and an empty line behind each sentence."
        )
    width = widths.most_common(1)[0][0]
    items, rows, named = [], list[TagLines | ValueError](), []
    for group in groups:
        lines = _without_comments(group, width, known)
        if not lines or lines[0].cells[0] == _DOCUMENT:
            continue
        named.append(f"{path}, line {lines[0].number}")
        words, tags = _read(lines, width)
        items.append(Sentence.of_words(words))
        rows.append(tags)
    return Listed(
        items=items,
        origin=ByRow(rows),
        noun=noun,
        in_files=False,
        what=str(path),
        named=named,
    )


def _lines(path: Path) -> Iterator[str]:
    """Yields the lines of a file, in which bytes that are not UTF-8 are lone surrogates."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape")
        if "\0" in text:
            raise ValueError(f"{path}, line {number}: not UTF-8, since it holds bytes that are 0.")
        yield text


def _groups(lines: Iterator[str]) -> Iterator[list[_Line]]:
    """Yields the lines of each sentence, cut into cells."""
    group: list[_Line] = []
    for number, line in enumerate(lines, 1):
        cells = line.strip("\r").split("\t") if "\t" in line else line.split()
        cells = [cell.strip() for cell in cells]
        if any(cells):
            group.append(_Line(number, cells))
        elif group:
            yield group
            group = []
    if group:
        yield group


def _without_comments(group: list[_Line], width: int, tags: set[str]) -> list[_Line]:
    """Leaves out the lines before a sentence that begin with # and are no words with a tag."""
    begin = 0
    while begin < len(group) and group[begin].cells[0][:1] == "#":
        cells = group[begin].cells
        if cells[0] == "#" and len(cells) == width and cells[-1] in tags:
            break
        begin += 1
    return group[begin:]


def _read(lines: list[_Line], width: int) -> tuple[list[str], TagLines | ValueError]:
    """Returns the words and the tags of a sentence, or what is wrong with it."""
    words, tags, numbers = list[str](), TagLines(), list[int]()
    universal = width == _UNIVERSAL and lines[0].cells[0].isdigit()
    for number, cells in lines:
        wrong = _NOT_UTF8.search("".join(cells))
        if wrong:
            byte = ord(wrong[0]) - 0xDC00
            return words, ValueError(f"line {number} is not UTF-8 (byte {byte:#04x})")
        if len(cells) != width:
            return words, ValueError(
                f"line {number} has {counted(len(cells), 'column')}, and others have {width}"
            )
        if universal and not cells[0].isdigit():  # the parts of this word follow
            continue
        word, tag = (cells[1], cells[3]) if universal else (cells[0], cells[-1])
        if not word or not tag:
            return words, ValueError(f"line {number} has no {'tag' if word else 'word'}")
        words.append(word)
        tags.append(tag)
        numbers.append(number)
    tags.lines = numbers
    return words, tags


_READERS: dict[str, Callable[[Path, str], Listed]] = {
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), read_json_lines),
    **dict.fromkeys((".conll", ".iob", ".iob2", ".bio", ".bioes", ".conllu", ".txt"), read_conll),
}
ENDINGS = frozenset(_READERS)


def list_file(path: Path, noun: str) -> Listed | None:
    """Lists the texts of a CoNLL file or of JSON lines, by its ending; `None` for other files."""
    reader = _READERS.get(path.suffix.lower())
    return None if reader is None else reader(path, noun)
