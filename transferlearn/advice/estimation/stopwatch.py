"""Sees how fast a run on a sample goes, and breaks it off as soon as that is known."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import keras

from transferlearn.data.excerpt import Observer, Sample
from transferlearn.schedules import Phase

_AHEAD = 4  # batches that are read before the first step ends
_SEEN = 8  # batches after which there is a pace
_PATIENCE = 2.0  # seconds to watch each phase for
_SOLVED_ITEMS, _SOLVED_BYTES = 5000, 2**27  # what a head is solved on at most


@dataclass
class Epoch:
    """One epoch.

    Attributes:
        asked: Batches that were asked for, and when: `True` of those to train on, `False` of those
            to validate on.
        end: When it ended; 0 while it runs.
        cut: Which of both was broken off.
    """

    asked: dict[bool, list[tuple[int, float]]] = field(
        default_factory=lambda: {True: [], False: []}
    )
    end: float = 0.0
    cut: set[bool] = field(default_factory=set)

    def done(self, part: bool) -> int:
        """How many batches were computed."""
        asked = [batch + 1 for batch, _ in self.asked[part][-1:]]
        return sum(asked) - (_AHEAD - 1) * (part in self.cut)


@dataclass
class Course:
    """What was seen of a phase.

    Attributes:
        phase: As planned.
        computed: When how many images went into the frozen part; 0 ends a reading of them.
        counts: How many in all, to train (`True`) and to validate on.
        epochs: The last one has not begun.
        lengths: Items of an epoch to train and to validate on.
        item_bytes: Of stored features, or `None`.
    """

    phase: Phase
    computed: list[tuple[float, int]] = field(default_factory=list)
    counts: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    epochs: list[Epoch] = field(default_factory=lambda: [Epoch()])
    lengths: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})
    item_bytes: int | None = None

    @property
    def is_solved(self) -> bool:
        """Whether the head is to be solved."""
        return self.phase.fit == "solve"


class Stopwatch(Observer, keras.callbacks.Callback):
    """Watches a run from its data and as a callback.

    Args:
        batch_size: Items a batch.
    """

    def __init__(self, batch_size: int) -> None:
        keras.callbacks.Callback.__init__(self)
        self._batch_size = batch_size
        self.courses: list[Course] = []

    def begin(self, phase: Phase) -> None:
        """Hears that a phase begins."""
        self.courses.append(Course(phase))

    def length(self, sample: Sample, item_bytes: int | None) -> int:
        """As long as the whole, but what may not be broken off."""
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
        """A head is solved in no time for a few items that come again and again."""
        return self.courses[-1].is_solved

    def computing(self, sample: Sample, items: int) -> None:
        """Notes when."""
        self.courses[-1].computed.append((self.now(), items))
        self.courses[-1].counts[sample.training] += items

    def asked(self, sample: Sample, batch: int) -> None:
        """Notes when, and ends the training once its pace is known."""
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
        """Keras's hook; on JAX, to read `self.model` within a step would lose its state."""
        super().set_model(model)
        self._watched = model

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keras's hook."""
        course, now = self.courses[-1], self.now()
        course.epochs[-1].end = now
        first = course.epochs[0].asked[True]
        known = len(course.epochs) > 1 or pace(first) > 0
        if known and now - _start(first) > _PATIENCE:
            self._watched.stop_training = True
        course.epochs.append(Epoch())


def _start(asked: Sequence[tuple[int, float]]) -> float:
    """When the first batch was done with, at the latest reading of the data."""
    return next((at for batch, at in reversed(asked) if batch == _AHEAD), asked[-1][1])


def pace(asked: Sequence[tuple[int, float]]) -> float:
    """Seconds a batch, once reading ahead is over; 0 where that is not known."""
    steady = [
        after - before for (i, before), (j, after) in pairwise(asked) if i >= _AHEAD and j == i + 1
    ]
    return sum(steady) / len(steady) if steady else 0.0
