"""Times a training on a sample, and ends its epochs early once their pace is known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import keras

from transferlearn.data.excerpt import Observer, Sample
from transferlearn.schedules import Phase
from transferlearn.types import Logs

_AHEAD = 4  # batches that are read before the first step ends
_SEEN = 8  # batches after which the pace is known: four that are read ahead, and four more
_PATIENCE = 2.0  # seconds that each phase is watched for at least
_SOLVED_ITEMS, _SOLVED_BYTES = 5000, 2**27  # the most items and bytes that a head is solved on


@dataclass
class EpochTimes:
    """Records when the batches of one epoch were asked for, and when the epoch ended.

    Attributes:
        asked: The numbers of the batches that were asked for, each with its time: under `True`
            those to train on, under `False` those to validate on.
        end: The time when the epoch ended; 0 while it runs.
        cut: What was ended early: training (`True`), validation (`False`) or both.
    """

    asked: dict[bool, list[tuple[int, float]]] = field(
        default_factory=lambda: {True: [], False: []}
    )
    end: float = 0.0
    cut: set[bool] = field(default_factory=set)

    def computed_batches(self, is_train: bool) -> int:
        """Counts the batches that were computed, to train (`True`) or to validate on."""
        asked = [batch + 1 for batch, _ in self.asked[is_train][-1:]]
        # Of an epoch that was ended early, the last batches were read ahead and never computed.
        return sum(asked) - (_AHEAD - 1) * (is_train in self.cut)


@dataclass
class Course:
    """Records when items were computed and batches were asked for in one phase.

    Attributes:
        phase: The phase as it was planned.
        computed: Times, each with the number of items that went into the frozen part then; 0 means
            that all items have been read.
        counts: The number of items that went into the frozen part, to train on (`True`) and to
            validate on (`False`).
        epochs: The epochs that were seen; once the phase is over, the last one is empty.
        lengths: The number of items in an epoch, to train on (`True`) and to validate on (`False`).
        item_bytes: Bytes of the stored features of an item; `None` where raw items are read.
    """

    phase: Phase
    computed: list[tuple[float, int]] = field(default_factory=list)
    counts: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    epochs: list[EpochTimes] = field(default_factory=lambda: [EpochTimes()])
    lengths: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    item_bytes: int | None = None

    @property
    def is_solved(self) -> bool:
        """Whether the head is to be solved."""
        return self.phase.fit == "solve"


class Stopwatch(Observer, keras.callbacks.Callback):
    """Records what a training on a sample asks for and when, and ends it once its pace is known.

    Args:
        batch_size: The number of items in a batch.

    Attributes:
        courses: What was seen of each phase, in order.
    """

    def __init__(self, batch_size: int) -> None:
        keras.callbacks.Callback.__init__(self)
        self._batch_size = batch_size
        self.courses: list[Course] = []

    def begin(self, phase: Phase) -> None:
        """Begins to record a phase."""
        self.courses.append(Course(phase))

    def length(self, sample: Sample, item_bytes: int | None) -> int:
        """Decides and records how many items an epoch has; solving a head takes fewer than all.

        An epoch that can be ended early is as long as in the whole run; validation has at least 8
        batches. Solving cannot be ended early.
        """
        course, size = self.courses[-1], sample.size or 0
        course.item_bytes = item_bytes
        enough = _SEEN * self._batch_size
        if not course.is_solved:
            length = size if sample.training else max(size, enough)
        elif item_bytes is None:
            length = min(size, max(len(sample.items), enough))
        else:
            length = min(size, _SOLVED_ITEMS, max(enough, _SOLVED_BYTES // item_bytes))
        course.lengths[sample.training] = length
        return length

    @property
    def wants_variety(self) -> bool:
        """Whether repeated features must differ, as they must where a head is solved."""
        # On copies of a few items a head is solved far too fast.
        return self.courses[-1].is_solved

    def computing(self, sample: Sample, items: int) -> None:
        """Records how many items begin to go through the frozen part, and when; 0: all have."""
        self.courses[-1].computed.append((self.now(), items))
        self.courses[-1].counts[sample.training] += items

    def asked(self, sample: Sample, batch: int) -> None:
        """Records when a batch is asked for, and ends training or validation at a known pace."""
        course, now = self.courses[-1], self.now()
        epoch = course.epochs[-1]
        asked = epoch.asked[sample.training]
        asked.append((batch, now))
        if course.is_solved or batch < _SEEN or now - _first_step_end(asked) < _PATIENCE:
            return
        epoch.cut.add(sample.training)
        if sample.training:
            self._watched.stop_training = True
        else:
            self._watched.stop_evaluating = True

    def set_model(self, model: keras.Model) -> None:
        """Keeps the model in an attribute of this class too, when Keras sets it."""
        # On JAX, to read `self.model` within a step would lose the model's state.
        super().set_model(model)
        self._watched = model

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Records when an epoch ends, begins the next, and ends the training at a known pace."""
        course, now = self.courses[-1], self.now()
        course.epochs[-1].end = now
        first = course.epochs[0].asked[True]
        known = len(course.epochs) > 1 or pace(first) > 0
        if known and now - _first_step_end(first) > _PATIENCE:
            self._watched.stop_training = True
        course.epochs.append(EpochTimes())


def _first_step_end(asked: Sequence[tuple[int, float]]) -> float:
    """Returns the time when the first step of the latest pass over the data ended."""
    return next((at for batch, at in reversed(asked) if batch == _AHEAD), asked[-1][1])


def pace(asked: Sequence[tuple[int, float]]) -> float:
    """Returns the mean seconds of a batch after those that were read ahead; 0 if not known."""
    steady = [
        after - before for (i, before), (j, after) in pairwise(asked) if i >= _AHEAD and j == i + 1
    ]
    return sum(steady) / len(steady) if steady else 0.0
