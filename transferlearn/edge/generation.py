"""Writes texts token by token with whatever gives the numbers of the next token, without Keras."""

import abc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol, Self

import numpy as np

from transferlearn.checks import number, whole

_MOST_TOKENS, _MOST_BEAMS = 2**20, 1000
_STEP = 32  # tokens; texts are filled up to a multiple of it, so that few lengths are compiled


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Says how tokens are chosen, and when a text ends.

    Args:
        max_new_tokens: The most tokens that are written.
        temperature: What the logits are divided by: 0 takes the likeliest token always, 1 draws
            tokens as often as the model finds them likely.
        top_k: How many of the likeliest tokens are drawn from; `None`: from all.
        top_p: The share in (0, 1] of the probability that is drawn from: that of the likeliest
            tokens; `None`: from all.
        stop: Strings at which a text ends; they are left out of it.
        seed: The same seed draws the same tokens; `None`: others each time.
        num_beams: The number of texts that a beam search goes on with, of which the likeliest is
            taken; 1: the likeliest token is taken, or one is drawn. For models that write a text
            for each item.
    """

    max_new_tokens: int = 64
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    num_beams: int = 1

    def __post_init__(self) -> None:
        most = whole("max_new_tokens", self.max_new_tokens, least=1)
        object.__setattr__(self, "max_new_tokens", most)
        object.__setattr__(self, "temperature", number("temperature", self.temperature))
        for name, least in (("top_k", 1), ("seed", 0)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole(name, getattr(self, name), least=least))
        if self.top_p is not None and not 0 < number("top_p", self.top_p, above=0) <= 1:
            raise ValueError(f"top_p is a share in (0, 1]. Received: top_p={self.top_p!r}")
        object.__setattr__(self, "num_beams", whole("num_beams", self.num_beams, least=1))
        for name, bound in (("max_new_tokens", _MOST_TOKENS), ("num_beams", _MOST_BEAMS)):
            if getattr(self, name) > bound:  # as only a file of a stranger asks for
                raise ValueError(f"{name} is at most {bound:,}. Received: {getattr(self, name)}")
        if self.num_beams > 1 and self.temperature:
            raise ValueError(
                "A beam search draws nothing: leave temperature or num_beams out. Received: "
                f"num_beams={self.num_beams}, temperature={self.temperature:g}"
            )
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        if not all(isinstance(one, str) and one for one in stop):
            raise ValueError(f"stop is a string or several, none empty. Received: {self.stop!r}")
        object.__setattr__(self, "stop", stop)

    def changed(self, options: Mapping[str, Any]) -> Self:
        """Returns these settings with others in their place; `TypeError`: there is no such one."""
        known = [field.name for field in fields(self)]
        if unknown := sorted(options.keys() - set(known)):
            raise TypeError(
                f"A model that writes takes {', '.join(known)}. Received: {', '.join(unknown)}"
            )
        return replace(self, **options)

    def chosen(self, logits: np.ndarray, random: np.random.Generator) -> int:
        """Returns the next token of a text.

        Args:
            logits: The logits of all tokens, `(tokens,)`.
            random: What draws it.
        """
        if not self.temperature:
            return int(logits.argmax())
        scaled = logits.astype("float64") / self.temperature
        order = np.argsort(-scaled, kind="stable")[: self.top_k]
        shares = np.exp(scaled[order] - scaled[order[0]])
        shares /= shares.sum()
        if self.top_p is not None:
            most = 1 + int(np.searchsorted(np.cumsum(shares), self.top_p))
            order, shares = order[:most], shares[:most] / shares[:most].sum()
        return int(random.choice(order, p=shares))


class NextLogits(Protocol):
    """Gives the logits of the token that comes next in each of some texts."""

    def first(self, ids: np.ndarray, lengths: np.ndarray, room: int) -> np.ndarray:
        """Reads prompts.

        Several may be of each item that is read beside them, one after the other.

        Args:
            ids: Their tokens, int32 `(rows, tokens)`, filled up with anything.
            lengths: The number of tokens of each.
            room: The most tokens that will be written behind each.

        Returns:
            The logits `(rows, all tokens)` of what comes behind each.
        """

    def next(self, tokens: np.ndarray) -> np.ndarray:
        """Reads one more token of each text, int32 `(rows,)`; returns logits as `first` does."""

    def reorder(self, rows: np.ndarray) -> None:
        """Puts these texts `(rows,)` in the place of all, each in that of one of the same item."""


class RightAligned(NextLogits):
    """Reads texts that are moved to the right end of their batch, so that all go on at one place.

    Each token is read once, since keys and values of attention are kept.
    """

    @abc.abstractmethod
    def keep(self, rows: int, places: int) -> None:
        """Makes room for the keys and values of so many texts, with so many places for tokens.

        There may be several texts of each item.
        """

    @abc.abstractmethod
    def read(self, ids: np.ndarray, index: int, begins: np.ndarray) -> np.ndarray:
        """Reads tokens of each text, and keeps their keys and values.

        Args:
            ids: The tokens, int32 `(rows, tokens)`.
            index: The place of the first of them; 0: nothing was read before.
            begins: The place where each text begins, int32 `(rows,)`.

        Returns:
            The logits behind the last token, `(rows, all tokens)`.
        """

    @abc.abstractmethod
    def reorder(self, rows: np.ndarray) -> None:
        """Puts the keys and values of these texts in the place of all."""

    def first(self, ids: np.ndarray, lengths: np.ndarray, room: int) -> np.ndarray:
        """Reads prompts."""
        self._index = rounded(int(lengths.max()))
        moved = np.zeros((len(ids), self._index), np.int32)
        for to, row, length in zip(moved, ids, lengths, strict=True):
            to[self._index - length :] = row[:length]
        self._begins = np.asarray(self._index - lengths, np.int32)
        self.keep(len(ids), rounded(self._index + room))
        return self.read(moved, 0, self._begins)

    def next(self, tokens: np.ndarray) -> np.ndarray:
        """Reads one more token of each text."""
        self._index += 1
        return self.read(tokens[:, None], self._index - 1, self._begins)


def rounded(length: int) -> int:
    """Returns a number of tokens rounded up."""
    return -(-length // _STEP) * _STEP


def written(
    logits: NextLogits,
    prompts: list[np.ndarray],
    sampling: Sampling,
    is_over: Callable[[int, list[int]], bool],
) -> Iterator[list[int | None]]:
    """Yields the next token of each text, step by step; `None` for a text that has ended.

    Args:
        logits: Gives the logits.
        prompts: The tokens of each prompt, one or more.
        sampling: Says how tokens are chosen, and how many.
        is_over: Takes the number of a text and its new tokens, and returns whether it ends there.
    """
    ids, lengths = stacked(prompts)
    draws = [np.random.default_rng(_seeds(sampling.seed, i)) for i in range(len(prompts))]
    new = [list[int]() for _ in prompts]
    over = [False] * len(prompts)
    found = logits.first(ids, lengths, sampling.max_new_tokens)
    for left in range(sampling.max_new_tokens - 1, -1, -1):
        step: list[int | None] = []
        for i, row in enumerate(found):
            token = None if over[i] else sampling.chosen(row, draws[i])
            if token is not None:
                new[i].append(token)
                over[i] = is_over(i, new[i])
            step.append(token)
        yield step
        if all(over) or not left:
            return
        found = logits.next(np.array([token or 0 for token in step], np.int32))


def stacked(prompts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the tokens of prompts, int32 `(rows, tokens)`, filled up, and how many each has."""
    lengths = np.array([len(prompt) for prompt in prompts])
    ids = np.zeros((len(prompts), lengths.max()), np.int32)
    for place, prompt in zip(ids, prompts, strict=True):
        place[: len(prompt)] = prompt
    return ids, lengths


def _seeds(seed: int | None, row: int) -> Any:
    """Returns what the generator of a text is made of, so that its neighbours do not matter."""
    return None if seed is None else (seed, row)
