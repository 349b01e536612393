"""From what was seen of a run on a sample to what the run on the whole takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from transferlearn.advice.estimation.stopwatch import Course, Epoch, pace
from transferlearn.data.excerpt import Sample

_ITEM_BYTES = 300  # of hashes and places
_COPIES = 3  # of all features, while a head is solved


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Seconds of a phase on the whole.

    Attributes:
        features: For computing what is stored.
        training: For epochs, or for solving the head.
        more: What all of it takes longer than was seen on the sample.
    """

    features: float
    training: float
    more: float


@dataclass(frozen=True)
class Projection:
    """Knows how much the whole is.

    Args:
        samples: To train on, and to validate on if there is such.
        batch_size: Items a batch.
    """

    samples: Sequence[Sample]
    batch_size: int

    @property
    def sizes(self) -> dict[bool, int]:
        """Images in the whole, to train (`True`) and to validate on."""
        return {True: 0, False: 0} | {x.training: x.size or 0 for x in self.samples}

    @property
    def images(self) -> int:
        """In the whole."""
        return sum(self.sizes.values())

    @property
    def measured(self) -> int:
        """Images that were opened."""
        return sum(len(x.items) for x in self.samples)

    @property
    def opening(self) -> float:
        """Seconds for opening the images that were not."""
        return sum(x.seconds * self._times(x) for x in self.samples)

    def computed(self, courses: Sequence[Course]) -> float:
        """How many times as many features there will be."""
        seen = sum(sum(course.counts.values()) for course in courses)
        more = sum(
            course.counts[x.training] * self._times(x) for course in courses for x in self.samples
        )
        return 1 + more / seen if seen else 1.0

    def memory(self, courses: Sequence[Course]) -> int:
        """Bytes that all other images take, besides stored features."""
        held = sum(x.held_bytes * self._times(x) for x in self.samples)
        missing = [
            (self.sizes[True] - course.lengths[True]) * (course.item_bytes or 0)
            for course in courses
            if course.is_solved
        ]
        known = _ITEM_BYTES * (self.images - self.measured)
        return round(held + known + _COPIES * max(missing, default=0))

    def spent(self, course: Course) -> Spent:
        """Seconds of a phase."""
        features, more = self._features(course)
        paces = {
            part: pace([x for epoch in course.epochs for x in epoch.asked[part]]) / self.batch_size
            for part in self.sizes
        }
        training, later = (self._solved if course.is_solved else self._trained)(course, paces)
        return Spent(features=features, training=training, more=more + later)

    def _times(self, sample: Sample) -> float:
        """How many times as many images were not opened as were."""
        return (sample.size or 0) / len(sample.items) - 1

    def _features(self, course: Course) -> tuple[float, float]:
        """Seconds for the frozen part of all images, and of those that were not computed."""
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

    def _trained(self, course: Course, paces: dict[bool, float]) -> tuple[float, float]:
        """Seconds of all epochs, and of those that were not run."""

        def seen(epoch: Epoch, part: bool) -> float:
            return paces[part] * self.batch_size * epoch.done(part)

        def alone(part: bool) -> float:
            return paces[part] * course.lengths[part]

        longer = sum((self.sizes[part] - course.lengths[part]) * paces[part] for part in paces)
        ended = [epoch for epoch in course.epochs if epoch.end and True not in epoch.cut]
        unseen = [alone(False) - seen(epoch, False) if epoch.cut else 0.0 for epoch in ended]
        steady = [
            after.end - before.end + missing
            for (before, after), missing in zip(pairwise(ended), unseen[1:], strict=True)
        ]
        epoch = sum(steady) / len(steady) if steady else sum(map(alone, paces))
        begun = sum(seen(x, part) for x in course.epochs if True in x.cut for part in paces)
        training = course.phase.epochs * (epoch + longer)
        return training, training - (len(ended) * epoch - sum(unseen)) - begun

    def _solved(self, course: Course, paces: dict[bool, float]) -> tuple[float, float]:
        """Seconds to solve a head on all items, and what is more than on those that were seen."""
        lengths, sizes = course.lengths, self.sizes
        last = -(-lengths[True] // self.batch_size) - 1
        asked = course.epochs[0].asked[True]
        solving = next((b - a for (i, a), (j, b) in pairwise(asked) if (i, j) == (last, 0)), 0.0)

        def read(items: dict[bool, int]) -> float:
            return 2 * items[True] * paces[True] + items[False] * paces[False]

        whole = solving * sizes[True] / lengths[True] + read(sizes)
        return whole, whole - solving - read(lengths)
