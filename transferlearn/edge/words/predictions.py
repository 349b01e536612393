"""Makes entities, or parts of speech, of the probabilities of the tags of words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from html import escape
from typing import ClassVar

import numpy as np

from transferlearn.edge.item_reader import Rows, Seen
from transferlearn.edge.output_reader import OutputReader
from transferlearn.edge.words.rows import of_words
from transferlearn.edge.words.sentences import Sentence
from transferlearn.edge.words.tags import allowed, are_of_entities, entities_in, likeliest
from transferlearn.json_fields import Json


@dataclass(frozen=True)
class Entity:
    """Holds a name, a place or another part of a text, or a word with its part of speech.

    Attributes:
        text: The part of the text, as it stands there.
        label: Its type, such as `"PER"`, or its tag, such as `"NOUN"`.
        start: The place of its first character in the text, counted from 0.
        end: The place behind its last character: `text[start:end]` is the entity.
        probability: How sure the model is of its least sure word, in [0, 1].
    """

    text: str
    label: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True, kw_only=True)
class TagPrediction:
    """Holds what a model says of the words of one text.

    Attributes:
        text: The text.
        entities: The entities, in the order of the text; empty where tags are no entities.
        words: All words with their tags, in the order of the text.
        path: The path of the text's file, if it has one.
    """

    text: str
    entities: tuple[Entity, ...]
    words: tuple[Entity, ...]
    path: str | None = None

    @property
    def tags(self) -> list[str]:
        """Returns the tag of each word, such as `"B-PER"`."""
        return [word.label for word in self.words]

    def __str__(self) -> str:
        shown = self.entities if are_of_entities(self.tags) else self.words
        parts = (f"{part.text}\t{part.label}\t{part.probability:.4f}" for part in shown)
        return "; ".join(" ".join(part.split()) for part in parts) or "-"

    def _repr_html_(self) -> str:
        """Returns the text with its entities marked, for notebooks."""
        shown, end = "", 0
        for part in self.entities or self.words:
            name = f" <sub>{escape(part.label)}</sub>"
            marked = f"<mark>{escape(part.text)}{name}</mark>"
            shown += escape(self.text[end : part.start]) + marked
            end = part.end
        return f"<p>{shown}{escape(self.text[end:])}</p>"


@dataclass(frozen=True)
class TagReader(OutputReader[TagPrediction]):
    """Makes predictions of the probabilities of the tags of tokens.

    Args:
        class_names: The tags in the order of the outputs, those of entities as `B-PER`, `I-PER`.
    """

    name: ClassVar[str] = "word-tags"
    output: ClassVar[str] = "probabilities"

    class_names: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns the tags."""
        return self.class_names

    def of_items(self, outputs: Mapping[str, np.ndarray], rows: Rows) -> dict[str, np.ndarray]:
        """Returns the probabilities of the tags of words, `(items, most words, tags)`.

        What lies behind the last word of a text is 0.
        """
        tokens = outputs[self.output]
        found = [
            of_words(tokens[places], [rows.words[place] for place in places])
            for places in (np.flatnonzero(rows.item_of == item) for item in range(len(rows.seen)))
        ]
        return {self.output: filled(found)}

    def read(self, outputs: Mapping[str, np.ndarray], seen: Sequence[Seen]) -> list[TagPrediction]:
        """Makes a prediction for each text."""
        pairs = zip(outputs[self.output], seen, strict=True)
        return [self._prediction(rows, one) for rows, one in pairs]

    def chosen(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns the number of the tag of each word of one text, int64 `(words,)`.

        It is the likeliest sequence in which an entity goes on only where one has begun.

        Args:
            probabilities: The probability of each tag of each word, `(words, tags)`.
        """
        return likeliest(probabilities, *self._rules)

    def numbers(self, outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the mean probability of each tag in each text, `(items, tags)`."""
        return means_of_words(outputs[self.output])

    def as_json(self, prediction: TagPrediction) -> Json:
        """Returns the entities, or the words where tags are no entities."""
        part = "entities" if self._of_entities else "words"
        return {part: [asdict(one) for one in getattr(prediction, part)]}

    def same(
        self,
        expected: Mapping[str, np.ndarray],
        found: Mapping[str, np.ndarray],
        tolerance: float,
    ) -> np.ndarray:
        """Compares the likeliest tags of all tokens of a row."""
        first, second = expected[self.output], found[self.output]
        chosen = np.take_along_axis(first, second.argmax(axis=-1)[..., None], axis=-1)[..., 0]
        return np.asarray((first.max(axis=-1) - chosen <= tolerance).all(axis=1))

    @cached_property
    def _of_entities(self) -> bool:
        """Returns whether tags stand for entities."""
        return are_of_entities(self.class_names)

    @cached_property
    def _rules(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns which tag may follow which, and which may begin."""
        inside = [self._of_entities and name.startswith("I-") for name in self.class_names]
        return allowed(self.class_names), ~np.array(inside, bool)

    def _prediction(self, rows: np.ndarray, seen: Seen) -> TagPrediction:
        """Makes a prediction for one text of the probabilities of its words."""
        sentence = seen.sentence or Sentence("", ())
        rows = rows[: len(sentence.spans)]
        ids = self.chosen(rows)
        tags = [self.class_names[i] for i in ids]
        sure = rows[np.arange(len(rows)), ids].astype(float)

        def part(label: str, begin: int, end: int) -> Entity:
            start, stop = sentence.spans[begin][0], sentence.spans[end - 1][1]
            return Entity(
                sentence.text[start:stop], label, start, stop, float(sure[begin:end].min())
            )

        spans = entities_in(tags) if self._of_entities else ()
        return TagPrediction(
            text=sentence.text,
            entities=tuple(part(*span) for span in spans),
            words=tuple(part(tag, i, i + 1) for i, tag in enumerate(tags)),
            path=seen.path,
        )


def filled(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Puts arrays of several lengths into one, with zeros behind their ends."""
    most = max((len(part) for part in parts), default=0)
    found = np.zeros((len(parts), most, *parts[0].shape[1:]), parts[0].dtype)
    for place, part in zip(found, parts, strict=True):
        place[: len(part)] = part
    return found


def means_of_words(probabilities: np.ndarray) -> np.ndarray:
    """Returns the mean over the words of each text, `(items, tags)`; rows of zeros are no words."""
    words = np.maximum((probabilities > 0).any(axis=-1).sum(axis=1), 1)
    return np.asarray(probabilities.sum(axis=1) / words[:, None])
