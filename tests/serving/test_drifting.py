"""The gauges of drift: few items wait until they are enough, and an alarm ends."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from transferlearn.monitoring import Reference, Signals, Unwatched
from transferlearn.serving import drifting
from transferlearn.serving.log import Logged
from transferlearn.serving.metrics import Metrics

pytest.importorskip("scipy")
MINUTE = 60.0


@pytest.fixture
def at_work(monkeypatch):
    """A server whose clock and log are set by hand."""
    random = np.random.default_rng(0)
    traits = {"brightness": random.normal(0.5, 0.1, 200)}
    reference = Reference.of_traits(traits, kind="images", outputs=Unwatched())
    runner = SimpleNamespace(description=SimpleNamespace(model_hash="abc"))
    served = SimpleNamespace(name="m", reference=reference, runner=runner)
    state = SimpleNamespace(now=0.0, items=[], metrics=Metrics())

    def read_log(path, reference, *, since, most, hash):
        found = [(time, value) for time, value in state.items if time >= since][-most:]
        if not found:
            raise ValueError("no predictions")
        times, values = map(np.array, zip(*found, strict=True))
        signals = Signals(("brightness",), values[:, None].astype("float32"), None, None)
        return Logged(signals=signals, names=[""] * len(times), times=times)

    monkeypatch.setattr(drifting, "read_log", read_log)
    monkeypatch.setattr(drifting.time, "time", lambda: state.now)
    gauges = drifting.DriftGauges(SimpleNamespace(path="log"), state.metrics)

    def look(items, value):
        """Lets five minutes pass in which so many items come; returns the alarm and the p-value."""
        state.items += [(state.now + 1, value + random.normal(0, 0.1)) for _ in range(items)]
        state.now += 5 * MINUTE
        gauges.update([served])
        read = state.metrics._registry.get_sample_value
        names = "transferlearn_drift_alarm", "transferlearn_drift_p_value"
        return tuple(read(name, {"model": "m"}) for name in names)

    return look


def test_few_items_are_judged_together(at_work):
    for _ in range(3):
        alarm, p_value = at_work(5, 0.9)
        assert alarm in (None, 0.0)
        assert p_value is None or math.isnan(p_value)
    alarm, p_value = at_work(5, 0.9)
    assert alarm == 1
    assert p_value < 1e-4


def test_an_alarm_stays_while_others_wait_and_ends_when_nothing_comes(at_work):
    assert at_work(30, 0.9)[0] == 1
    assert at_work(3, 0.5)[0] == 1
    assert at_work(3, 0.5)[0] == 1
    alarm, p_value = at_work(0, 0.5)
    assert alarm == 0
    assert math.isnan(p_value)


def test_an_alarm_is_no_older_than_an_hour(at_work):
    assert at_work(30, 0.9)[0] == 1
    alarms = [at_work(1, 0.5)[0] for _ in range(12)]
    assert alarms == [1] * 11 + [0]


def test_the_next_items_are_judged_without_those_before(at_work):
    assert at_work(30, 0.9)[0] == 1
    assert at_work(30, 0.5)[0] == 0
