"""A training whose time is limited ends in time, well, and where a later one can go on."""

from collections import Counter, OrderedDict

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.features import memory
from transferlearn.features.extraction import FeatureModel
from transferlearn.fitted.outputs import evaluated
from transferlearn.progress import current
from transferlearn.training import limit

pytestmark = pytest.mark.core
X = pixels(48, 32)
Y = (X.mean((1, 2, 3)) > np.median(X.mean((1, 2, 3)))).astype(int)
Y[::7] = 1 - Y[::7]  # so that the loss does not fall to 0
STEPS = 5  # of 36 items, in batches of 8
LEFT_OUT = ("3 epochs", "1.8 of 3 epochs", "1 of 3 epochs")


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only where the test says so."""
    seconds = Counter()
    monkeypatch.setattr(limit, "monotonic", lambda: float(seconds.total()))
    return seconds


class Ticks(keras.callbacks.Callback):
    """Lets a second pass with each step."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def get_state(self):
        return None

    def set_state(self, state):
        pass

    def on_train_batch_end(self, batch, logs=None):
        self.clock["steps"] += 1


def fit(backbone, clock=None, **options):
    settings = {"batch_size": 8, "seed": 3}
    settings |= {name: options.pop(name) for name in ("freeze",) if name in options}
    builder = tl.ImageClassifierBuilder(backbone, **settings)
    ticks = Ticks(Counter() if clock is None else clock)
    given = {"epochs": 4, "validation_split": 0.25, "verbose": 0, "callbacks": ticks}
    return builder.fit((X, Y), **given | options)


