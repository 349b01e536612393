"""What a run takes, told from a part of it, on a machine whose clock we set."""

from types import SimpleNamespace

import pytest

import transferlearn as tl
from transferlearn.advice.estimation import stopwatch as watching
from transferlearn.advice.estimation.projection import Projection
from transferlearn.advice.estimation.stopwatch import Course, Stopwatch
from transferlearn.freezing import FreezeAll

pytestmark = pytest.mark.core


class Machine:
    """Runs phases in no time, on a clock of its own, and breaks them off when it is told to."""

    def __init__(self, monkeypatch, *, step=0.1, test=0.03, item=0.01):
        self.time = 100.0
        self.step, self.test, self.item = step, test, item
        self.trace, self.overhead, self.solving = 2.0, 0.05, 0.001
        monkeypatch.setattr(Stopwatch, "now", lambda _: self.time)

    def run(self, phase, train, validation, *, item_bytes=400, is_whole=False):
        watch = Stopwatch(32)
        watch.set_model(SimpleNamespace(stop_training=False, stop_evaluating=False))
        watch.courses.append(Course(phase))
        begun = self.time
        samples = [sample for sample in (train, validation) if sample]
        if item_bytes:
            self.compute(watch, samples)
        lengths = [watch.length(sample, item_bytes) for sample in samples]
        if is_whole:
            lengths = [sample.size for sample in samples]
            watch.asked = watch.on_epoch_end = lambda *_: None
        if phase.fit == "solve":
            self.solve(watch, samples, lengths)
        else:
            self.train(watch, samples, lengths, phase.epochs)
        return self.time - begun, watch.courses

    def compute(self, watch, samples):
        for sample in samples:
            for start in range(0, len(sample.items), 32):
                count = min(32, len(sample.items) - start)
                watch.computing(sample, count)
                self.time += count * self.item + self.trace * (start == 0)
            watch.computing(sample, 0)

    def train(self, watch, samples, lengths, epochs):
        watch.asked(samples[0], 0)  # what it looks like
        for epoch in range(epochs):
            for sample, length in zip(samples, lengths, strict=True):
                seconds = self.step if sample.training else self.test
                stop = "stop_training" if sample.training else "stop_evaluating"
                watch.model.stop_evaluating = False
                self.time += self.trace * (epoch == 0)
                self.read(
                    watch, sample, length, seconds, lambda stop=stop: getattr(watch.model, stop)
                )
            self.time += self.overhead
            watch.on_epoch_end(epoch)
            if watch.model.stop_training:
                return

    def read(self, watch, sample, length, seconds, stopped):
        batches = -(-length // 32)
        for i in range(min(4, batches)):
            watch.asked(sample, i)
        for i in range(batches):
            self.time += seconds * min(32, length - 32 * i) / 32
            if i + 4 < batches:
                watch.asked(sample, i + 4)
            if stopped():
                return

    def solve(self, watch, samples, lengths):
        for i in range(-(-lengths[0] // 32)):
            watch.asked(samples[0], i)
            self.time += self.test
        self.time += self.solving * lengths[0]
        for sample, length in zip(samples, lengths, strict=True):
            self.read(watch, sample, length, self.test, lambda: False)
        watch.on_epoch_end(0)


def part(size, opened, *, training):
    return SimpleNamespace(
        training=training, size=size, items=range(opened), seconds=1.0, held_bytes=1000
    )


def projected(machine, phase, train, validation, **options):
    """Seconds that are told, and those that the whole run takes."""
    share = min(1.0, 128 / (train + validation))
    parts = [
        (
            part(size, -int(-size * share // 1), training=is_train),
            part(size, size, training=is_train),
        )
        if size
        else (None, None)
        for size, is_train in ((train, True), (validation, False))
    ]
    few, whole = zip(*parts, strict=True)
    seen, courses = machine.run(phase, *few, **options)
    projection = Projection([sample for sample in few if sample], 32)
    (course,) = courses
    told = seen + projection.spent(course).more
    took, _ = machine.run(phase, *whole, **options, is_whole=True)
    return told, took, seen


def gradient(epochs):
    return tl.Phase(freeze=FreezeAll(), epochs=epochs)


@pytest.mark.parametrize("item_bytes", [400, None])
@pytest.mark.parametrize("validation", [0, 16, 250, 3000])
@pytest.mark.parametrize("epochs", [1, 3, 100])
@pytest.mark.parametrize("train", [90, 300, 1000, 100_000])
def test_the_whole_is_told_from_the_part(monkeypatch, train, epochs, validation, item_bytes):
    monkeypatch.setattr(watching, "_PATIENCE", 2.0)
    machine = Machine(monkeypatch)
    told, took, seen = projected(
        machine, gradient(epochs), train, validation, item_bytes=item_bytes
    )
    assert told == pytest.approx(took, rel=0.06)
    assert seen < 40


@pytest.mark.parametrize("item_bytes", [400, None])
@pytest.mark.parametrize("validation", [0, 250])
@pytest.mark.parametrize("train", [90, 1000, 100_000])
def test_a_solved_head_is_told_from_the_part(monkeypatch, train, validation, item_bytes):
    phase = tl.Phase(freeze=FreezeAll(), epochs=1, fit="solve")
    told, took, _ = projected(Machine(monkeypatch), phase, train, validation, item_bytes=item_bytes)
    assert told == pytest.approx(took, rel=0.1)
