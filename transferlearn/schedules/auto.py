"""The default recipe."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from transferlearn.freezing import FreezeAll, FreezeFraction, FreezeNone
from transferlearn.schedules.base import Job, Schedule
from transferlearn.schedules.phase import Phase

_RATE = 5e-4
_FROZEN = 0.3  # of the layers that have weights
_STEPS = 200  # of 32 images
_FEWEST, _MOST = 4, 16  # epochs


@dataclass(frozen=True)
class Auto(Schedule):
    """The default: solves the head, fine-tunes the upper part, and keeps the better of the two.

    When to use it: always, to begin with. The head is solved on the frozen backbone (`Probe`).
    From there the upper part of the backbone is trained with it, on light augmentation, with weight
    decay, a warm-up and a rate that then falls along half a wave, in 4 to 16 epochs, the more the
    fewer images there are. The result is kept unless the solved head alone did better on held-out
    data. The lower part is computed once.

    What the builder and `fit` name is obeyed: `freeze` says what the second phase freezes (with
    `"all"` there is none), `learning_rate` or an optimizer object its highest rate, and
    `epochs` how many there are in all. A backbone with random weights is trained whole, in one
    phase.

    How it was chosen: docs/recipes.md.
    """

    augmentation = "light"
    views = 4

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the head's phase, and then the upper part's."""
        if not job.pretrained:
            yield Phase(freeze=job.freeze or FreezeNone(), epochs=job.epochs)
            return
        yield Phase(freeze=FreezeAll(), epochs=max(1, job.epochs // 2), fit="solve")
        left = job.epochs - job.results[-1].epochs
        if left and not isinstance(job.freeze, FreezeAll):
            yield Phase(
                freeze=job.freeze or FreezeFraction(_FROZEN),
                epochs=left,
                learning_rate=None if job.rate_given else _RATE,
                warm_up=0.2,
                decay="cosine",
                weight_decay=0.01,
                keep="better",
            )

    def default_epochs(self, items: int | None) -> int:
        """Gives so many that there are about 200 steps, but not fewer than 4 and at most 16."""
        if items is None:
            return _FEWEST
        return 1 + min(_MOST, max(_FEWEST, math.ceil(_STEPS * 32 / items)))
