"""Describes texts whose words have tags as a kind of data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from transferlearn.data.kind import One
from transferlearn.data.messages import Skipped, indented, report_skipped
from transferlearn.data.sequences.conll import ENDINGS, list_file
from transferlearn.data.sequences.dataset import WordDataset
from transferlearn.data.targets.base import Target, Targets
from transferlearn.data.texts.kind import Texts
from transferlearn.data.texts.reading import Unreadable, as_text, warn_of_unknown
from transferlearn.data.texts.tokens import TokenItems
from transferlearn.edge.tokenizers import EdgeTokenizer
from transferlearn.edge.words.reader import WordReader
from transferlearn.edge.words.rows import Framing, rows_of
from transferlearn.edge.words.sentences import Sentence
from transferlearn.json_fields import Json
from transferlearn.types import TfData


@dataclass(frozen=True)
class Words(Texts):
    """Reads texts word by word, so that each word can have a tag.

    A text is a string, which is cut into words, numbers and signs, or a list of words. One with
    more tokens than `sequence_length` is read in overlapping windows.
    """

    name: ClassVar[str] = "words"
    columns: ClassVar[tuple[str, ...]] = ("words", "tokens", "text", "sentence")

    def stream(self, source: TfData, target: Target, *, on_error: str) -> WordDataset:
        """Refuses a stream to learn from."""
        raise TypeError("Tags of words do not come in streams. Pass (words, tags), or a file.")

    def with_columns(
        self, items: Sequence[object], cells: Mapping[str, Sequence[object]]
    ) -> list[object]:
        """Returns a table's texts as lists of words: strings are cut at blanks."""
        return [item.split() if isinstance(item, str) else item for item in items]

    def unlabelled(self, source: object, *, on_error: str = "skip") -> WordDataset:
        """Makes a dataset of texts to predict on: what `Texts` takes, or a list of lists of words.

        Args:
            source: A text, a list of texts, of lists of words or of sentences, a `Path` of a `.txt`
                file, of a folder of them, or of a file with tags, such as `test.conll`, a list of
                `.txt` files, or a `tf.data.Dataset` of strings.
            on_error: What is done about bad files: `"skip"` leaves them out, `"raise"` raises.
        """
        if isinstance(source, Sentence):
            source = [source]
        if isinstance(source, Path) and _holds_tags(source):
            return self._without_tags(source, on_error)
        if not (isinstance(source, list) and any(map(_has_words, source))):
            found = super().unlabelled(source, on_error=on_error)
            assert isinstance(found, WordDataset)
            return found
        read = [as_words(item) for item in source]
        wrong = [f"text {i}: {x.problem}" for i, x in enumerate(read) if isinstance(x, Unreadable)]
        if wrong:
            raise ValueError(f"Expected texts or lists of words.{indented(wrong)}")
        return self.tokens([x for x in read if isinstance(x, Sentence)])

    def is_one(self, source: object) -> bool:
        """Returns whether a source is a single text; a file with tags holds many."""
        if isinstance(source, Path) and _holds_tags(source):
            return False
        return isinstance(source, Sentence) or super().is_one(source)

    def _without_tags(self, path: Path, on_error: str) -> WordDataset:
        """Makes a dataset of the texts of a file with tags; those without a word are left out."""
        listed = list_file(path, self.noun)
        assert listed is not None
        kept = np.array([bool(sentence.spans) for sentence in listed.items])
        bad = tuple(Skipped(listed.called(i), "no text") for i in np.flatnonzero(~kept).tolist())
        report_skipped(listed.what, bad, count=len(kept), noun="text", on_error=on_error)
        good = listed.take(np.flatnonzero(kept))
        return replace(self.tokens(good.items, names=good.named), skipped=bad)

    def one(self, item: object) -> One | None:
        """Returns `None`: `unlabelled` reads single texts, too."""
        return None

    def settings(self) -> Json:
        """Returns the settings that a save holds, without the tokenizer."""
        return {name: value for name, value in super().settings().items() if name != "long_texts"}

    def _as_text(self, item: object) -> Sentence | Unreadable:
        """Returns an item of a source as a sentence, or says why it is none."""
        return as_words(item)

    def _reader(self, tokenizer: EdgeTokenizer) -> WordReader:
        """Returns what reads texts by a tokenizer."""
        framing = self._framing
        return WordReader(
            tokenizer,
            self.sequence_length,
            start=framing.start,
            end=framing.end,
            padding=self.tokenizer.padding,
            unknown=framing.unknown,
            blanks=framing.blanks,
        )

    @property
    def _framing(self) -> Framing:
        """Returns how rows of tokens are made."""
        known = self.tokenizer
        unknown = known.padding if known.unknown is None else known.unknown
        return Framing(self.sequence_length, known.start, known.end, unknown, known.blanks)

    def tokens(
        self,
        texts: Sequence[str] | Sequence[Sentence],
        *,
        names: Sequence[str] | None = None,
        targets: Targets | None = None,
        sample_weight: np.ndarray | None = None,
        groups: Sequence[str] | None = None,
    ) -> WordDataset:
        """Tokenizes texts, and makes a dataset of their rows with what is known of each text."""
        sentences = [x if isinstance(x, Sentence) else Sentence.of_text(x) for x in texts]
        parts = rows_of(sentences, self._tokenized, self._framing)
        of_row = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        text_of = of_row.tolist()
        words = [row for part in parts for row in part]
        ids = [np.concatenate([row.ids for row in part]) for part in parts]
        warn_of_unknown(ids, [sentence.text for sentence in sentences], self.tokenizer.unknown)
        length = max(len(row.ids) for row in words)
        weights = None if sample_weight is None else sample_weight[of_row]
        return WordDataset(
            items=TokenItems([row.ids for row in words], length, self.tokenizer.padding),
            shape=(length,),
            sequence_length=self.sequence_length,
            size=len(words),
            source_of=of_row,
            texts=[sentences[i].text for i in text_of],
            sentences=[sentences[i] for i in text_of],
            words=words,
            targets=None if targets is None else targets.take(of_row),
            sample_weight=weights,
            groups=None if groups is None else [groups[i] for i in text_of],
            names=None if names is None else [names[i] for i in text_of],
        )

    def _tokenized(self, words: Sequence[str]) -> list[list[int]]:
        """Returns the token ids of each of several words."""
        return [ids.tolist() for ids in self.tokenizer.tokenize(words)]


def as_words(item: Any) -> Sentence | Unreadable:
    """Returns a text or a list of words as a sentence, or says why it is none."""
    if isinstance(item, Sentence):
        return item
    if not _has_words(item):
        text = as_text(item)
        return text if isinstance(text, Unreadable) else Sentence.of_text(text)
    words = [as_text(word) for word in item]
    wrong = [f"word {i + 1}: {x.problem}" for i, x in enumerate(words) if isinstance(x, Unreadable)]
    blank = [f"word {i + 1} is empty" for i, word in enumerate(words) if not str(word).strip()]
    if wrong or blank:
        return Unreadable((wrong or blank)[0])
    return Sentence.of_words([str(word) for word in words])


def _holds_tags(path: Path) -> bool:
    """Returns whether a file is named as one that holds tags; a `.txt` is a plain text."""
    return path.suffix.lower() in ENDINGS - {".txt"} and path.is_file()


def _has_words(item: object) -> bool:
    """Returns whether an item is a list of words, or a sentence."""
    return isinstance(item, (list, tuple, np.ndarray))
