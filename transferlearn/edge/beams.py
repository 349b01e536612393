"""Searches for the likeliest texts, of which it goes on with several at a time, without Keras."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from transferlearn.edge.generation import NextLogits, Sampling, stacked

_WORST = -1e9  # nats, of what is not there yet


class Found(NamedTuple):
    """Holds the tokens of a text, and the mean logarithm of their probabilities, in nats."""

    ids: list[int]
    mean: float


def found_by_beams(
    logits: NextLogits,
    prompts: Sequence[np.ndarray],
    sampling: Sampling,
    is_over: Callable[[list[int]], bool],
) -> list[Found]:
    """Returns the best text behind each prompt, as transformers' beam search finds it.

    A text is better the larger the mean logarithm of the probabilities of its tokens is.

    Args:
        logits: Gives the logits; of each prompt, it reads `num_beams` texts, one after the other.
        prompts: The tokens of each prompt, one or more.
        sampling: Says how many texts of each it goes on with, and how many tokens are written.
        is_over: Takes the new tokens of a text, and returns whether it ends there.

    Reference: `GenerationMixin._beam_search` of transformers, with its usual settings.
    """
    count = sampling.num_beams
    searches = [_Search(count, is_over) for _ in prompts]
    ids, lengths = stacked([one for one in prompts for _ in range(count)])
    behind = logits.first(ids, lengths, sampling.max_new_tokens)
    for left in range(sampling.max_new_tokens - 1, -1, -1):
        nats = _log_softmax(behind).reshape(len(prompts), count, -1)
        for search, row in zip(searches, nats, strict=True):
            search.go_on(row, last=not left)
        if not left or not any(search.is_open for search in searches):
            break
        logits.reorder(np.concatenate([i * count + one.parents for i, one in enumerate(searches)]))
        behind = logits.next(np.concatenate([one.tokens for one in searches]))
    return [search.best for search in searches]


class _Search:
    """Holds the texts of one prompt that it goes on with, and those that have ended.

    Attributes:
        is_open: Whether a better text may still be found.
        parents: The number of the text that each of those to go on with comes from, `(beams,)`.
        tokens: The last token of each, `(beams,)`.
    """

    def __init__(self, count: int, is_over: Callable[[list[int]], bool]) -> None:
        self._is_over = is_over
        self._texts: list[list[int]] = [[]] * count
        # All begin alike, so that only the first counts.
        self._scores = np.array([0.0] + [_WORST] * (count - 1))
        self._ended: list[Found] = []
        self.is_open = True
        self.parents = np.zeros(count, int)
        self.tokens = np.zeros(count, np.int32)

    @property
    def best(self) -> Found:
        """Returns the best text that has ended."""
        return self._ended[0]

    def go_on(self, nats: np.ndarray, *, last: bool) -> None:
        """Adds a token to each text, and keeps the likeliest.

        Args:
            nats: The logarithms of the probabilities of the next token, `(beams, all tokens)`.
            last: Whether all texts end here.
        """
        if not self.is_open:
            return
        count = len(self._texts)
        totals = (self._scores[:, None] + nats).ravel()
        kept, ended = list[tuple[int, list[int], float]](), list[Found]()
        for place, flat in enumerate(_largest(totals, 2 * count)):
            parent, token = divmod(int(flat), nats.shape[1])
            ids = [*self._texts[parent], token]
            if last or self._is_over(ids):
                # Of twice as many candidates, the second half only stands in for texts that end.
                if place < count:
                    ended.append(Found(ids, float(totals[flat]) / len(ids)))
            elif len(kept) < count:
                kept.append((parent, ids, totals[flat]))
        merged = [*self._ended, *ended]
        self._ended = sorted(merged, key=lambda one: -one.mean)[:count]
        if last or not kept:
            self.is_open = False
            return
        while len(kept) < count:  # so few tokens that there are no more texts to go on with
            kept.append((kept[-1][0], kept[-1][1], _WORST))
        self.parents = np.array([parent for parent, _, _ in kept])
        self._texts = [ids for _, ids, _ in kept]
        self.tokens = np.array([ids[-1] for ids in self._texts], np.int32)
        self._scores = np.array([score for _, _, score in kept])
        best_possible = self._scores[0] / len(self._texts[0])
        self.is_open = len(self._ended) < count or best_possible > self._ended[-1].mean


def _largest(values: np.ndarray, count: int) -> Iterator[int]:
    """Yields the places of the largest values, the largest first."""
    count = min(count, len(values))
    some = np.argpartition(-values, count - 1)[:count]
    return iter(some[np.argsort(-values[some], kind="stable")])


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the logarithms of probabilities, float64 `(rows, all tokens)`."""
    logits = logits.astype("float64")
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
