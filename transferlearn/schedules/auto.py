"""Defines the default recipe: for classes of images, for numbers, for masks, and for texts."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from transferlearn.freezing import FreezeAll, FreezeDepthwise, FreezeFraction, FreezeNone
from transferlearn.json_fields import Json
from transferlearn.schedules.base import Job, Schedule
from transferlearn.schedules.phase import Phase

# docs/recipes.md has the trials behind these constants.
_RELATIVE_RATE = 0.003  # of each weight's root mean square; for optimizers such as Adam
_RATE_FACTOR = 0.5  # times the rate of an optimizer whose steps follow the gradient
_AFTER_DAMAGE = 0.1  # times the rate, where the first attempt was worse than the solved head
_FEWEST, _SEEN = 3, 40_000  # epochs; and about as many images in all of them
_LEAST_SEEN, _MOST = 2000, 20  # images in all epochs together, at least; most epochs
# On 100 photos of three sets, 8 epochs gave an R2 of 0.45, 0.77, 0.33, and 20 of 0.72, 0.97, 0.31.
_NUMBERS_SEEN, _MOST_FOR_NUMBERS = 3200, 40  # images in all epochs together, at least; most epochs
_DECODER_RATE, _OF_WHOLE = 0.01, 0.1  # for masks: the decoder's rate; the second phase's share
_CLIPPED = 1.0  # the norm of all gradients when the whole network learns masks
_PICTURE_RATE = 0.003  # of the decoder of pictures
_BOX_RATE = 0.004  # of the head of detectors
_BOXES_SEEN = 6000  # images with boxes in all epochs together, at least
_BOX_WARM_UP = 0.1  # the share of steps; without it, mAP was .20 where it is .53
_MASKS_SEEN = 2400  # images with masks in all epochs together, at least


@dataclass(frozen=True)
class Auto(Schedule):
    """Solves the head, fine-tunes most of the backbone, and keeps the better of the two networks.

    When to use it: always, to begin with. The head is solved on the frozen backbone (`Probe`).
    Then the backbone is trained with it, apart from the first three tenths of its layers and its
    depthwise convolutions: on images that are mirrored or not (all as they are, if mirrored ones
    are less well known to the head than new ones), with weight decay, a warm-up and a rate that
    then falls along half a wave, in 8 epochs; up to 20 where there are fewer than 250 images, and
    down to 3 where there are more than 5,000. What stays frozen at the beginning of the backbone is
    computed once.

    The rate is relative to the size of each weight, so that it fits any backbone. Should training
    do damage all the same, it goes back to the solved head and begins again at a tenth of the rate:
    if the training loss ends clearly above the cross-validated one of the head, or if held-out
    items say clearly that the head alone was better. Of fewer than 1,000 items none is held out
    unless `fit` is told to: each serves training better than it would serve this choice.

    What the builder and `fit` name is obeyed: `freeze` says what the second phase freezes (with
    `"all"` there is no second phase), `learning_rate` or an optimizer object sets its highest rate,
    and `epochs` is the number of epochs of both phases. A backbone with random weights is trained
    whole, in one phase.

    How it was chosen: docs/recipes.md.
    """

    augmentation = "light"
    views = 2
    least_to_split = 1000

    # The share of the layers with weights that stays frozen; to free all of a network for images
    # took 1.5 times as long for no gain.
    _frozen: ClassVar[float] = 0.3
    _epochs: ClassVar[int] = 8
    _least_seen: ClassVar[int] = _LEAST_SEEN
    _most_epochs: ClassVar[int] = _MOST

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the head's phase and then the fine-tuning; a single phase for random weights."""
        if not job.pretrained:
            yield Phase(freeze=job.freeze or FreezeNone(), epochs=job.epochs)
            return
        # A solved head takes one epoch; one that cannot be solved takes half of them.
        yield Phase(freeze=FreezeAll(), epochs=max(1, job.epochs // 2), fit="solve")
        solved = job.results[-1].solved
        left = job.epochs - job.results[-1].epochs
        if left and not isinstance(job.freeze, FreezeAll):
            tuning = Phase(
                freeze=job.freeze or FreezeFraction(self._frozen) | FreezeDepthwise(),
                epochs=left,
                **self._rate(job),
                warm_up=0.2,
                decay="cosine",
                weight_decay=0.01,
                augmented=solved is None or solved.knows_mirrored,
                # Under a rate that falls to 0 the end is better on new data than the best epoch.
                keep="better",
            )
            yield tuning
            rate = tuning.learning_rate
            if rate is not None and job.results[-1].kept_epoch == 0:
                yield replace(tuning, learning_rate=rate * _AFTER_DAMAGE)

    def _rate(self, job: Job) -> Json:
        """Returns the rate of the fine-tuning as arguments of `Phase`; the user's own is obeyed."""
        if job.rate_given:
            return {}
        if job.low_rank_rate:  # updates begin at 0, so that their size is none
            return {"learning_rate": job.low_rank_rate}
        if job.steps_of_one_size:
            return {"learning_rate": _RELATIVE_RATE, "trust_ratio": True}
        return {"learning_rate": job.learning_rate * _RATE_FACTOR}

    def default_epochs(self, items: int | None) -> int:
        """Returns 1 epoch for the solved head and 8 more; up to 20 for few items, 3 for many."""
        if items is None:
            return 1 + self._epochs
        few = min(self._most_epochs, math.ceil(self._least_seen / items))
        return 1 + max(few, min(self._epochs, max(_FEWEST, math.ceil(_SEEN / items))))


@dataclass(frozen=True)
class AutoForNumbers(Auto):
    """Does for numbers what `Auto` does for classes, but does not mirror the images.

    A mirrored image may have another number, as the mirror image of an angle does. A small set of
    images has more epochs: enough to see 3,200 images in all, or 40.

    How it was chosen: docs/recipes.md.
    """

    augmentation = "none"
    views = 1
    _least_seen = _NUMBERS_SEEN
    _most_epochs = _MOST_FOR_NUMBERS


@dataclass(frozen=True)
class AutoForTexts(Auto):
    """Does for texts what `Auto` does for images, in 3 epochs, and keeps half of the layers frozen.

    Half of the layers that have weights: in MiniLM the embeddings and the first of six blocks.

    How it was chosen: docs/recipes.md.
    """

    augmentation = "none"
    views = 1
    _frozen = 0.5
    _epochs = _most_epochs = 3


@dataclass(frozen=True)
class AutoForMasks(Schedule):
    """Trains the decoder on the frozen, stored pyramid, then the whole network at a smaller rate.

    When to use it: for masks, to begin with. A decoder cannot be solved, so that it gets half of
    the epochs. Then the backbone is trained with it, but for its BatchNorm, at a tenth of the rate,
    which falls along half a wave. In each epoch an image, with its mask, is mirrored or not.

    Of 100 images or more a tenth is held out: where their loss, over all their pixels, is larger
    after the second phase than before it, the frozen backbone with its decoder is kept. Where it is
    more than 3.3 times the training loss after the first phase, the decoder has learnt the photos
    by heart; then the second phase trains it further, on the frozen backbone, at a falling rate.

    What the builder and `fit` name is obeyed: `freeze` says what the second phase freezes (with
    `"all"` there is no second phase), and `epochs` is the number of epochs of both phases.
    """

    augmentation = "light"
    least_to_split = 100
    obeys_freeze = True

    # How many times the training loss the held-out loss is where to train more layers gains nothing
    # (docs/segmentation.md); for other tasks it was not measured.
    _overfitted: ClassVar[float] = 3.3

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the decoder's phase and then the fine-tuning; a single one for random weights."""
        if not job.pretrained or isinstance(job.freeze, FreezeAll) or job.epochs == 1:
            freeze = job.freeze or (FreezeAll() if job.pretrained else FreezeNone())
            yield Phase(freeze=freeze, epochs=job.epochs, **self._rate(job), decay="cosine")
            return
        first = job.epochs // 2
        yield Phase(freeze=FreezeAll(), epochs=first, **self._rate(job))
        metrics, rest = job.results[-1].metrics, job.epochs - first
        trained, held_out = (metrics.get(name, math.nan) for name in ("loss", "val_loss"))
        if job.freeze is None and held_out > self._overfitted * trained:
            reason = f"the held-out loss of {held_out:.3g} is far above the training loss"
            yield Phase(
                freeze=FreezeAll(),
                epochs=rest,
                **self._rate(job),
                decay="cosine",
                reason=f"{reason} of {trained:.3g}, so the backbone stays frozen",
            )
            return
        yield Phase(
            freeze=job.freeze or FreezeNone(),
            epochs=rest,
            **self._rate(job, _OF_WHOLE),
            warm_up=0.2,
            decay="cosine",
            weight_decay=0.01,
            clip_norm=_CLIPPED,
            keep="better",
        )

    def _rate(self, job: Job, factor: float = 1.0) -> Json:
        """Returns a phase's rate as arguments of `Phase`; the user's own is the decoder's."""
        own = job.rate_given or not job.steps_of_one_size
        rate = job.learning_rate if own else _DECODER_RATE
        return {"learning_rate": rate * factor}

    def default_epochs(self, items: int | None) -> int:
        """Returns 4 epochs for each of the two phases; up to 20 where there are few items."""
        if items is None:
            return 8
        return max(8, min(40, math.ceil(_MASKS_SEEN / items)))


@dataclass(frozen=True)
class AutoForPictures(AutoForMasks):
    """Does for pictures what `AutoForMasks` does for masks, at 0.3 times the rate.

    Nothing is held out of fewer than 1,000 pictures. What it brings: docs/image-to-image.md.
    """

    least_to_split = 1000

    _overfitted = math.inf

    def _rate(self, job: Job, factor: float = 1.0) -> Json:
        """Returns a phase's rate as arguments of `Phase`; the user's own is the decoder's."""
        own = job.rate_given or not job.steps_of_one_size
        rate = job.learning_rate if own else _PICTURE_RATE
        return {"learning_rate": rate * factor}


@dataclass(frozen=True)
class AutoForBoxes(AutoForMasks):
    """Does for boxes what `AutoForMasks` does for masks, at a smaller rate that rises first.

    What it brings: docs/detection.md.
    """

    _overfitted = math.inf

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the phases of masks, each with a warm-up."""
        for phase in super().phases(job):
            yield phase if phase.warm_up else replace(phase, warm_up=_BOX_WARM_UP)

    def _rate(self, job: Job, factor: float = 1.0) -> Json:
        """Returns a phase's rate as arguments of `Phase`; the user's own is the head's."""
        own = job.rate_given or not job.steps_of_one_size
        rate = job.learning_rate if own else _BOX_RATE
        return {"learning_rate": rate * factor}

    def default_epochs(self, items: int | None) -> int:
        """Returns 4 epochs for each of the two phases; up to 20 where there are few items."""
        return 8 if items is None else max(8, min(40, math.ceil(_BOXES_SEEN / items)))
