"""Holds the tags of the words of texts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from transferlearn.data.messages import notice
from transferlearn.data.targets.base import Targets
from transferlearn.edge.words.tags import OUTSIDE, are_of_entities

NONE = -1  # the tag of what has none, such as the padding behind a text
_NAMED = 10  # tags that a message names


@dataclass(frozen=True, kw_only=True, eq=False)
class WordTagTargets(Targets):
    """Holds a tag for each word of each text.

    Attributes:
        class_names: The tags, those of entities in IOB2; tag `i` is called `class_names[i]`.
        rows: The number of each word's tag, one array `(words,)` a text; -1: it has none.
        most: The number of words to which texts are filled up with -1.
        problems: Why a text cannot be used, by its number.
    """

    class_names: tuple[str, ...]
    rows: Sequence[np.ndarray]
    most: int
    problems: dict[int, str]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Returns the tags of some texts, int32 `(n, most)`, filled up with -1."""
        found = np.full((len(rows), self.most), NONE, np.int32)
        for place, row in zip(found, rows, strict=True):
            place[: len(self.rows[row])] = self.rows[row]
        return found

    @property
    def count(self) -> int:
        """Counts the texts."""
        return len(self.rows)

    @property
    def absent(self) -> dict[int, str]:
        """Returns why texts have no tags that can be learnt."""
        return self.problems

    @property
    def continuing(self) -> np.ndarray:
        """Returns for each tag that of the further tokens of its word, int32 `(tags,)`.

        A word of several tokens is one entity from its first token on: `B-PER` is followed by
        `I-PER`. Other tags hold for the first token only, and are followed by -1.
        """
        if not are_of_entities(self.class_names):
            return np.full(len(self.class_names), NONE, np.int32)
        ids = {name: i for i, name in enumerate(self.class_names)}
        inside = [ids.get(f"I-{name[2:]}", NONE) for name in self.class_names]
        pairs = enumerate(zip(self.class_names, inside, strict=True))
        return np.array([i if name == OUTSIDE else after for i, (name, after) in pairs], np.int32)

    def take(self, rows: np.ndarray) -> Self:
        """Returns the tags of some texts, in that order."""
        return replace(self, rows=[self.rows[i] for i in rows], problems={})

    def parse(self, given: np.ndarray) -> np.ndarray:
        """Refuses streams, whose batches hold no tags of words."""
        raise TypeError("Tags of words do not come in streams. Pass (words, tags), or a file.")

    def summary(self) -> str:
        """Returns which entities or tags there are, and how many words."""
        named = ", ".join(self.labels[:_NAMED]) + (", ..." if len(self.labels) > _NAMED else "")
        words = f"{sum(map(len, self.rows)):,} words"
        what = "type of entity" if are_of_entities(self.class_names) else "tag"
        plural = "types of entities" if are_of_entities(self.class_names) else "tags"
        return f"{len(self.labels)} {what if len(self.labels) == 1 else plural} ({named}), {words}"

    @property
    def labels(self) -> list[str]:
        """Returns the types of entities, or the tags where these stand for none."""
        if not are_of_entities(self.class_names):
            return list(self.class_names)
        return list(dict.fromkeys(name[2:] for name in self.class_names if name != OUTSIDE))

    def table(self) -> list[list[str]]:
        """Counts the entities of each type, or the words of each tag."""
        counts = self._counts()
        if not are_of_entities(self.class_names):
            pairs = zip(self.class_names, counts, strict=True)
            return [["tag", "words"], *([name, f"{count:,}"] for name, count in pairs)]
        begun = {f"B-{label}": label for label in self.labels}
        found = dict(zip(self.class_names, counts, strict=True))
        rows = [[label, f"{found[name]:,}"] for name, label in begun.items()]
        return [["entity", "count"], *rows]

    def strata(self) -> np.ndarray:
        """Returns for each text the rarest of its tags, int64 `(n,)`."""
        counts = self._counts()
        known = [row[row >= 0] for row in self.rows]
        rarest = [row[counts[row].argmin()] if len(row) else counts.argmax() for row in known]
        return np.array(rarest, int)

    def identity(self) -> tuple[object, ...]:
        """Returns the names and the tags of all words."""
        return self.class_names, self.most, self[np.arange(len(self.rows))]

    def check(self, noun: str, left_out: str) -> None:
        """Refuses texts without an entity, or with one tag only."""
        if np.count_nonzero(self._counts()) < 2:
            raise ValueError(
                f"All words of the {noun}s have the same tag, so there is nothing to learn."
                f"{left_out} Expected tags such as O, B-PER and I-PER, or NOUN and VERB."
            )

    def check_pair(self, other: Self, noun: str, left_out: str, *, split: bool) -> None:
        """Refuses tags to validate on that are not learnt, and warns of those that are missing."""
        if self.class_names != other.class_names:
            raise ValueError(
                f"The {noun}s to validate on have other tags than those to train on. Received: "
                f"{', '.join(self.class_names[:_NAMED])}; {', '.join(other.class_names[:_NAMED])}"
            )
        counts = other._counts()
        missing = np.array(self.class_names)[counts == 0]
        empty = [str(name) for name in missing if not name.startswith("I-")]
        if empty:
            notice(f"No {noun} to validate on has {', '.join(empty[:_NAMED])}.")

    def _counts(self) -> np.ndarray:
        """Counts the words of each tag, int64 `(tags,)`."""
        words = np.concatenate([np.zeros(0, int), *self.rows])
        return np.bincount(words[words >= 0], minlength=len(self.class_names))
