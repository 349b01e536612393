"""Shows how texts go on: in truth, by the pretrained network, and by the tuned one."""

from dataclasses import dataclass

import numpy as np

from transferlearn.advice.continuing.asking import (
    corpus_of,
    pretrained_of,
    text_of,
    written_behind,
)
from transferlearn.data.sequences.corpus import CorpusDataset
from transferlearn.fitted import FittedModel
from transferlearn.tables import as_html
from transferlearn.types import Source

_PROMPT, _WRITTEN = 32, 48  # tokens


@dataclass(frozen=True, kw_only=True)
class Continuation:
    """Holds a prompt, and how it goes on.

    Attributes:
        name: The file of the text, or words such as "text 3".
        prompt: The end of the prompt, up to 32 tokens of it.
        truth: How the text itself goes on.
        pretrained: How the pretrained network goes on; `None`: it could not be loaded.
        tuned: How the tuned network goes on.
    """

    name: str
    prompt: str
    truth: str
    pretrained: str | None
    tuned: str


@dataclass(frozen=True)
class Continuations:
    """Holds how several texts go on; printed, one below the other.

    Attributes:
        found: A `Continuation` for each text.
    """

    found: tuple[Continuation, ...]

    def rows(self) -> list[list[str]]:
        """Writes them as the cells of a table, its head first."""
        head = ["text", "prompt", "pretrained", "tuned", "the text itself"]
        return [
            head,
            *([c.name, c.prompt, c.pretrained or "", c.tuned, c.truth] for c in self.found),
        ]

    def __str__(self) -> str:
        head, *rows = self.rows()
        width = max(map(len, head))
        return "\n\n".join(
            "\n".join(f"{name:<{width}}  {cell!r}" for name, cell in zip(head, row, strict=True))
            for row in rows
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Returns the table for notebooks."""
        return as_html(self.rows())


def continuations(
    fitted: FittedModel, texts: Source | CorpusDataset, *, count: int = 5
) -> Continuations:
    """Lets a language model go on with a few texts, beside the pretrained network.

    When to use it: to see what training changed, which a perplexity does not show. Both take the
    likeliest token always.

    Args:
        fitted: The model.
        texts: Texts that it was not trained on, as `evaluate` takes them. A prompt is what comes
            before a response, or half of a text, of up to 32 tokens.
        count: How many texts, chosen by what they hold.

    Raises:
        TypeError: The model is no language model.

    Example:
        print(tl.continuations(fitted, "letters-of-later"))
    """
    few = corpus_of(fitted, texts).at_most(count)
    assert isinstance(few, CorpusDataset)
    parts = [_halves(few, int(row)) for row in few.first_rows]
    prompts, pretrained = [prompt for prompt, _ in parts], pretrained_of(fitted)
    tuned = written_behind(fitted, fitted.model, prompts, _WRITTEN)
    before: list[str | None] = [None] * len(prompts)
    if pretrained is not None:
        before = [*written_behind(fitted, pretrained, prompts, _WRITTEN)]
    return Continuations(
        tuple(
            Continuation(
                name=few.called(int(row)),
                prompt=text_of(fitted, prompt),
                truth=text_of(fitted, truth),
                pretrained=old,
                tuned=new,
            )
            for row, (prompt, truth), old, new in zip(
                few.first_rows, parts, before, tuned, strict=True
            )
        )
    )


def _halves(texts: CorpusDataset, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the tokens of a row that are the prompt, and those behind it, without the end."""
    ids = texts.tokens_of(row)
    ids = ids[ids != texts.end]
    begin = int(np.argmax(texts.following[row] >= 0)) + 1  # the first token that is learnt
    if begin == 1:
        begin = max(1, min(_PROMPT, len(ids) // 2))
    return ids[max(0, begin - _PROMPT) : begin], ids[begin : begin + _WRITTEN]
