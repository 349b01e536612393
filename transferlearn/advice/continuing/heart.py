"""Finds what a language model repeats word by word of the texts that it was trained on."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from transferlearn.advice.continuing.asking import corpus_of, pretrained_of, written_behind
from transferlearn.fitted import FittedModel
from transferlearn.tables import as_html, as_table
from transferlearn.types import Source
from transferlearn.wording import counted

_PROMPTS, _PROMPT, _WRITTEN = 24, 16, 64  # rows; tokens
_LEAST = 8  # words of a passage: shorter ones are common phrases
_SHOWN = 5
# Of scripts without blanks, each character is a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\w+|[^\w\s]")


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Holds a passage that a model wrote and that stands in a text it was trained on.

    Attributes:
        text: The passage.
        words: Its number of words.
        name: The file of that text, or words such as "text 3".
    """

    text: str
    words: int
    name: str


@dataclass(frozen=True, kw_only=True)
class LearntByHeart:
    """Holds the longest passages that a model repeats; printed, they are a table.

    Attributes:
        passages: The longest passages of eight words or more, the longest first.
        prompts: How many prompts there were, each the beginning of a passage of the texts.
        repeated: Behind how many of these it wrote such a passage.
        pretrained: Behind how many the pretrained network did; `None`: it could not be loaded.
    """

    passages: tuple[Passage, ...]
    prompts: int
    repeated: int
    pretrained: int | None

    @property
    def summary(self) -> str:
        """Returns how often it repeats texts, in a sentence or two."""
        text = (
            f"Behind {counted(self.prompts, 'beginning')} of passages that it was trained on, it "
            f"wrote {_LEAST} words or more that stand there word by word {self.repeated:,} times"
        )
        if self.pretrained is None:
            return f"{text}."
        return f"{text}, and the pretrained network did {self.pretrained:,} times."

    def rows(self) -> list[list[str]]:
        """Writes the passages as the cells of a table, its head first."""
        rows = [[f"{one.words:,}", one.name, one.text] for one in self.passages]
        return [["words", "stands in", "passage"], *rows]

    def __str__(self) -> str:
        return "\n".join([self.summary, *([as_table(self.rows())] if self.passages else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Returns the table for notebooks."""
        return as_html(self.rows(), caption=self.summary)


def learnt_by_heart(fitted: FittedModel, trained_on: Source) -> LearntByHeart:
    """Finds passages that a language model writes word by word as it was trained on them.

    When to use it: before a model is given to others, who could read in what it writes what it was
    trained on. It goes on with the first 16 tokens of 24 passages by the likeliest token; what is
    not found so may be learnt by heart all the same.

    Reference: Carlini et al., [Extracting training data](https://arxiv.org/abs/2012.07805).

    Args:
        fitted: The model.
        trained_on: The texts that it was trained on, as `fit` took them.

    Raises:
        TypeError: The model is no language model.

    Example:
        print(tl.learnt_by_heart(fitted, "letters"))
    """
    texts = corpus_of(fitted, trained_on)
    rows = np.random.default_rng(0).permutation(len(texts.item_of))[:_PROMPTS]
    prompts = [texts.tokens_of(row)[:_PROMPT] for row in sorted(rows)]
    named = [(texts.called(int(row)), texts.texts[row]) for row in texts.first_rows]
    found = repeated(written_behind(fitted, fitted.model, prompts, _WRITTEN), named)
    pretrained = pretrained_of(fitted)
    before = None
    if pretrained is not None:
        before = len(repeated(written_behind(fitted, pretrained, prompts, _WRITTEN), named))
    longest = {one.text: one for one in reversed(found)}
    return LearntByHeart(
        passages=tuple(sorted(longest.values(), key=lambda one: -one.words)[:_SHOWN]),
        prompts=len(prompts),
        repeated=len(found),
        pretrained=before,
    )


def repeated(written: Sequence[str], texts: Iterable[tuple[str, str]]) -> list[Passage]:
    """Returns of each written text the longest passage that stands in others, where there is one.

    Args:
        written: What a model wrote.
        texts: The names and contents of texts; they are read once, one after the other.
    """
    words = [[match.span() for match in _WORD.finditer(text)] for text in written]
    tokens = [[text[a:b] for a, b in spans] for text, spans in zip(written, words, strict=True)]
    places = dict[tuple[str, ...], list[tuple[int, int]]]()
    for i, row in enumerate(tokens):
        for j in range(len(row) - _LEAST + 1):
            places.setdefault(tuple(row[j : j + _LEAST]), []).append((i, j))
    longest = dict[int, tuple[int, int, str]]()
    for name, text in texts:
        theirs = _WORD.findall(text) if places else []
        for place in range(len(theirs) - _LEAST + 1):
            for i, j in places.get(tuple(theirs[place : place + _LEAST]), ()):
                if j and place and tokens[i][j - 1] == theirs[place - 1]:
                    continue  # a part of the passage that was found one word before
                length = _alike(tokens[i][j:], theirs[place : place + len(tokens[i])])
                if length > longest.get(i, (0, 0, ""))[0]:
                    longest[i] = length, j, name
    return [
        Passage(
            text=written[i][words[i][j][0] : words[i][j + length - 1][1]], words=length, name=name
        )
        for i, (length, j, name) in sorted(longest.items())
    ]


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Returns how many words are equal at the beginning of both."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
