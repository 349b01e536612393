"""Finds the tags of words in any source."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from transferlearn.data.listed import ByColumn, ByFolder, ByRow, Listed
from transferlearn.data.sequences.conll import list_file
from transferlearn.data.sequences.schemes import WrongTagError, as_iob2, scheme_of
from transferlearn.data.sequences.targets import WordTagTargets
from transferlearn.data.targets.base import ByBatch, Target, Targets
from transferlearn.data.targets.columns import find_column
from transferlearn.data.targets.labels import check_names, closest
from transferlearn.edge.words.sentences import Sentence
from transferlearn.edge.words.tags import OUTSIDE

_COLUMNS = ("tags", "ner_tags", "pos_tags", "labels", "label", "tag")


@dataclass(frozen=True)
class WordTags(Target):
    """Learns the tag of each word of a text: entities such as names, or parts of speech.

    Args:
        class_names: The tags in the order of their numbers, those of entities in IOB2, such as
            `("O", "B-PER", "I-PER")`. By default those found in the data.

    CoNLL files and JSON lines hold both texts and tags; a table has the columns `words` and
    `tags`, whose cells are lists or are cut at blanks; lists go in as `(words, tags)`. Entities may
    be written in IOB1, IOB2 or BIOES: which it is, the data shows.
    """

    expected: ClassVar[str] = "a CoNLL file, JSON lines of texts with entities (.jsonl)"

    class_names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", check_names(self.class_names))

    @property
    def ranks(self) -> tuple[int, ...]:
        """Returns how many axes the tags of one text have."""
        return (1,)

    @property
    def columns(self) -> tuple[str, ...]:
        """Returns the usual names of a column of tags."""
        return _COLUMNS

    def listed(self, path: Path, endings: Sequence[str], noun: str) -> Listed | None:
        """Lists the texts of a CoNLL file or of JSON lines; `None` for other files."""
        return list_file(path, noun) if path.is_file() else None

    def like(self, targets: Targets) -> Self:
        """Returns a target that reads other data by the tags of these."""
        assert isinstance(targets, WordTagTargets)
        return type(self)(targets.class_names)

    def gather(self, listed: Listed) -> WordTagTargets:
        """Finds the tags of the texts, and what is wrong with some."""
        if isinstance(listed.origin, ByColumn):
            name = find_column(listed.origin, listed, self.columns, "tags", "call it tags")
            return self._of(_of_cells(listed.origin.columns[name]), listed)
        if isinstance(listed.origin, ByRow):
            return self._of(list(listed.origin.rows), listed)
        raise ValueError(
            f"{listed.what} is a folder, which names no tags of words. Pass a CoNLL file, JSON "
            "lines with entities, a table with the columns words and tags, or (words, tags)."
        )

    def of_folders(self, origin: ByFolder, listed: Listed) -> WordTagTargets:
        """Refuses folders, whose names are no tags."""
        return self.gather(listed)

    def of_columns(self, origin: ByColumn, listed: Listed) -> WordTagTargets:
        """Reads the column of tags."""
        return self.gather(listed)

    def of_rows(self, origin: ByRow) -> WordTagTargets:
        """Takes the tags that were passed beside the words, whose numbers are not compared."""
        items = [["word"] * len(row) for row in origin.rows]
        return self.gather(Listed(items=items, origin=origin, noun="text", in_files=False))

    def of_stream(self, origin: ByBatch) -> WordTagTargets:
        """Refuses streams."""
        raise TypeError("Tags of words do not come in streams. Pass (words, tags), or a file.")

    def _of(self, rows: list[object], listed: Listed) -> WordTagTargets:
        """Makes targets of the tags of each text."""
        problems: dict[int, str] = {}
        checked = [_checked(row, listed.items[i], i, problems) for i, row in enumerate(rows)]
        scheme = scheme_of(checked)
        lines = [getattr(row, "lines", None) for row in rows]  # of a CoNLL file
        written = [
            _written(row, i, problems, scheme, listed.items[i], lines[i])
            for i, row in enumerate(checked)
        ]
        names = self.class_names or _names(written, scheme)
        ids = {name: i for i, name in enumerate(names)}
        unknown = {tag for row in written for tag in row} - set(names)
        if unknown:
            first = min(unknown)
            raise ValueError(
                f"{listed.what} has the tag {first!r}, which is not known. {closest(first, names)}"
            )
        numbers = [np.array([ids[tag] for tag in row], np.int32) for row in written]
        most = max((len(row) for row in numbers), default=0)
        return WordTagTargets(class_names=tuple(names), rows=numbers, most=most, problems=problems)


def _of_cells(cells: Sequence[object]) -> list[Any]:
    """Returns the tags in cells: lists as they are, strings cut at blanks."""
    return [cell.split() if isinstance(cell, str) else cell for cell in cells]


def _checked(row: Any, item: Any, number: int, problems: dict[int, str]) -> list[str]:
    """Returns a text's tags as strings; none, and a problem, where they do not fit its words."""
    if isinstance(row, Exception):  # found by the reader of a file
        problems[number] = str(row)
        return []
    if isinstance(row, (str, bytes)) or not hasattr(row, "__len__"):
        problems[number] = f"no list of tags, but {row!r:.60}"
        return []
    tags = [str(tag) for tag in row]
    if isinstance(item, str):
        problems[number] = "a text, where a list of its words is expected beside their tags"
        return []
    words = len(item.spans) if isinstance(item, Sentence) else _length(item)
    if words not in (len(tags), None):
        problems[number] = f"{len(tags)} tags for {words} words"
        return []
    return tags


def _length(item: object) -> int | None:
    """Returns the number of words; `None` of what is no list of words, which its kind refuses."""
    return len(item) if hasattr(item, "__len__") else None


def _written(
    row: list[str],
    number: int,
    problems: dict[int, str],
    scheme: str,
    item: Any,
    lines: list[int] | None,
) -> list[str]:
    """Returns tags in IOB2; none, and a problem, where they are wrong."""
    try:
        return as_iob2(row, scheme)
    except WrongTagError as error:
        words = item.words if isinstance(item, Sentence) else np.resize(item, len(row))
        place = f"line {lines[error.place]}" if lines else f"word {error.place + 1}"
        problems[number] = f"{place} ({words[error.place]!s:.40}): {error}"
        return []


def _names(rows: Sequence[Sequence[str]], scheme: str) -> tuple[str, ...]:
    """Returns all tags: `O`, then `B-` and `I-` of each type; plain ones in alphabetical order."""
    found = sorted({tag for row in rows for tag in row})
    if scheme == "plain":
        return tuple(found)
    labels = dict.fromkeys(tag[2:] for tag in found if tag != OUTSIDE)
    return (OUTSIDE, *(f"{letter}-{label}" for label in sorted(labels) for letter in "BI"))
