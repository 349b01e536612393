"""Defines tokenizers that need neither Keras nor TensorFlow."""

import abc
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from transferlearn.edge.named import Named
from transferlearn.edge.tokenizer_files import check_tokenizer
from transferlearn.json_fields import Json

_VOCABULARY, _JSON = "vocabulary.txt", "tokenizer.json"
_LONGEST = 100  # bytes; longer words are unknown
# The blocks of Chinese characters that BERT names.
_CHINESE = (
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF)),
    *((0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0x2F800, 0x2FA1F)),
)
# Unicode's Default_Ignorable_Code_Point.
_IGNORABLE = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8)),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)


class EdgeTokenizer(Named):
    """Cuts a text into the ids of tokens, as the tokenizer does that a network was trained with."""

    @abc.abstractmethod
    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of a text, without those that mark its start and its end."""

    @abc.abstractmethod
    def text(self, ids: Sequence[int]) -> str:
        """Returns the text that ids stand for, which may be a part of what `tokenize` returns."""

    @abc.abstractmethod
    def spans(self, text: str) -> list[tuple[int, int]]:
        """Returns the begin and the end in the text, in characters, of each token of `tokenize`."""

    def tokenize_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of each text."""
        return [self.tokenize(text) for text in texts]


@dataclass(frozen=True)
class CharacterTokenizer(EdgeTokenizer):
    """Takes each character as a token, by its number in Unicode."""

    name: ClassVar[str] = "characters"

    def tokenize(self, text: str) -> list[int]:
        """Returns the numbers of the text's characters; those that are 0 are left out."""
        numbers = np.frombuffer(text.encode("utf-32-le"), np.int32)
        return numbers[numbers > 0].tolist()

    def text(self, ids: Sequence[int]) -> str:
        """Returns the characters with these numbers."""
        return "".join(map(chr, ids))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Returns the place of each character whose number is not 0."""
        return [(place, place + 1) for place, letter in enumerate(text) if letter != "\0"]


@dataclass(frozen=True)
class WordPieces(EdgeTokenizer):
    """Cuts texts as BERT does: into words and signs, and words into the longest known pieces.

    Args:
        vocabulary: The pieces, in the order of their ids.
        lowercase: Whether words are put into small letters, by Unicode's NFKC case folding.
        strip_accents: Whether accents are left out.
        split_on_cjk: Whether each Chinese character is a word.
        suffix: What pieces within a word begin with.
        unknown: The piece that stands for a word that cannot be cut.
    """

    name: ClassVar[str] = "word-pieces"

    vocabulary: tuple[str, ...]
    lowercase: bool = False
    strip_accents: bool = False
    split_on_cjk: bool = True
    suffix: str = "##"
    unknown: str = "[UNK]"

    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of the pieces of all words."""
        if self.strip_accents:
            text = _without_accents(text)
        words = (self._spelled(text[begin:end]) for begin, end in self._words(text))
        return [piece for word in words for piece, _ in self._pieces(word)]

    def text(self, ids: Sequence[int]) -> str:
        """Returns the pieces with a blank between two words, in small letters if they are."""
        return " ".join(self.vocabulary[i] for i in ids).replace(f" {self.suffix}", "")

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Returns the place of each piece; accents and marks that are left out go with a letter."""
        kept, places = text, list(range(len(text)))
        if self.strip_accents:
            parts = [_without_accents(character) for character in text]
            kept = "".join(parts)
            places = [place for place, part in enumerate(parts) for _ in part]
        after = [max(place + 1, beyond) for place, beyond in pairwise([*places, len(text)])]
        found = []
        for begin, end in self._words(kept):
            # How long each beginning of the word is once it is spelled as the pieces are.
            lengths = [len(self._spelled(kept[begin:i])) for i in range(begin, end + 1)]
            done = 0
            for _, stop in self._pieces(self._spelled(kept[begin:end])):
                first, last = (bisect_right(lengths, place) - 1 for place in (done, stop))
                last += lengths[last] < stop  # the piece ends within what one character becomes
                found.append((places[begin + first], after[begin + last - 1]))
                done = stop
        return found

    def settings(self) -> Json:
        """Returns all settings but the vocabulary, which is a file."""
        kept = {f.name: getattr(self, f.name) for f in fields(self)}
        del kept["vocabulary"]
        return kept

    def write(self, folder: Path) -> None:
        """Writes the vocabulary, a piece a line."""
        (folder / _VOCABULARY).write_text("\n".join(self.vocabulary), "utf-8", newline="\n")

    @classmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Makes the tokenizer with the vocabulary in the folder."""
        lines = (folder / _VOCABULARY).read_bytes().decode("utf-8").split("\n")
        return cls(tuple(lines), **settings)

    @cached_property
    def _ids(self) -> dict[str, int]:
        """The id of each piece."""
        return {piece: number for number, piece in enumerate(self.vocabulary)}

    def _words(self, text: str) -> list[tuple[int, int]]:
        """Cuts a text at blanks, which are left out, and at signs, which are words."""
        spans, begin = [], 0
        for place, character in enumerate(text):
            is_word = _is_sign(character) or (self.split_on_cjk and _is_chinese(character))
            if is_word or _is_blank(character):
                spans += [(begin, place), (place, place + is_word)]
                begin = place + 1
        return [(begin, end) for begin, end in [*spans, (begin, len(text))] if begin < end]

    def _spelled(self, word: str) -> str:
        """Returns a word as the vocabulary spells it."""
        return _folded(word) if self.lowercase else word

    def _pieces(self, word: str) -> list[tuple[int, int]]:
        """Returns the longest known pieces of a word, from its beginning on: id, and end in it."""
        unknown = [(self._ids[self.unknown], len(word))] if word else []
        if len(word.encode()) > _LONGEST:
            return unknown
        pieces, begin = [], 0
        while begin < len(word):
            before = self.suffix if begin else ""
            ends = (e for e in range(len(word), begin, -1) if before + word[begin:e] in self._ids)
            end = next(ends, None)
            if end is None:
                return unknown
            pieces.append((self._ids[before + word[begin:end]], end))
            begin = end
        return pieces


