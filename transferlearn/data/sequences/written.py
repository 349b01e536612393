"""Finds texts that are to be written, such as translations, in any source."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NoReturn, Self

import numpy as np

from transferlearn.data.listed import ByColumn, ByFolder, ByRow, Listed
from transferlearn.data.messages import indented, notice
from transferlearn.data.sequences.pairs import TARGETS, Languages, list_pairs
from transferlearn.data.sequences.transcripts import list_transcripts
from transferlearn.data.targets.base import ByBatch, Target, Targets
from transferlearn.data.targets.columns import find_column
from transferlearn.data.texts.reading import Unreadable, as_text, problem
from transferlearn.wording import counted


@dataclass(frozen=True, kw_only=True, eq=False)
class WrittenTargets(Targets):
    """Holds the text that is to be written for each item.

    Attributes:
        texts: The texts; empty where there is a problem.
        problems: Why an item cannot be used, by its number.
    """

    texts: Sequence[str]
    problems: dict[int, str]

    @property
    def count(self) -> int:
        """Counts the items."""
        return len(self.texts)

    @property
    def absent(self) -> dict[int, str]:
        """Returns why items have no text that can be learnt."""
        return self.problems

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Returns the texts of some items, `str` objects `(n,)`."""
        return np.array([self.texts[row] for row in rows], object)

    def take(self, rows: np.ndarray) -> Self:
        """Returns the texts of some items, in that order."""
        return replace(self, texts=[self.texts[row] for row in rows], problems={})

    def parse(self, given: np.ndarray) -> NoReturn:
        """Refuses streams."""
        raise TypeError(_NO_STREAM)

    def summary(self) -> str:
        """Returns how many words there are."""
        words = sum(len(text.split()) for text in self.texts)
        return f"texts of {counted(words, 'word')} to write"

    def identity(self) -> tuple[object, ...]:
        """Returns all texts."""
        return tuple(self.texts)

    def compare_copies(self, names: Sequence[str], hashes: Sequence[str]) -> None:
        """Warns of the same item with different texts."""
        rows = defaultdict[str, dict[str, int]](dict)
        for row, (key, text) in enumerate(zip(hashes, self.texts, strict=True)):
            rows[key].setdefault(text, row)
        several = [list(found.values()) for found in rows.values() if len(found) > 1]
        if several:
            said = [" and ".join(f"{names[i]} ({self.texts[i]!r:.40})" for i in x) for x in several]
            notice(f"The same content with different texts:{indented(said)}")


@dataclass(frozen=True)
class Written(Target):
    """Learns to write a text for each item, such as a translation, a summary or what is said.

    A table has the column `target`, `translation`, `summary`, `transcript`, `sentence` or `text`
    beside that of the items; JSON lines have such keys, `{"source": "...", "target": "..."}`; a TSV
    file without a header has a pair on each line; TMX has units; two parallel files belong together
    line by line, `"train.en,train.de"`; lists go in as pairs, or as `(items, texts)`.

    Args:
        languages: The codes of the language to read and of that to write, such as `("en", "de")`,
            where a source holds several.
    """

    expected: ClassVar[str] = (
        "a .tsv file of pairs, JSON lines of them (.jsonl), TMX, two parallel files (a.en,a.de)"
    )
    takes_two_files: ClassVar[bool] = True

    languages: Languages | None = None

    def __post_init__(self) -> None:
        if self.languages is not None:
            object.__setattr__(self, "languages", _checked(self.languages))

    @property
    def columns(self) -> tuple[str, ...]:
        """Returns the usual names of a column of such texts."""
        return TARGETS if self.languages is None else (self.languages[1], *TARGETS)

    def listed(self, path: Path, endings: Sequence[str], noun: str) -> Listed | None:
        """Lists JSON lines, TMX, two files, a TSV without a header, or a folder of recordings."""
        if path.is_dir() and ".txt" not in endings:
            return list_transcripts(path, endings, noun)
        return list_pairs(path, noun, self.languages) if ".txt" in endings else None

    def gather(self, listed: Listed) -> WrittenTargets:
        """Finds the texts, and what is wrong with some."""
        if isinstance(listed.origin, ByColumn):
            name = find_column(listed.origin, listed, self.columns, "text", "call it target")
            return self._of(listed.origin.columns[name])
        if isinstance(listed.origin, ByRow):
            return self._of(listed.origin.rows)
        raise ValueError(
            f"{listed.what} is a folder without a text for each {listed.noun}. Pass pairs, a table "
            "with the columns source and target (of recordings, path and text), or JSON lines."
        )

    def of_folders(self, origin: ByFolder, listed: Listed) -> WrittenTargets:
        """Refuses folders, whose names are no texts to write."""
        return self.gather(listed)

    def of_columns(self, origin: ByColumn, listed: Listed) -> WrittenTargets:
        """Reads the column of texts."""
        return self.gather(listed)

    def of_rows(self, origin: ByRow) -> WrittenTargets:
        """Takes the texts that were passed beside the items."""
        return self._of(origin.rows)

    def of_stream(self, origin: ByBatch) -> NoReturn:
        """Refuses streams."""
        raise TypeError(_NO_STREAM)

    def _of(self, rows: Sequence[object]) -> WrittenTargets:
        """Makes targets of texts, or of what was found in their place."""
        read = [row if isinstance(row, Unreadable) else as_text(row) for row in rows]
        wrong = {i: problem(text) for i, text in enumerate(read)}
        problems = {
            i: f"the text to write is {why}" if why == "empty" else why
            for i, why in wrong.items()
            if why
        }
        texts = ["" if isinstance(text, Unreadable) else text for text in read]
        return WrittenTargets(texts=texts, problems=problems)


def _checked(languages: object) -> Languages:
    """Returns the codes of two languages; refuses anything else."""
    given = tuple(languages) if isinstance(languages, (list, tuple)) else ()
    if len({*given}) != 2 or len(given) != 2 or not all(isinstance(x, str) and x for x in given):
        raise ValueError(
            'languages are two codes, that to read and that to write, such as ("en", "de"). '
            f"Received: languages={languages!r}"
        )
    return given


_NO_STREAM = "Texts to write do not come in streams. Pass pairs, a table or JSON lines."
