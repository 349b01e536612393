"""Times a run on a sample, and breaks it off as soon as its pace is known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import keras

from transferlearn.data.excerpt import Observer, Sample
from transferlearn.schedules import Phase
from transferlearn.types import Logs

_AHEAD = 4  # batches that are read before the first step ends
_SEEN = 8  # batches after which the pace is known: those read ahead, and four at a steady pace
_PATIENCE = 2.0  # seconds that each phase is watched for
_SOLVED_ITEMS, _SOLVED_BYTES = 5000, 2**27  # items and bytes that a head is solved on at most


@dataclass
class Epoch:
    """Records when the batches of one epoch were asked for.

    Attributes:
        asked: The numbers of the batches that were asked for, each with its time: under `True`
            those to train on, under `False` those to validate on.
        end: The time when the epoch ended; 0 while it runs.
        cut: Whether training (`True`), validation (`False`) or both were broken off.
    """

    asked: dict[bool, list[tuple[int, float]]] = field(
        default_factory=lambda: {True: [], False: []}
    )
    end: float = 0.0
    cut: set[bool] = field(default_factory=set)

    def done(self, is_train: bool) -> int:
        """Counts the batches that were computed, to train (`True`) or to validate on."""
        asked = [batch + 1 for batch, _ in self.asked[is_train][-1:]]
        # Of an epoch that was broken off, the last batches were read ahead and never computed.
        return sum(asked) - (_AHEAD - 1) * (is_train in self.cut)


@dataclass
class Course:
    """Records what was seen of a phase.

    Attributes:
        phase: The phase as it was planned.
        computed: Times, each with the number of images that went into the frozen part then; the
            number 0 ends a reading of all images.
        counts: The number of images that went into the frozen part, to train on (`True`) and to
            validate on (`False`).
        epochs: The epochs that were seen; the last one has not begun.
        lengths: The number of items in an epoch, to train on (`True`) and to validate on (`False`).
        item_bytes: Bytes of the stored features of an item; `None` where raw items are read.
    """

    phase: Phase
    computed: list[tuple[float, int]] = field(default_factory=list)
    counts: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    epochs: list[Epoch] = field(default_factory=lambda: [Epoch()])
    lengths: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    item_bytes: int | None = None

    @property
    def is_solved(self) -> bool:
        """Says whether the head is to be solved."""
        return self.phase.fit == "solve"


class Stopwatch(Observer, keras.callbacks.Callback):
    """Watches a run, as the observer of its data and as a callback.

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
        """Gives the number of items in an epoch: all, but fewer where a head is solved.

        An epoch that may be broken off is as long as that of the whole run; solving cannot be
        broken off.
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
        """Says whether repeated features are to differ from each other, as for solving a head."""
        # For a few items that come again and again, a head is solved in no time.
        return self.courses[-1].is_solved

    def computing(self, sample: Sample, items: int) -> None:
        """Records when items go through the frozen part."""
        self.courses[-1].computed.append((self.now(), items))
        self.courses[-1].counts[sample.training] += items

    def asked(self, sample: Sample, batch: int) -> None:
        """Records when a batch is asked for, and ends the training once its pace is known."""
        course, now = self.courses[-1], self.now()
        epoch = course.epochs[-1]
        asked = epoch.asked[sample.training]
        asked.append((batch, now))
        if course.is_solved or batch < _SEEN or now - _start(asked) < _PATIENCE:
            return
        epoch.cut.add(sample.training)
        if sample.training:
            self._watched.stop_training = True
        else:
            self._watched.stop_evaluating = True

    def set_model(self, model: keras.Model) -> None:
        """Keeps the model as an attribute of its own, when Keras sets it."""
        # On JAX, to read `self.model` within a step would lose the model's state.
        super().set_model(model)
        self._watched = model

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Records when the epoch ends, and ends the training once its pace is known."""
        course, now = self.courses[-1], self.now()
        course.epochs[-1].end = now
        first = course.epochs[0].asked[True]
        known = len(course.epochs) > 1 or pace(first) > 0
        if known and now - _start(first) > _PATIENCE:
            self._watched.stop_training = True
        course.epochs.append(Epoch())


def _start(asked: Sequence[tuple[int, float]]) -> float:
    """Gives the time when the first batch of the latest reading was computed."""
    return next((at for batch, at in reversed(asked) if batch == _AHEAD), asked[-1][1])


def pace(asked: Sequence[tuple[int, float]]) -> float:
    """Gives the seconds of a batch, once reading ahead is over; 0 where that is not known."""
    steady = [
        after - before for (i, before), (j, after) in pairwise(asked) if i >= _AHEAD and j == i + 1
    ]
    return sum(steady) / len(steady) if steady else 0.0
