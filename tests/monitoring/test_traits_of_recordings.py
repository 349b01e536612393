"""What monitors measure of recordings, on sounds of which it is known."""

import numpy as np
import pytest

from transferlearn.monitoring.traits import in_words, of_samples

pytestmark = pytest.mark.core
RATE = 8000


def test_recordings_are_measured():
    random, times = np.random.default_rng(0), np.arange(2 * RATE) / RATE
    tone = 0.5 * np.sin(2 * np.pi * 1000 * times)
    spoken = 0.01 * random.normal(size=2 * RATE)
    spoken[RATE // 2 : RATE] += tone[RATE // 2 : RATE]
    short = np.where(times < 1.5, tone, 0)
    found = of_samples(np.stack([tone, spoken, short, np.zeros(2 * RATE)]), RATE)
    assert all(np.isfinite(trait).all() for trait in found.values())
    np.testing.assert_allclose(found["loudness"][:3], [-9.03, -15.03, -10.28], atol=0.05)
    np.testing.assert_allclose(found["noise_floor"][:3], [-9.03, -40.6, -9.03], atol=0.5)
    np.testing.assert_allclose(found["length"], [2, 2, 1.5, 2])
    np.testing.assert_allclose(np.exp(found["pitch"][0]), 1001, rtol=0.01)
    np.testing.assert_allclose(np.exp(found["bandwidth"][:3]), [1001, 1001, 1001], rtol=0.05)
    noise = of_samples(random.normal(size=(1, RATE)), RATE)
    np.testing.assert_allclose(np.exp(noise["bandwidth"]), 0.99 * RATE / 2, rtol=0.01)
    assert in_words("bandwidth", found["bandwidth"][0]) == "1,000 Hz"
    assert in_words("length", 1.5) == "1.50 seconds"


def test_a_row_of_a_few_samples_is_measured():
    found = of_samples(np.ones((1, 3), "float32"), RATE)
    assert found["noise_floor"] == pytest.approx(0, abs=1e-6)
