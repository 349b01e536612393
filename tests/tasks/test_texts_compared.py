"""Two models of texts are compared on the same texts, by the difference of their scores."""

import numpy as np
import pytest

from transferlearn.tasks.language.figures import compare_likelihoods, language_figures
from transferlearn.tasks.writing.figures import compare_writing, packed, writing_figures

RNG = np.random.default_rng(0)
TOKENS = RNG.integers(5, 30, 40)
NATS = TOKENS * RNG.uniform(2, 3, 40)
SIZES = 4 * TOKENS


def test_a_language_model_that_is_better_on_each_text_is_surely_better():
    before, after = (
        language_figures(np.column_stack([nats, TOKENS]), SIZES) for nats in (NATS, 0.5 * NATS)
    )
    test = compare_likelihoods(before, after, "bits_per_byte")
    assert test.difference == pytest.approx(-0.5 * NATS.sum() / np.log(2) / SIZES.sum())
    assert test.interval[1] < 0
    assert test.p_value < 0.01
    back = compare_likelihoods(after, before, "bits_per_byte")
    assert back.difference == pytest.approx(-test.difference)
    assert compare_likelihoods(before, before, "bits_per_byte").p_value == 1


def test_writers_are_compared_by_the_texts_that_are_exact():
    right = np.array([f"text {i}" for i in range(40)], object)
    worse = [text if i % 4 else "other" for i, text in enumerate(right)]
    before, after = (
        writing_figures(packed(texts, NATS, TOKENS), right, spoken=False)
        for texts in (worse, list(right))
    )
    test = compare_writing(before, after, "exact")
    assert test.difference == pytest.approx(0.25)
    assert test.interval[0] > 0
