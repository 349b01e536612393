"""Defines the base classes of schedules, and the job that a schedule plans."""

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from transferlearn.backbones import Block
from transferlearn.freezing import FreezeAll, FreezeNone, FreezeStrategy, low_rank_of
from transferlearn.json_fields import Json
from transferlearn.schedules.phase import Phase
from transferlearn.schedules.results import PhaseResult

_LOW_RANK_RATE = 1e-3  # ten times that of all weights; docs/language.md


@dataclass(frozen=True, kw_only=True)
class Job:
    """Holds what a schedule knows of the training that it plans.

    Attributes:
        blocks: The backbone's blocks.
        freeze: The builder's freezing strategy; `None` leaves the choice to the schedule.
        pretrained: Whether the backbone's weights are pretrained, not random.
        epochs: The number of epochs of the whole training, all phases together.
        learning_rate: The builder's rate at the start, or else the usual one for its kind of data.
        rate_given: Whether that rate was asked for, by the builder or in an optimizer object.
        steps_of_one_size: Whether the optimizer's steps are as large as its rate, however large the
            gradient is, as those of Adam are.
        items: How many items there are to train on; `None` where a stream does not tell.
        results: The results of the phases so far; each time when the schedule is asked for the next
            phase, the result of the last one has been added.
    """

    blocks: tuple[Block, ...]
    freeze: FreezeStrategy | None
    pretrained: bool
    epochs: int
    learning_rate: float
    rate_given: bool
    steps_of_one_size: bool
    items: int | None
    results: list[PhaseResult]

    @property
    def low_rank_rate(self) -> float | None:
        """The usual rate of low-rank updates, if there are some and no other rate was asked for."""
        has_updates = low_rank_of(self.freeze) is not None and self.steps_of_one_size
        return _LOW_RANK_RATE if has_updates and not self.rate_given else None


def default_freeze(freeze: FreezeStrategy | None, pretrained: bool) -> FreezeStrategy:
    """Returns `freeze`, or else freezes all of a pretrained backbone and nothing of another."""
    return freeze or (FreezeAll() if pretrained else FreezeNone())


class Schedule(abc.ABC):
    """Plans the phases of a training, one after the other.

    Phases are asked for one at a time: `job.results` holds what the earlier ones reached, so a
    schedule can plan the next phase accordingly.

    Attributes:
        augmentation: The preset of augmentation for builders that name none.
        views: How many augmented views of each image are made, once; 1: a new one is made in each
            epoch.
        least_to_split: How many items there must be so that some are held out, where the user does
            not say which.
        obeys_freeze: Whether a builder whose default it is takes it also where `freeze` is named;
            else that holds from the first epoch to the last.
    """

    augmentation: ClassVar[str] = "none"
    views: ClassVar[int] = 1
    least_to_split: ClassVar[int] = 0
    obeys_freeze: ClassVar[bool] = False

    @abc.abstractmethod
    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the phases of a job, one at a time."""

    def default_epochs(self, items: int | None) -> int:
        """Returns how many epochs a training on `items` items has, if `fit` was given no number."""
        return 10


@dataclass(frozen=True, kw_only=True)
class PacedSchedule(Schedule):
    """Plans phases whose gradient steps go at the pace that its fields set.

    The fields mean what they mean in `tl.Phase`.
    """

    warm_up: float = 0.0
    decay: Literal["constant", "cosine"] = "constant"
    layer_decay: float | Mapping[str, float] = 1.0
    weight_decay: float | None = None
    keep: Literal["last", "better", "best"] = "last"
    patience: int | None = None

    def __post_init__(self) -> None:
        self._phase(FreezeAll(), 1)  # a phase checks the fields, here before any training

    def _check_layer_decay(self, job: Job) -> None:
        """Refuses a `layer_decay` that names blocks which the backbone does not have."""
        names = [block.name for block in job.blocks]
        given = self.layer_decay if isinstance(self.layer_decay, Mapping) else {}
        if unknown := [name for name in given if name not in names]:
            raise ValueError(
                f"The backbone has the blocks {', '.join(names)}. "
                f"Received: layer_decay for {unknown}"
            )

    def _phase(self, freeze: FreezeStrategy, epochs: int, rate: float | None = None) -> Phase:
        """Makes a phase at the pace of this schedule's fields."""
        # Only the fields of this class: those of subclasses, such as `head_epochs`, are no phase's.
        pace: Json = {name: getattr(self, name) for name in PacedSchedule.__annotations__}
        return Phase(freeze=freeze, epochs=epochs, learning_rate=rate, **pace)
