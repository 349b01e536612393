"""Times the steps of a training, and ends each phase early once its pace is known."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import keras

from transferlearn.progress.counting import CountingEpochs
from transferlearn.schedules import Phase
from transferlearn.types import Logs

_AHEAD = 4  # batches that are read before the first step ends
_PATIENCE = 2.0  # seconds that each phase is watched for at least
_HELD_OUT_STEP = 1 / 3  # of a step of training; taken where validation is too short to be timed


@dataclass
class Pace:
    """Adds up the seconds and the number of steps that were timed, without those that compile."""

    seconds: float = 0.0
    steps: int = 0

    @property
    def each(self) -> float:
        """The seconds of a step; 0 if no step was timed."""
        return self.seconds / self.steps if self.steps else 0.0


@dataclass
class Epoch:
    """Records the steps of one epoch, under `True` to train, under `False` to validate.

    Attributes:
        begun: The time when it began.
        end: The time when it ended.
        last: The time when the last step ended.
        first: The time when the first step ended, which may have compiled the graph.
        done: The number of steps that were done.
        cut: Whether it was ended early.
    """

    begun: float
    end: float = 0.0
    last: float = 0.0
    first: dict[bool, float] = field(default_factory=dict)
    done: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    cut: bool = False


@dataclass(eq=False)
class Course:
    """Records the epochs of one phase, and computes from them how long all its epochs take.

    Attributes:
        phase: The phase as it was planned.
        paces: What was timed of steps to train (`True`) and to validate (`False`).
        epochs: The epochs that were begun.
    """

    phase: Phase
    paces: dict[bool, Pace] = field(default_factory=lambda: {True: Pace(), False: Pace()})
    epochs: list[Epoch] = field(default_factory=list)

    def training(self, steps: Mapping[bool, int]) -> tuple[float, float]:
        """Returns the seconds of all epochs, and how many of these were not spent here.

        Args:
            steps: The number of steps in an epoch, to train (`True`) and to validate (`False`).
        """
        each = {kind: pace.each for kind, pace in self.paces.items()}
        each[False] = each[False] or _HELD_OUT_STEP * each[True]

        def seconds(done: Mapping[bool, int]) -> float:
            return sum(each[kind] * done[kind] for kind in done)

        # The first epoch has graphs compiled; of a cut one is known what follows its steps, such as
        # a score of whole answers.
        ended = [x for x in self.epochs if x.end]
        whole = [x for x in ended[1:] if not x.cut]
        beside = [max(0.0, x.end - x.begun - seconds(x.done)) for x in whole]
        beside = beside or [min((x.end - x.last for x in ended), default=0.0)]
        other = sum(beside) / len(beside)
        training = self.phase.epochs * (seconds(steps) + other)
        spent = sum(seconds(x.done) + other * bool(x.end) for x in self.epochs)
        return training, training - spent


class Stopwatch(CountingEpochs):
    """Records the steps of each phase, and stops it once their pace is known.

    It is a `CountingEpochs`, for which small steps need not run one by one.

    Attributes:
        courses: What was seen of each phase, in order.
    """

    def __init__(self) -> None:
        keras.callbacks.Callback.__init__(self)
        self.courses: list[Course] = []
        self._last = 0.0  # the time when the last step ended

    def begin(self, phase: Phase) -> None:
        """Begins to record a phase."""
        self.courses.append(Course(phase))

    def set_model(self, model: keras.Model) -> None:
        """Keeps the model in an attribute of this class too, when Keras sets it."""
        # On JAX, to read `self.model` within a step would lose the model's state.
        super().set_model(model)
        self._watched = model

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begins to record an epoch, where the one before ended."""
        epochs = self.courses[-1].epochs
        epochs.append(Epoch(epochs[-1].end if epochs else time.perf_counter()))

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Records a step, and stops the training within an epoch once its pace is known."""
        if self._step(batch, training=True):
            self._watched.stop_training = True

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Records a step, and stops the validation once its pace is known."""
        if self._step(batch, training=False):
            self._watched.stop_evaluating = True

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Records the end of an epoch, and stops the training if its pace is known."""
        course = self.courses[-1]
        course.epochs[-1].end = time.perf_counter()
        known = len(course.epochs) > 1 or course.paces[True].steps > 0
        first = course.epochs[0].first.get(True, course.epochs[0].begun)
        if known and time.perf_counter() - first > _PATIENCE:
            self._watched.stop_training = True

    def _step(self, batch: int, *, training: bool) -> bool:
        """Records that a step ended, and returns whether enough of this kind were timed."""
        course, now = self.courses[-1], time.perf_counter()
        epoch, pace = course.epochs[-1], course.paces[training]
        step, before = batch + 1, epoch.done[training]
        is_steady = before >= _AHEAD
        if is_steady:
            pace.seconds += now - self._last
            pace.steps += step - before
        self._last = epoch.last = now
        epoch.done[training] = step
        enough = now - epoch.first.setdefault(training, now) > _PATIENCE and is_steady
        epoch.cut |= enough
        return enough


_SECONDS = 0.02  # seconds between two looks


class Peak:
    """Holds the most bytes that were seen resident at once.

    Attributes:
        nbytes: The number of bytes.
    """

    nbytes = 0


@contextmanager
def watched() -> Iterator[Peak]:
    """Yields a `Peak`, and raises it to what is resident, looking every 20 ms in a thread."""
    peak, done = Peak(), threading.Event()

    def look() -> None:
        while True:
            peak.nbytes = max(peak.nbytes, _resident())
            if done.wait(_SECONDS):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
        peak.nbytes = max(peak.nbytes, _resident())


def _resident() -> int:
    """Returns the bytes that are resident now; outside of Linux, the most there ever were."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text("utf-8").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    import resource  # not there on Windows

    # macOS counts in bytes, other systems in kilobytes.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
