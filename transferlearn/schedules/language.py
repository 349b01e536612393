"""Defines the default recipes of models that write: those that go on with texts, and others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from transferlearn.freezing import FreezeFraction, FreezeNone, FreezeStrategy, FreezeUpTo
from transferlearn.schedules.base import Job, Schedule
from transferlearn.schedules.phase import Phase

_SEEN = 8000  # pairs of texts, in all epochs


@dataclass(frozen=True)
class AutoForLanguage(Schedule):
    """Trains the upper half of a language model, at a rate that rises first and falls to 0.

    The lower half stays frozen: what it gives is stored. Of 10 texts or more a tenth is held out;
    then the weights of the best epoch are kept. What the builder and `fit` name is obeyed:
    `freeze`, `learning_rate` and `epochs`. A network with random weights is trained whole.
    """

    augmentation = "none"
    least_to_split = 10
    obeys_freeze = True

    usual: ClassVar[FreezeStrategy] = FreezeFraction(0.5)
    _epochs: ClassVar[int] = 3

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields a single phase."""
        usual = self.usual if job.pretrained else FreezeNone()
        yield Phase(
            freeze=job.freeze or usual,
            epochs=job.epochs,
            learning_rate=job.low_rank_rate or job.learning_rate,
            warm_up=0.1,
            decay="cosine",
            weight_decay=0.01,
            keep="best",
        )

    def default_epochs(self, items: int | None) -> int:
        """Returns the epochs of the recipe."""
        return self._epochs


@dataclass(frozen=True)
class AutoForWriting(AutoForLanguage):
    """Trains the decoder on the frozen encoder, whose output is stored for each item.

    The rate rises first and falls to 0. Of 10 items or more a tenth is held out; then the weights
    of the best epoch are kept. What the builder and `fit` name is obeyed: `freeze`,
    `learning_rate` and `epochs`. A network with random weights is trained whole.
    """

    usual = FreezeUpTo("encoder")
    _epochs = 10


@dataclass(frozen=True)
class AutoForPairs(AutoForWriting):
    """Trains as `AutoForWriting` does, with more epochs where there are few pairs of texts."""

    def default_epochs(self, items: int | None) -> int:
        """Returns 10 epochs; up to 40 for fewer than 800 items."""
        return self._epochs if items is None else max(self._epochs, min(40, -(-_SEEN // items)))
