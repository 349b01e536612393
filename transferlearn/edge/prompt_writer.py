"""Goes on with prompts, whatever runs the network, in pieces of text that are whole characters."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from transferlearn.edge.chat import ChatTemplate
from transferlearn.edge.generation import NextLogits, Sampling, written
from transferlearn.edge.named import Named
from transferlearn.edge.text_reader import MOST
from transferlearn.edge.tokenizers import EdgeTokenizer
from transferlearn.edge.written import Piece

_PLACES = 2**14  # tokens, whose keys and values of all prompts of a batch are kept
_HALF = "\ufffd"  # what a tokenizer makes of a part of a character


@dataclass(frozen=True, kw_only=True)
class PromptWriter(Named):
    """Goes on with prompts: knows how a text ends, and how long it may be.

    Attributes:
        tokenizer: The network's tokenizer.
        template: Writes conversations as the network was trained to read them.
        end: The token that ends a text; -1: there is none.
        context: The most tokens of a prompt and its text together; `None`: any number.
        sampling: Says how tokens are chosen, and how many.

    Raises:
        ValueError: Beams are asked for, or there is no room for a prompt.
    """

    name: ClassVar[str] = "prompt-writer"

    tokenizer: EdgeTokenizer
    template: ChatTemplate
    end: int
    context: int | None
    sampling: Sampling

    def __post_init__(self) -> None:
        if self.sampling.num_beams > 1:
            raise ValueError(
                "A language model writes token by token: leave num_beams out. Models that write a "
                "text for each item search by beams. Received: "
                f"num_beams={self.sampling.num_beams}"
            )
        if self.room < 1:
            raise ValueError(
                f"The network reads {self.context} tokens, a prompt and what is written behind it "
                f"together: pass max_new_tokens={max(1, (self.context or MOST) // 2)}. Received: "
                f"max_new_tokens={self.sampling.max_new_tokens}"
            )

    @property
    def room(self) -> int:
        """Returns the most tokens of a prompt; of longer ones, the end is read."""
        return (self.context or MOST) - self.sampling.max_new_tokens

    def at_once(self, tokens: int) -> int:
        """Returns for how many prompts of so many tokens there is room, at least one."""
        return max(1, _PLACES // (tokens + self.sampling.max_new_tokens))

    def pieces(self, logits: NextLogits, prompts: np.ndarray) -> Iterator[list[Piece]]:
        """Yields what is new in each text, step by step: whole characters, none of a stop string.

        Args:
            logits: Gives the logits of what comes next.
            prompts: The tokens of the prompts, int32 `(rows, tokens)`, filled up with -1.
        """
        texts = [_Text(self.tokenizer, self.sampling.stop, self.end) for _ in prompts]
        known = [row[row >= 0][-self.room :] for row in np.asarray(prompts)]
        for _ in written(logits, known, self.sampling, lambda i, ids: texts[i].ends_with(ids)):
            yield [text.piece(text.new()) for text in texts]
        yield [text.piece(text.rest()) for text in texts]

    def settings(self) -> dict[str, Any]:
        """Returns the settings, with the tokenizer's name and its own settings."""
        tokenizer = {"name": self.tokenizer.name, "settings": self.tokenizer.settings()}
        made = {"tokenizer": tokenizer, "template": self.template.settings()}
        return {**vars(self), **made, "sampling": asdict(self.sampling)}

    def write(self, folder: Path) -> None:
        """Writes the tokenizer's files."""
        self.tokenizer.write(folder)

    @classmethod
    def load(cls, settings: dict[str, Any], folder: Path) -> Self:
        """Makes the writer, with its tokenizer."""
        made = {
            "tokenizer": EdgeTokenizer.named(settings["tokenizer"], folder),
            "template": ChatTemplate.load(settings["template"]),
            "sampling": Sampling(**settings["sampling"]),
        }
        return super().load({**settings, **made}, folder)


class Continues:
    """Goes on with prompts by a network, as a server asks for it.

    Args:
        writer: Goes on with prompts.
        begin: Returns what reads them token by token.

    Attributes:
        context: The most tokens of a prompt and its text together; `None`: any number.
        most_new: The tokens that are written where a request names no number.
    """

    def __init__(self, writer: PromptWriter, begin: Callable[[], NextLogits]) -> None:
        self._writer = writer
        self._begin = begin
        self.context = writer.context
        self.most_new = writer.sampling.max_new_tokens

    def prompt(self, messages: Any) -> tuple[str, tuple[str, ...]]:
        """Returns a conversation as a prompt, and the strings at which an answer ends."""
        prompt, ending = self._writer.template.prompt(messages), self._writer.template.ending()
        return prompt, (ending,) if ending else ()

    def write(
        self, prompts: np.ndarray, options: Mapping[str, Any]
    ) -> Iterator[list[tuple[int, Piece]]]:
        """Yields what is new, step by step, of as many prompts at once as there is room for."""
        writer = replace(self._writer, sampling=self._writer.sampling.changed(options))
        at_once = writer.at_once(prompts.shape[1])
        return (
            list(enumerate(pieces, begin))
            for begin in range(0, len(prompts), at_once)
            for pieces in writer.pieces(self._begin(), prompts[begin : begin + at_once])
        )

    def texts(self, prompts: np.ndarray) -> list[str]:
        """Returns what is written behind prompts."""
        found = [""] * len(prompts)
        for step in self.write(prompts, {}):
            for i, piece in step:
                found[i] += piece.text
        return found


class _Text:
    """Holds what is written behind one prompt, and gives the part of it that is sure.

    Args:
        tokenizer: The tokenizer.
        stop: The strings at which the text ends.
        end: The token at which it ends.
    """

    def __init__(self, tokenizer: EdgeTokenizer, stop: tuple[str, ...], end: int) -> None:
        self._tokenizer = tokenizer
        self._stop = stop
        self._end = end
        self._text = ""
        self._given = 0  # characters
        self._tokens = 0
        self._over = False

    def ends_with(self, ids: Sequence[int]) -> bool:
        """Takes all tokens of the text so far; returns whether it ends with the last of them."""
        ended, self._tokens = ids[-1] == self._end, len(ids)
        self._text = self._tokenizer.text(ids[:-1] if ended else ids)
        places = [place for stop in self._stop if (place := self._text.find(stop)) >= 0]
        if places:
            self._text = self._text[: min(places)]
        self._over = ended or bool(places)
        return self._over

    def new(self) -> str:
        """Returns what is new and will stay: no half character, no beginning of a stop string."""
        if self._over:
            return self.rest()
        sure = len(self._text.rstrip(_HALF))
        for stop in self._stop:
            begun = (n for n in range(len(stop) - 1, 0, -1) if self._text.endswith(stop[:n]))
            sure = min(sure, len(self._text) - next(begun, 0))
        return self._up_to(sure)

    def piece(self, part: str) -> Piece:
        """Returns a part of the text with how far the text has come."""
        return Piece(part, self._tokens, self._over)

    def rest(self) -> str:
        """Returns what was not given yet."""
        return self._up_to(len(self._text))

    def _up_to(self, place: int) -> str:
        """Returns the part of the text that begins where the last one ended."""
        part = self._text[self._given : place]
        self._given = max(self._given, place)
        return part
