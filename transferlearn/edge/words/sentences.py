"""Cuts texts into words, and remembers where in the text each word stands."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple, Self

_JOINER = "\u200d"  # joins the signs of one emoji, such as those of a family
_TONES = range(0x1F3FB, 0x1F400)  # the colours of skin, which follow an emoji
_FLAGS = range(0x1F1E6, 0x1F200)  # letters of countries, of which two make a flag
# Scripts that put no blanks between words, so that each letter is a word of its own.
_UNSPACED = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF)),  # Thai, Lao, Myanmar, Khmer
    *((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),  # Hiragana, Katakana
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)),  # Chinese
)


class Sentence(NamedTuple):
    """Holds a text with the places of its words.

    Attributes:
        text: The text.
        spans: The begin and the end of each word in the text, in characters, in order.
    """

    text: str
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Cuts a text into words, numbers and signs."""
        return cls(text, tuple(word_spans(text)))

    @classmethod
    def of_words(cls, words: Sequence[str]) -> Self:
        """Makes a text of words, with a blank between two of them."""
        spans, begin = [], 0
        for word in words:
            spans.append((begin, begin + len(word)))
            begin += len(word) + 1
        return cls(" ".join(words), tuple(spans))

    @property
    def words(self) -> list[str]:
        """Returns the words."""
        return [self.text[begin:end] for begin, end in self.spans]


def word_spans(text: str) -> list[tuple[int, int]]:
    """Returns the begin and the end of each word, number and sign of a text, in characters.

    Letters and digits that stand together are a word; each sign is one of its own, and so is each
    letter of a script without blanks, such as Chinese. A character is never parted from the marks
    that belong to it, nor are the signs of one emoji.
    """
    spans: list[tuple[int, int]] = []
    before = ""  # the sort of the character before
    for place, character in enumerate(text):
        sort = _sort(character)
        begin = spans[-1][0] if spans else 0
        if before == "blank" or not spans:
            joins = False
        elif sort == "mark":
            joins = True
        else:
            joins = sort == before == "letter" or text[place - 1] == _JOINER
            joins = joins or (sort == before == "flag" and place - begin == 1)
        if joins:
            spans[-1] = (begin, place + 1)
        elif sort != "blank":
            spans.append((place, place + 1))
        if sort != "mark" or not joins:
            before = sort
    return spans


def _sort(character: str) -> str:
    """Returns what a character is to words: a blank, a mark, a letter, a flag's or another sign."""
    code, category = ord(character), unicodedata.category(character)
    if character.isspace() or category in ("Cc", "Zs", "Zl", "Zp"):
        return "blank"
    if category[0] == "M" or category == "Cf" or code in _TONES:
        return "mark"
    if code in _FLAGS:
        return "flag"
    if any(first <= code <= last for first, last in _UNSPACED):
        return "sign"
    return "letter" if character.isalnum() else "sign"


def parts_a_character(text: str, place: int) -> bool:
    """Returns whether a place in a text is within what a reader sees as one character."""
    if not 0 < place < len(text) or _sort(text[place - 1]) == "blank":
        return False
    after = text[place]
    joined = text[place - 1] == _JOINER and _sort(after) == "sign"
    belongs = after == _JOINER or unicodedata.category(after)[0] == "M" or ord(after) in _TONES
    return joined or belongs
