"""References of real trainings: held out, in the save, within their time, for every task."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.made import of_letters
from tests.networks import pixels, small_backbone
from transferlearn.data import DataWarning
from transferlearn.measuring import in_training
from transferlearn.monitoring.traits import of_pixels

pytestmark = pytest.mark.core
X = pixels(160, 32)
RED = X[..., 0].mean((1, 2))
BRIGHT = ["bright" if value > np.median(RED) else "dark" for value in RED]


@pytest.fixture(scope="module")
def fitted():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_training, "_LEAST_SECONDS", 10.0)
        patch.setattr(in_training, "_ENOUGH", 80)
        builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
        return builder.fit((X, BRIGHT), validation_split=0.5, schedule="probe", verbose=0)


def test_the_reference_is_of_held_out_items_and_in_the_save(fitted, tmp_path):
    known = fitted.reference
    assert len(known) == 80
    assert known.how == "held-out"
    solved = fitted.phases[-1].metrics["val_accuracy"]
    assert known.score == pytest.approx(solved)  # of the head before it was solved on all items
    fitted.save(tmp_path / "save")
    loaded = tl.load(tmp_path / "save")
    np.testing.assert_array_equal(loaded.reference.signals.table, known.signals.table)
    same = tl.monitor(loaded, pixels(60, 32, 7))
    assert not same.alarm
    bright = tl.monitor(loaded, np.clip(pixels(60, 32, 7).astype(int) + 80, 0, 255).astype("uint8"))
    assert bright.alarm
    assert "brightness" in bright.drifted
    assert bright.odd[0].name.startswith("image ")
    told = tl.monitor(loaded, (X, BRIGHT), labelled=True)
    assert told.score == pytest.approx(loaded.evaluate((X, BRIGHT)).accuracy)


@pytest.mark.full
def test_features_stored_and_raw_give_the_same_signals(fitted):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_training, "_LEAST_SECONDS", 10.0)
        patch.setattr(in_training, "_ENOUGH", 80)
        builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
        live = builder.fit(
            (X, BRIGHT), validation_split=0.5, schedule="probe", cache=False, verbose=0
        )
    stored, raw = fitted.reference.signals, live.reference.signals
    assert stored.names == raw.names
    places = [stored.names.index(name) for name in ("brightness", "sharpness", "confidence")]
    np.testing.assert_allclose(stored.table[:, places], raw.table[:, places], rtol=1e-3)


@pytest.mark.full
def test_augmented_images_are_measured_as_they_are(fitted):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_training, "_LEAST_SECONDS", 10.0)
        patch.setattr(in_training, "_ENOUGH", 80)
        darker = keras.layers.RandomBrightness((-0.5, -0.5), seed=0)
        builder = tl.ImageClassifierBuilder(small_backbone(), augmentation=darker, seed=0)
        live = builder.fit(
            (X, BRIGHT), validation_split=0.5, schedule="probe", cache=False, verbose=0
        )
    brightness = live.reference.signals.column("brightness")
    assert sorted(brightness) == sorted(fitted.reference.signals.column("brightness"))
    assert not tl.monitor(live, pixels(60, 32, 7)).alarm


@pytest.mark.full
def test_a_reference_can_be_given_or_left_out():
    builder = tl.ImageRegressorBuilder(small_backbone(), seed=0)
    options = {"schedule": "probe", "verbose": 0, "reference": False}
    fitted = builder.fit((X, RED), validation_split=0, **options)
    assert fitted.reference is None
    with pytest.raises(ValueError, match=r"fitted\.reference = tl\.make_reference"):
        tl.monitor(fitted, X)
    fitted.reference = tl.make_reference(fitted, (X[:100], RED[:100]), trained_on=(X, RED))
    # Of the reference's own items, since one network in twenty has an alarm for others by chance.
    assert not tl.monitor(fitted, X[:100]).alarm
    assert tl.monitor(fitted, 255 - X[100:] // 4).alarm
    half = tl.make_reference(fitted, (X, RED))
    assert len(half) == 80
    with pytest.raises(ValueError, match="40 of each are least"):
        tl.make_reference(fitted, (X[:60], RED[:60]))
    assert builder.fit((X, RED), validation_split=0.5, **options).reference is None


@pytest.mark.parametrize(
    "builder",
    [tl.ImageClassifierBuilder, pytest.param(tl.ImageRegressorBuilder, marks=pytest.mark.full)],
)
def test_a_solved_head_knows_its_items_as_if_they_were_held_out(builder, monkeypatch, capsys):
    monkeypatch.setattr(in_training, "_LEAST_SECONDS", 10.0)
    labels = BRIGHT if builder is tl.ImageClassifierBuilder else RED
    options = {"validation_split": 0.1, "schedule": "probe"}
    fitted = builder(small_backbone(), seed=0).fit((X, labels), **options)
    known, head = fitted.reference, fitted.phases[-1].solved
    assert known.how == "cross-fitted"
    assert len(known) == pytest.approx(head.items * 2 / 3, abs=2)  # a third gives the axes
    assert f"Reference for monitoring: {len(known)} cross-fitted items." in capsys.readouterr().out
    bright = of_pixels(X)["brightness"]
    rows = np.abs(known.signals.column("brightness")[:, None] - bright).argmin(axis=1)
    if known.signals.answers is None:
        wrong = np.abs(known.signals.column("output number") - RED[rows]) / known.outputs.spread[0]
    else:
        wrong = known.signals.answers != np.array(
            [fitted.class_names.index(BRIGHT[i]) for i in rows]
        )
        assert known.score == pytest.approx(head.score, abs=0.05)  # of all in the cross-validation
    np.testing.assert_allclose(known.signals.errors, wrong, atol=1e-4)
    assert known.signals.column("confidence") is None  # of heads that had fewer items
    assert not tl.monitor(fitted, pixels(60, 32, 7)).alarm
    assert tl.monitor(fitted, 255 - pixels(60, 32, 7) // 2).alarm


def test_items_of_a_fine_tuned_network_are_known_by_their_looks(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(in_training, "_LEAST_SECONDS", 10.0)
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="none", seed=0)
    fitted = builder.fit((X, BRIGHT), validation_split=0, epochs=1)
    assert "160 items trained on, without features and answers." in capsys.readouterr().out
    fitted.save(tmp_path / "save")
    loaded = tl.load(tmp_path / "save")
    assert loaded.reference.signals.names == ("brightness", "contrast", "colour", "sharpness")
    same = tl.monitor(loaded, pixels(60, 32, 7))
    assert not same.alarm
    assert "Features and answers are not watched" in str(same)
    assert tl.monitor(loaded, 255 - pixels(60, 32, 7) // 2).alarm


def test_a_fit_says_that_there_was_no_time_for_one(capsys, monkeypatch):
    monkeypatch.setattr(in_training, "_SHARE", 0.0)
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    options = {"validation_split": 0.5, "schedule": "probe"}
    assert builder.fit((X, BRIGHT), **options).reference is None
    assert "tl.make_reference makes one" in capsys.readouterr().out
    builder.fit((X, BRIGHT), **options, reference=False)
    assert "reference" not in capsys.readouterr().out


def test_it_takes_no_more_than_its_time(monkeypatch):
    clock = in_training._Clock(until=10.0, longest=3.0)
    now = iter([0.0, 2.0, 6.0, 11.0])
    monkeypatch.setattr(in_training, "time", SimpleNamespace(process_time=lambda: next(now)))
    assert clock.allows()
    clock.stop()
    assert clock.longest == 3.0
    assert clock.allows()
    monkeypatch.setattr(in_training, "time", SimpleNamespace(process_time=lambda: 7.5))
    assert not clock.allows()


def test_a_training_is_not_lost_for_a_reference(monkeypatch):
    monkeypatch.setattr(in_training, "probe_of", _raises)
    builder = tl.ImageRegressorBuilder(small_backbone(), seed=0)
    with pytest.warns(DataWarning, match="No reference for monitoring was made: out of memory"):
        fitted = builder.fit((X, RED), validation_split=0.5, schedule="probe", verbose=0)
    assert fitted.reference is None


def _raises(*_, **__):
    raise RuntimeError("out of memory")


def test_texts_are_measured():
    good, bad = ["gg" + "x" * (i % 7) for i in range(60)], ["bb" + "x" * (i % 5) for i in range(60)]
    model = of_letters({"g": [0, 1], "b": [1, 0]})
    labels = ["good"] * 60 + ["bad"] * 60
    model.reference = tl.make_reference(model, (good + bad, labels))
    assert model.reference.score == 1
    assert "tokens" in model.reference.signals.names
    assert not tl.monitor(model, good[:20] + bad[:20]).alarm
    long = tl.monitor(model, [text + "x" * 30 for text in good[:20] + bad[:20]])
    assert "tokens" in long.drifted