def assert_equal(one, other):
    for weight, expected in zip(one.model.weights, other.model.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert one.history.history == other.history.history
    assert [p.metrics for p in one.phases] == [p.metrics for p in other.phases]


WHOLE = {"schedule": "one-phase", "freeze": "none"}


def test_a_limit_that_is_not_reached_changes_nothing(backbone, clock):
    options = {"schedule": "fine-tune", "epochs": 2}
    limited = fit(backbone, clock, time_limit=1000, **options)
    assert_equal(limited, fit(backbone, **options))
    assert limited.phases[-1].left_out == ""


@pytest.mark.parametrize(
    ("seconds", "steps", "left_out"),
    [
        # Held-out items take two steps more, one step is needed for another one, and 3% are kept.
        (10, 7, "2.6 of 4 epochs of phase 1"),
        (8.2, 5, "3 of 4 epochs of phase 1"),
        (1, 1, "3.8 of 4 epochs of phase 1"),
    ],
)
def test_it_ends_in_time_in_the_middle_of_an_epoch_too(
    backbone, clock, capsys, seconds, steps, left_out
):
    fitted = fit(backbone, clock, time_limit=seconds, verbose=2, **WHOLE)
    assert clock["steps"] == steps
    assert fitted.phases[-1].left_out == left_out
    assert f"Left out by the time limit: {left_out}." in capsys.readouterr().out
    assert len(fitted.history.epoch) == -(-steps // STEPS)
    # What is saved is what was measured last.
    assert evaluated(fitted, fitted.held_out).accuracy == pytest.approx(
        fitted.phases[-1].metrics["val_accuracy"]
    )


def test_the_best_epoch_so_far_is_kept(backbone, clock):
    best = tl.OnePhase(keep="best")
    fitted = fit(backbone, clock, time_limit=30, **WHOLE | {"schedule": best, "epochs": 50})
    losses = fitted.history.history["val_accuracy"]
    assert fitted.phases[-1].metrics["val_accuracy"] == max(losses)
    assert len(losses) < 50


def test_the_time_left_is_within_the_limit(backbone, clock):
    left = []

    class Looks(Ticks):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch)
            left.append((current().seconds_left(), 0.97 * 8.2 - clock.total()))

    fit(backbone, callbacks=Looks(clock), time_limit=8.2, verbose=1, **WHOLE | {"epochs": 10**6})
    known = [(shown, most) for shown, most in left if shown is not None]
    assert len(known) > 2
    assert [shown for shown, _ in known] == pytest.approx([most for _, most in known])


@pytest.mark.full
def test_several_short_calls_come_as_far_as_a_long_one(backbone, clock, tmp_path):
    left_out = []
    while "" not in left_out:
        part = fit(backbone, clock, resume=tmp_path / "part", time_limit=11, **WHOLE)
        left_out.append(part.phases[-1].left_out)
    assert 2 < len(left_out) < 20
    assert_equal(part, fit(backbone, resume=tmp_path / "whole", **WHOLE))


@pytest.fixture
def slow_pass(monkeypatch, clock):
    """Lets a second pass with each batch of the frozen layers."""
    compute = FeatureModel.__call__

    def counted(self, inputs, count):
        clock["batches"] += 1
        return compute(self, inputs, count)

    monkeypatch.setattr(FeatureModel, "__call__", counted)


@pytest.fixture
def forget(monkeypatch):
    """Drops the features that are stored in memory."""
    return lambda: monkeypatch.setattr(memory, "_remembered", OrderedDict())


def test_the_first_pass_and_the_solved_head_are_finished(backbone, clock, slow_pass, capsys):
    fitted = fit(backbone, clock, time_limit=0.5, schedule="auto", verbose=2)
    (phase,) = fitted.phases
    assert phase.solved
    assert phase.left_out == "3 epochs of phase 2"
    assert f"The time limit was exceeded by {clock.total() - 0.5:.0f} s." in capsys.readouterr().out
    assert_equal(fitted, fit(backbone, schedule="probe"))


def test_a_later_pass_is_left_where_time_is_up(backbone, clock, slow_pass, forget):
    options = {"schedule": "auto", "cache": True}
    fit(backbone, clock, time_limit=0.5, **options)
    first = clock.pop("batches")
    keep = (first + 1) / 0.97  # so long that the second pass has one batch
    forget()
    fitted = fit(backbone, clock, time_limit=keep, **options)
    assert clock["batches"] - first == 1
    assert [bool(phase.solved) for phase in fitted.phases] == [True]
    assert fitted.phases[-1].left_out == "3 epochs of phase 2"


def test_a_later_call_without_it_goes_on_exactly(backbone, clock, tmp_path, slow_pass, forget):
    options = {"schedule": tl.FineTune(), "epochs": 4, "cache": True}
    whole = fit(backbone, resume=tmp_path / "whole", **options)
    left_out = []
    # Before the second phase, within one of its epochs, and at the end of one.
    for seconds in (0.5, 12, 16):
        clock.clear()
        forget()
        folder = tmp_path / str(seconds)
        part = fit(backbone, clock, resume=folder, time_limit=seconds, **options)
        left_out.append(part.phases[-1].left_out)
        assert_equal(fit(backbone, resume=folder, **options), whole)
    assert left_out == [f"{epochs} of phase 2" for epochs in LEFT_OUT]


def test_a_first_epoch_on_stored_features_is_finished(backbone, clock, slow_pass):
    fitted = fit(backbone, clock, time_limit=0.5, freeze="all", schedule="one-phase", cache=True)
    assert clock["steps"] == STEPS
    assert fitted.phases[-1].left_out == "3 of 4 epochs of phase 1"


@pytest.mark.parametrize("wrong", [0, -1, True, "10m", float("inf"), float("nan")])
def test_wrong_limits_are_refused_before_anything_is_read(backbone, wrong):
    with pytest.raises(ValueError, match="time_limit is a number above 0 of seconds, such as 600"):
        fit(backbone, time_limit=wrong, validation_data="not/there")


def test_the_limit_stands_in_the_record(backbone, clock):
    fitted = fit(backbone, clock, time_limit=600, schedule="probe")
    assert fitted.outline.arguments["time_limit"] == 600
