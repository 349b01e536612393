"""A beam search finds what trying all texts finds, and what whole passes of the network give."""

import itertools

import numpy as np
import pytest

import transferlearn as tl
from transferlearn.edge.beams import found_by_beams
from transferlearn.edge.generation import NextLogits

TOKENS, MOST, END = 4, 4, 3


class Table(NextLogits):
    """Looks up the logits behind each text, whose item is the first token."""

    def __init__(self, seed=0):
        self.random = np.random.default_rng(seed)
        self.known = {}

    def first(self, ids, lengths, room):
        self.texts = [tuple(row[:n]) for row, n in zip(ids.tolist(), lengths, strict=True)]
        return self.logits()

    def next(self, tokens):
        self.texts = [(*text, int(token)) for text, token in zip(self.texts, tokens, strict=True)]
        return self.logits()

    def reorder(self, rows):
        assert [self.texts[row][0] for row in rows] == [text[0] for text in self.texts]
        self.texts = [self.texts[row] for row in rows]

    def logits(self):
        return np.stack([self.of(text) for text in self.texts])

    def of(self, text):
        return self.known.setdefault(text, self.random.normal(0, 2, TOKENS))

    def mean(self, item, ids):
        nats = 0.0
        for i, token in enumerate(ids):
            logits = self.of((item, *ids[:i]))
            nats += logits[token] - np.log(np.exp(logits).sum())
        return nats / len(ids)


def every_text():
    for length in range(1, MOST + 1):
        for ids in itertools.product(range(TOKENS), repeat=length):
            if END not in ids[:-1] and (ids[-1] == END or length == MOST):
                yield list(ids)


def test_all_beams_find_the_best_of_all_texts():
    table = Table()
    sampling = tl.edge.Sampling(max_new_tokens=MOST, num_beams=TOKENS**MOST)
    prompts = [np.array([item]) for item in (7, 8, 9)]
    found = found_by_beams(table, prompts, sampling, lambda ids: ids[-1] == END)
    for item, one in zip((7, 8, 9), found, strict=True):
        best = max(every_text(), key=lambda ids: table.mean(item, ids))
        assert one.ids == best
        assert one.mean == pytest.approx(table.mean(item, best))


def test_few_beams_are_no_worse_than_the_likeliest_tokens():
    means = []
    for beams in (1, 2, 4):
        table = Table(seed=3)
        sampling = tl.edge.Sampling(max_new_tokens=MOST, num_beams=beams)
        (one,) = found_by_beams(table, [np.array([5])], sampling, lambda ids: ids[-1] == END)
        assert one.mean == pytest.approx(table.mean(5, one.ids))
        means.append(one.mean)
    assert means[0] < min(means[1:])


def test_a_beam_search_draws_nothing():
    with pytest.raises(ValueError, match="draws nothing: leave temperature or num_beams out"):
        tl.edge.Sampling(num_beams=2, temperature=0.5)
    with pytest.raises(ValueError, match="num_beams"):
        tl.edge.Sampling(num_beams=0)
    for name in ("num_beams", "max_new_tokens"):
        with pytest.raises(ValueError, match=f"{name} is at most"):
            tl.edge.Sampling(**{name: 10**30})