@dataclass(frozen=True)
class JsonPieces(EdgeTokenizer):
    """Cuts texts as a `tokenizer.json` of Hugging Face says, by the package tokenizers.

    No token goes before a text or behind it, whatever the file says: who uses it adds them.

    Args:
        description: The content of the file.

    Raises:
        ValueError: It describes no tokenizer.
        ImportError: The package tokenizers is not installed.
    """

    name: ClassVar[str] = "json-pieces"

    description: str

    def __post_init__(self) -> None:
        self.own  # noqa: B018  # what is damaged is found at once

    @cached_property
    def own(self) -> Any:
        """The `tokenizers.Tokenizer`."""
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ImportError(
                f"A {_JSON} is read by another package: pip install tokenizers ({error})"
            ) from error
        try:
            made: Any = Tokenizer.from_str(self.description)
            check_tokenizer(made)
        except Exception as error:  # the package raises nothing finer
            raise ValueError(f"{_JSON} describes no tokenizer: {error!s:.200}") from error
        made.no_padding()
        made.no_truncation()
        return made

    def tokenize(self, text: str) -> list[int]:
        """Returns the ids of a text."""
        return self.tokenize_all([text])[0]

    def text(self, ids: Sequence[int]) -> str:
        """Returns the text that ids stand for, without special tokens."""
        return str(self.own.decode(list(map(int, ids)), skip_special_tokens=True))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Returns where each token of a text stands in it."""
        (found,) = self._encoded([text])
        return [tuple(ends) for ends in found.offsets]

    def tokenize_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of each text, in one call."""
        return [list(one.ids) for one in self._encoded(texts)]

    def _encoded(self, texts: Sequence[str]) -> list[Any]:
        """Returns what the package makes of each text.

        Raises:
            ValueError: The package finds no end in a text, or no token for it.
        """
        try:
            return list(self.own.encode_batch(list(texts), add_special_tokens=False))
        except BaseException as error:  # a panic of Rust is no Exception
            if type(error) is not Exception and type(error).__name__ != "PanicException":
                raise
            raise ValueError(f"The {_JSON} cannot cut a text: {error!s:.100}") from error

    def settings(self) -> Json:
        """Returns no settings: the file has them all."""
        return {}

    def write(self, folder: Path) -> None:
        """Writes the file."""
        (folder / _JSON).write_text(self.description, "utf-8", newline="\n")

    @classmethod
    def load(cls, settings: Json, folder: Path) -> Self:
        """Reads the file in the folder."""
        return cls((folder / _JSON).read_bytes().decode("utf-8"))


def _without_accents(text: str) -> str:
    """Parts letters from their accents, and leaves these out."""
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(c for c in decomposed if unicodedata.category(c) != "Mn")


def _is_blank(character: str) -> bool:
    """Returns whether a character parts words: a blank of ASCII, or one that nothing shows."""
    return character in " \t\n\r\f" or unicodedata.category(character) in ("Cc", "Cf")


def _is_sign(character: str) -> bool:
    """Returns whether a character is a word of its own: punctuation, and what BERT takes for it."""
    is_ascii = character.isascii() and character.isprintable() and character != " "
    return (is_ascii and not character.isalnum()) or unicodedata.category(character)[0] == "P"


def _is_chinese(character: str) -> bool:
    """Returns whether a character is one of those that Chinese writes without blanks."""
    return any(first <= ord(character) <= last for first, last in _CHINESE)


def _folded(word: str) -> str:
    """Puts a word into small letters by NFKC_Casefold, which drops what nothing shows."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    return "".join(c for c in unicodedata.normalize("NFKC", folded) if not _is_ignorable(c))


def _is_ignorable(character: str) -> bool:
    """Returns whether Unicode calls a character ignorable by default."""
    return any(first <= ord(character) <= last for first, last in _IGNORABLE)
