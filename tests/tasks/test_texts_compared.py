"""Two models of texts are compared on the same texts, by the difference of their scores."""

import numpy as np
import pytest

from transferlearn.tasks.language.figures import NextTokenScoring
from transferlearn.tasks.writing.figures import WritingScoring, packed

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(5, 30, 40)
NATS = TOKENS * RNG.uniform(2, 3, 40)
SIZES = 4 * TOKENS
LOSS = NATS.sum() / TOKENS.sum()
TEXTS = np.array([f"text {i}" for i in range(40)], object)

LANGUAGE = NextTokenScoring(50)
WRITING = WritingScoring(50, spoken=False)


def of_language(nats):
    return LANGUAGE.measure(np.column_stack([nats, TOKENS]), SIZES)


def of_writing(nats):
    return WRITING.measure(packed(list(TEXTS), nats, TOKENS), TEXTS)


@pytest.mark.parametrize(
    ("scoring", "figures"),
    [(LANGUAGE, of_language), (WRITING, of_writing)],
    ids=["language", "writing"],
)
def test_a_model_that_finds_each_text_likelier_is_surely_better(scoring, figures):
    before, after = figures(NATS), figures(0.5 * NATS)
    test = scoring.compare(before, after)
    assert test.difference == pytest.approx(np.exp(-0.5 * LOSS) - np.exp(-LOSS))
    assert test.interval[0] > 0
    assert test.p_value < 0.01
    back = scoring.compare(after, before)
    assert back.difference == pytest.approx(-test.difference)
    assert scoring.compare(before, before).p_value == 1
