"""Computes from a run on a sample what the run on all items takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from transferlearn.advice.estimation.stopwatch import Course, EpochTimes, pace
from transferlearn.data.excerpt import Sample

_ITEM_BYTES = 300  # bytes an item for hashes and places (docs/performance.md)
_COPIES = 3  # copies of all features that are in memory at once while a head is solved


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Holds the seconds that a phase takes with all items.

    Attributes:
        features: Seconds for computing the features that are stored.
        training: Seconds for the epochs, or for solving the head.
        more: Seconds that the phase takes longer than it took on the sample.
    """

    features: float
    training: float
    more: float


@dataclass(frozen=True)
class Projection:
    """Computes what all items take, in seconds and bytes, from what the samples took.

    Args:
        samples: The sample to train on, and the one to validate on if there is one.
        batch_size: The number of items in a batch.
    """

    samples: Sequence[Sample]
    batch_size: int

    @property
    def sizes(self) -> dict[bool, int]:
        """The number of all items, to train on (`True`) and to validate on (`False`)."""
        return {True: 0, False: 0} | {x.training: x.size or 0 for x in self.samples}

    @property
    def images(self) -> int:
        """Counts all items, those to validate on included."""
        return sum(self.sizes.values())

    @property
    def measured(self) -> int:
        """Counts the items that were opened."""
        return sum(len(x.items) for x in self.samples)

    @property
    def opening(self) -> float:
        """The seconds that opening takes for the items that were not opened here."""
        return sum(x.seconds * self._unopened(x) for x in self.samples)

    def computed(self, courses: Sequence[Course]) -> float:
        """Returns how many times as many features the whole run computes as were computed here.

        Where none were, what was read from stores grows in proportion to the items.
        """
        seen = sum(sum(course.counts.values()) for course in courses)
        more = sum(
            course.counts[x.training] * self._unopened(x)
            for course in courses
            for x in self.samples
        )
        return 1 + more / seen if seen else self.images / self.measured

    def memory(self, courses: Sequence[Course]) -> int:
        """Returns the bytes that the items not measured add to memory, without stored features."""
        held = sum(x.held_bytes * self._unopened(x) for x in self.samples)
        missing = [
            (self.sizes[True] - course.lengths[True]) * (course.item_bytes or 0)
            for course in courses
            if course.is_solved
        ]
        known = _ITEM_BYTES * (self.images - self.measured)
        return round(held + known + _COPIES * max(missing, default=0))

    def spent(self, course: Course) -> Spent:
        """Returns the seconds of a phase with all items."""
        features, more = self._feature_seconds(course)
        paces = {
            is_train: pace([x for epoch in course.epochs for x in epoch.asked[is_train]])
            / self.batch_size
            for is_train in self.sizes
        }
        training, later = (self._solving_seconds if course.is_solved else self._epoch_seconds)(
            course, paces
        )
        return Spent(features=features, training=training, more=more + later)

    def _unopened(self, sample: Sample) -> float:
        """Returns the number of items that were not opened for each one that was."""
        return (sample.size or 0) / len(sample.items) - 1

    def _feature_seconds(self, course: Course) -> tuple[float, float]:
        """Returns the seconds of the frozen part for all items, and for those not computed here."""
        # A batch is done when the next one begins.
        batches = [(done - begun, count) for (begun, count), (done, _) in pairwise(course.computed)]
        full = max((count for _, count in batches), default=0)
        warm = [  # the first batch of a reading has the network compiled
            seconds
            for (_, before), (seconds, count) in pairwise(batches)
            if before and count == full
        ]
        each = sum(warm) / len(warm) if warm else 0.0
        whole = each * sum(course.counts.values()) / full * self.computed([course]) if full else 0.0
        return whole, whole - each * sum(count > 0 for _, count in batches)

    def _epoch_seconds(self, course: Course, paces: dict[bool, float]) -> tuple[float, float]:
        """Returns the seconds of all epochs, and how many of them the sample did not take."""

        def seen(epoch: EpochTimes, is_train: bool) -> float:
            """Returns the seconds of the batches of an epoch that were computed."""
            return paces[is_train] * self.batch_size * epoch.computed_batches(is_train)

        def alone(is_train: bool) -> float:
            """Returns the seconds of all batches of one epoch, to train or to validate."""
            return paces[is_train] * course.lengths[is_train]

        longer = sum(
            (self.sizes[is_train] - course.lengths[is_train]) * paces[is_train]
            for is_train in paces
        )
        # An epoch whose validation was broken off counts with the seconds that were left out.
        ended = [epoch for epoch in course.epochs if epoch.end and True not in epoch.cut]
        unseen = [alone(False) - seen(epoch, False) if epoch.cut else 0.0 for epoch in ended]
        # From the end of one epoch to the end of the next: the first one has graphs compiled.
        steady = [
            after.end - before.end + missing
            for (before, after), missing in zip(pairwise(ended), unseen[1:], strict=True)
        ]
        epoch = sum(steady) / len(steady) if steady else sum(map(alone, paces))
        begun = sum(seen(x, is_train) for x in course.epochs if True in x.cut for is_train in paces)
        training = course.phase.epochs * (epoch + longer)
        return training, training - (len(ended) * epoch - sum(unseen)) - begun

    def _solving_seconds(self, course: Course, paces: dict[bool, float]) -> tuple[float, float]:
        """The seconds to solve a head on all items, and how many the sample did not take."""
        lengths, sizes = course.lengths, self.sizes
        last = -(-lengths[True] // self.batch_size) - 1
        asked = course.epochs[0].asked[True]
        # Between the last batch of the training items and the first one of their second reading.
        solving = next((b - a for (i, a), (j, b) in pairwise(asked) if (i, j) == (last, 0)), 0.0)

        def read(items: dict[bool, int]) -> float:
            """The seconds of reading; training items are read to solve, and then to score."""
            return 2 * items[True] * paces[True] + items[False] * paces[False]

        whole = solving * sizes[True] / lengths[True] + read(sizes)
        return whole, whole - solving - read(lengths)
