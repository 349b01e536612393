"""What all epochs of a phase take, told from a few steps, on a machine whose clock we set."""

from types import SimpleNamespace

import pytest

import transferlearn as tl
from transferlearn.advice.estimation import stopwatch as watching
from transferlearn.advice.estimation.stopwatch import Stopwatch
from transferlearn.freezing import FreezeAll

pytestmark = pytest.mark.core


class Machine:
    """Runs epochs in no time, on a clock of its own, and breaks them off when it is told to."""

    trace, overhead = 2.0, 0.05

    def __init__(self, monkeypatch, *, step=0.1, test=0.03, at_once=1):
        self.time, self.seconds, self.at_once = 100.0, {True: step, False: test}, at_once
        monkeypatch.setattr(watching.time, "perf_counter", lambda: self.time)

    def run(self, watch, steps, epochs):
        """Runs epochs of so many steps, and returns the seconds that passed."""
        begun = self.time
        model = SimpleNamespace(stop_training=False, stop_evaluating=False)
        watch.set_model(model)
        for epoch in range(epochs):
            watch.on_epoch_begin(epoch)
            model.stop_evaluating = False
            self.read(watch.on_train_batch_end, steps[True], True, epoch, model)
            self.read(watch.on_test_batch_end, steps[False], False, epoch, model)
            self.time += self.overhead
            watch.on_epoch_end(epoch)
            if model.stop_training:
                break
        return self.time - begun

    def read(self, ended, steps, training, epoch, model):
        stop = "stop_training" if training else "stop_evaluating"
        for i in range(0, steps, self.at_once):
            self.time += self.trace * (epoch == i == 0)
            last = min(i + self.at_once, steps)
            self.time += self.seconds[training] * (last - i)
            ended(last - 1)
            if getattr(model, stop):
                return


@pytest.mark.parametrize("at_once", [1, 8])
@pytest.mark.parametrize("validation", [0, 1, 8, 100])
@pytest.mark.parametrize("epochs", [1, 3, 100])
@pytest.mark.parametrize("train", [3, 10, 32, 1000])
def test_all_epochs_are_told_from_a_few_steps(monkeypatch, train, epochs, validation, at_once):
    machine = Machine(monkeypatch, at_once=at_once)
    whole = {True: train, False: validation}
    few = {kind: min(steps, 64) for kind, steps in whole.items()}
    watch = Stopwatch()
    watch.begin(tl.Phase(freeze=FreezeAll(), epochs=epochs))
    seen = machine.run(watch, few, epochs)
    training, later = watch.courses[0].training(whole)
    for hook in ("on_epoch_begin", "on_train_batch_end", "on_test_batch_end", "on_epoch_end"):
        monkeypatch.setattr(watch, hook, lambda *_: None)
    took = machine.run(watch, whole, epochs)
    assert seen + later == pytest.approx(took, rel=0.1, abs=machine.trace)
    assert training == pytest.approx(took, rel=0.1, abs=2.5 * machine.trace)
    assert seen < 20


def test_what_follows_the_steps_of_an_epoch_counts(monkeypatch):
    """A score of whole answers, such as mean average precision, takes longer than steps."""
    machine = Machine(monkeypatch)
    machine.overhead = 5.0
    watch = Stopwatch()
    watch.begin(tl.Phase(freeze=FreezeAll(), epochs=20))
    machine.run(watch, {True: 64, False: 64}, 20)
    training, _ = watch.courses[0].training({True: 100, False: 100})
    assert training == pytest.approx(20 * (100 * 0.1 + 100 * 0.03 + 5), rel=0.01)
