"""The default recipe."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from transferlearn.freezing import FreezeAll, FreezeDepthwise, FreezeFraction, FreezeNone
from transferlearn.schedules.base import Job, Schedule
from transferlearn.schedules.phase import Phase

_RATE_FACTOR = 0.5  # of the builder's: 5e-4 for Adam on images
_FROZEN = 0.3  # of the layers that have weights
_FEWEST, _MOST, _SEEN = 3, 8, 40_000  # epochs, and images in all of them
_NUMBERS_SEEN, _MOST_FOR_NUMBERS = 3200, 40  # images that numbers need at the least, and epochs


@dataclass(frozen=True)
class Auto(Schedule):
    """The default: solves the head, fine-tunes most of the rest, and keeps the better of the two.

    When to use it: always, to begin with. The head is solved on the frozen backbone (`Probe`).
    From there all but the first three tenths of the backbone are trained with it, and but its
    depthwise convolutions, on images that are mirrored or not, with weight decay, a warm-up and a
    rate that then falls along half a wave, in 8 epochs, or down to 3 where there are more than
    5,000 images. The result is kept unless the solved head alone got clearly more held-out images
    right. What stays frozen at the beginning is computed once.

    What the builder and `fit` name is obeyed: `freeze` says what the second phase freezes (with
    `"all"` there is none), `learning_rate` or an optimizer object its highest rate, and
    `epochs` how many there are in all. A backbone with random weights is trained whole, in one
    phase.

    How it was chosen: docs/recipes.md.
    """

    augmentation = "light"
    views = 2

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the head's phase, and then that of the rest."""
        if not job.pretrained:
            yield Phase(freeze=job.freeze or FreezeNone(), epochs=job.epochs)
            return
        yield Phase(freeze=FreezeAll(), epochs=max(1, job.epochs // 2), fit="solve")
        left = job.epochs - job.results[-1].epochs
        if left and not isinstance(job.freeze, FreezeAll):
            yield Phase(
                freeze=job.freeze or FreezeFraction(_FROZEN) | FreezeDepthwise(),
                epochs=left,
                learning_rate=None if job.rate_given else job.learning_rate * _RATE_FACTOR,
                warm_up=0.2,
                decay="cosine",
                weight_decay=0.01,
                keep="better",
            )

    def default_epochs(self, items: int | None) -> int:
        """Gives 1 for the solved head, and 8 to 3 more."""
        if items is None:
            return 1 + _MOST
        return 1 + min(_MOST, max(_FEWEST, math.ceil(_SEEN / items)))


@dataclass(frozen=True)
class AutoForNumbers(Auto):
    """The default where numbers are learnt: as `Auto`, but images are not mirrored.

    A mirrored image may have another number (of an angle the negative one), and few images are
    seen more often: 3,200 times in all, in at most 40 epochs.

    How it was chosen: docs/recipes.md.
    """

    augmentation = "none"
    views = 1

    def default_epochs(self, items: int | None) -> int:
        """Gives 1 for the solved head, and 40 to 3 more."""
        if items is None:
            return super().default_epochs(items)
        least = min(_MOST_FOR_NUMBERS, math.ceil(_NUMBERS_SEEN / items))
        return max(super().default_epochs(items), 1 + least)
