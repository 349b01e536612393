"""Drift: as many false alarms as asked for, changes found, and NumPy without Keras."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy import stats

from transferlearn.monitoring import (
    AnyClasses,
    Measured,
    OneClass,
    Quantities,
    Reference,
    drift,
    read_reference,
    watch,
)
from transferlearn.monitoring.accuracy import by_threshold, estimate
from transferlearn.monitoring.axes import FeatureAxes
from transferlearn.monitoring.outputs import OutputSignals, read_outputs
from transferlearn.monitoring.traits import in_words
from transferlearn.monitoring.watching import label_first, statistics

pytestmark = pytest.mark.core


@dataclass(frozen=True)
class Halves(OutputSignals):
    """Signals of one's own, with a setting that is no list."""

    word: ClassVar[str] = "test halves"
    half: float = 0.5


@pytest.mark.parametrize("own", [Halves(("a", "b"), 0.25), Quantities(("a",), (2.0,))], ids=repr)
def test_signals_are_read_as_they_were_written_ones_own_too(own):
    assert read_outputs(json.loads(json.dumps(own.settings() | vars(own)))) == own


NEVER = stats.PermutationMethod(n_resamples=1, rng=0)  # of scipy's p-value, which is not used
MIX = np.random.default_rng(9).standard_normal((8, 40))


def measured(random, count, *, shift=0.0, foreign=0, sure=1.0):
    """Items of a made-up network that is as often right as it is sure, times `sure`."""
    hidden = random.standard_normal((count, 8)) + shift
    features = hidden @ MIX + 0.2 * random.standard_normal((count, 40))
    features[:foreign] += 4 * random.standard_normal((foreign, 40))
    p = 1 / (1 + np.exp(-2 * hidden[:, 0]))
    right = random.random(count) < np.maximum(p, 1 - p) * sure
    return Measured(
        features, np.stack([p, 1 - p], axis=1), {"brightness": hidden[:, 1]}, 1.0 - right
    )


def reference(random, count=300):
    outputs = OneClass(("cat", "dog"))
    axes = FeatureAxes.of(measured(random, 200).features)
    return Reference.of(
        axes, measured(random, count), kind="images", outputs=outputs, how="held-out"
    )


def judged(random, seed, **change):
    known = reference(random)
    return watch(known, known.signals_of(measured(random, 50, **change)), seed=seed)


def test_false_alarms_come_as_often_as_asked_for(monkeypatch):
    monkeypatch.setattr(drift, "DIVISIONS", 99)
    random = np.random.default_rng(0)
    found = np.array([judged(random, seed).p_value for seed in range(60)])
    # 99% intervals of 60 draws.
    assert (found <= 0.05).mean() <= 0.14
    assert 0.33 <= (found <= 0.5).mean() <= 0.67


def test_changes_are_found_and_named():
    random = np.random.default_rng(1)
    moved = judged(random, 0, shift=1.0)
    assert moved.alarm
    assert moved.tests[0].p_value < 1e-6
    assert {"features together", "brightness"} <= set(moved.drifted)
    assert moved.accuracy is None  # it would be wrong
    few = judged(random, 0, foreign=10)
    assert few.alarm
    assert "foreign items" in few.drifted
    assert {item.name for item in few.odd} <= {f"item {i}" for i in range(10)}
    assert len(few.odd) >= 8
    assert few.label_first[0] in {f"item {i}" for i in range(10)}
    assert str(few).startswith("Alarm: ")
    assert "in less than 0.01% of batches without a change, and at most 5% is" in str(few)
    same = judged(random, 0)
    assert not same.alarm
    value, low, high = same.accuracy
    assert low < same.reference_score < high
    assert abs(value - same.reference_score) < 0.15
    assert not same.odd
    worse = judged(random, 0, sure=0.5)
    assert not worse.alarm  # nothing but labels can tell
    assert worse.worse < 0.01 < same.worse


def test_statistics_are_those_of_scipy():
    random = np.random.default_rng(0)
    values = random.integers(0, 12, 60).astype(float)
    divisions = np.zeros((1, 60), bool)
    divisions[0, 40:] = True
    found = stats.anderson_ksamp(
        [values[:40], values[40:]], variant="right", method=NEVER
    ).statistic
    shuffled = np.stack([random.permutation(divisions[0]) for _ in range(200)])
    ours = drift.difference(values)(np.concatenate([divisions, shuffled]))
    theirs = [
        stats.anderson_ksamp([values[~d], values[d]], variant="right", method=NEVER).statistic
        for d in shuffled[:20]
    ]
    # Theirs is ours less its mean, in units of its spread: a straight line.
    slope, zero = np.polyfit(ours[1:21], theirs, 1)
    np.testing.assert_allclose(slope * ours[:1] + zero, found, atol=1e-6)
    answers = random.integers(0, 3, 60)
    table = np.stack([np.bincount(answers[40:], minlength=3), np.bincount(answers, minlength=3)])
    chi = drift.shares(answers)(divisions)[0]
    assert chi == pytest.approx(stats.chisquare(table[0], table[1] / 3).statistic, rel=1e-5)
    places = random.standard_normal((60, 2))
    pairs = np.linalg.norm(places[:, None] - places[None], axis=2)
    energy = 2 * pairs[:40, 40:].mean() - pairs[:40, :40].mean() - pairs[40:, 40:].mean()
    assert drift.distance(places)(divisions)[0] == pytest.approx(energy, rel=1e-4)


def test_tests_of_what_never_varies_say_nothing():
    found = drift.test_drift(
        {"flat": drift.difference(np.ones(60)), "class": drift.shares(np.zeros(60, int))}, 40, 20, 0
    )
    assert found.p_value == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("outputs", "values", "targets", "errors"),
    [
        (OneClass(("a", "b")), [[0.9, 0.1], [0.2, 0.8]], [0, 0], [0, 1]),
        (OneClass(("a", "b")), [[0.9, 0.1], [0.2, 0.8]], [[0, 1], [0, 1]], [1, 0]),
        (AnyClasses(("a", "b")), [[0.9, 0.1], [0.2, 0.8]], [[1, 1], [0, 1]], [0.5, 0]),
        (Quantities(("kg",), (2.0,)), [[1.0], [5.0]], [[2.0], [1.0]], [0.5, 2]),
        (Quantities(("kg", "m"), (2.0, 1.0)), [[1.0, 1.0]], [[2.0, np.nan]], [0.5]),
    ],
)
def test_errors_of_every_task(outputs, values, targets, errors, tmp_path):
    values, targets = np.array(values), np.array(targets)
    np.testing.assert_allclose(outputs.errors(values, targets), errors)
    random = np.random.default_rng(0)
    rows = random.random((60, values.shape[1]))
    features = random.standard_normal((60, 4))
    known = Reference.of(
        FeatureAxes.of(features),
        Measured(features, rows, {}, random.random(60)),
        kind="x",
        outputs=outputs,
        how="given",
    )
    known.write(tmp_path)
    again = read_reference(tmp_path)
    assert again.outputs == outputs
    np.testing.assert_array_equal(again.signals.table, known.signals.table)
    signals = again.signals_of(Measured(features, rows, {}))
    np.testing.assert_array_equal(signals.table, known.signals.table)
    names = set(statistics(again.signals, signals))
    assert f"output {outputs.names[0]}" in names
    assert ("confidence" in names) == (outputs.word != "numbers")
    assert len(label_first(again, signals)) == 60


def test_a_damaged_reference_is_refused(tmp_path):
    known = reference(np.random.default_rng(0), 50)
    known.write(tmp_path)
    assert (tmp_path / "reference.json").stat().st_size < 1e6
    text = (tmp_path / "reference.json").read_text()
    for wrong in (
        text[:-9],
        text.replace('"one"', '"two"'),
        text.replace('"dtype": "float32", "shape": [300', '"dtype": "object", "shape": [300'),
        text.replace('"shape": [50, ', '"shape": [50000000, '),
    ):
        if wrong == text:
            continue
        (tmp_path / "reference.json").write_text(wrong)
        with pytest.raises(ValueError, match="holds no reference, or is damaged"):
            read_reference(tmp_path)


def test_few_items_and_wrong_rates_are_refused():
    random = np.random.default_rng(0)
    known = reference(random)
    with pytest.raises(ValueError, match="There are 19 items"):
        watch(known, known.signals_of(measured(random, 19)))
    with pytest.raises(ValueError, match="false_alarms is between 0 and 1"):
        watch(known, known.signals_of(measured(random, 50)), false_alarms=5)
    features = random.standard_normal((30, 7))
    with pytest.raises(ValueError, match="it belongs to another model"):
        known.signals_of(Measured(features, features[:, :2], {"brightness": features[:, 0]}))


def test_accuracy_is_estimated_from_confidence():
    random = np.random.default_rng(0)

    def drawn(count, lowest):
        confidence = random.uniform(lowest, 1, count)
        return confidence, (random.random(count) > confidence**2).astype(float)  # too sure

    known, errors = drawn(2000, 0.5)
    watched, truth = drawn(2000, 0.8)
    told = estimate(known, errors, watched)
    assert told.value == pytest.approx(1 - truth.mean(), abs=0.02)
    assert told.low < 1 - truth.mean() < told.high
    assert by_threshold(known, errors, known) == pytest.approx(1 - errors.mean(), abs=0.01)


def test_it_needs_no_keras():
    code = (
        "import sys; sys.modules['keras'] = None; sys.modules['tensorflow'] = None\n"
        "import transferlearn.monitoring"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_its_outputs_a_reference_watches_the_items_still():
    random = np.random.default_rng(3)
    known = reference(random).without_outputs()
    assert not any("output" in name or name == "confidence" for name in known.signals.names)
    same = watch(known, known.signals_of(measured(random, 50)))
    assert same.accuracy is None  # nothing says how sure an answer is
    assert not same.alarm
    assert "brightness" in watch(known, known.signals_of(measured(random, 50, shift=1.5))).drifted


def test_what_is_printed_has_units():
    table = {"size": np.log(640 * 480), "shape": np.log(4 / 3), "sharpness": 2 * np.log(0.031)}
    words = {name: in_words(name, float(mean)) for name, mean in table.items()}
    assert words == {
        "size": "307,200 pixels",
        "shape": "1.33 wide to 1 high",
        "sharpness": "3.1% at edges",
    }
    assert in_words("brightness", 0.4567) == "45.7%"
    assert in_words("output red", 0.4567) == "0.4567"
