"""What a schedule is, and what it knows."""

import abc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from transferlearn.backbones import Block
from transferlearn.freezing import FreezeAll, FreezeNone, FreezeStrategy
from transferlearn.schedules.phase import Phase
from transferlearn.schedules.results import PhaseResult


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a schedule knows of the training that it plans.

    Attributes:
        blocks: The backbone's blocks.
        freeze: The builder's strategy; `None` where it leaves the choice to the schedule.
        pretrained: Whether the backbone's weights are trained.
        epochs: For the whole training.
        learning_rate: The builder's, or else what is usual for its kind of data, at the start.
        rate_given: Whether that rate was asked for, by the builder or in an optimizer object.
        items: Training images; `None` where a stream does not tell.
        results: Of the phases so far; it grows while the schedule is asked for the next phase.
    """

    blocks: tuple[Block, ...]
    freeze: FreezeStrategy | None
    pretrained: bool
    epochs: int
    learning_rate: float
    rate_given: bool
    items: int | None
    results: list[PhaseResult]


def default_freeze(freeze: FreezeStrategy | None, pretrained: bool) -> FreezeStrategy:
    """Gives `freeze`, or where there is none: all of a pretrained backbone, nothing of another."""
    return freeze or (FreezeAll() if pretrained else FreezeNone())


class Schedule(abc.ABC):
    """Plans the phases of a training, one after the other.

    Phases are asked for lazily: `job.results` holds what the earlier ones reached, so a schedule
    can go on from there.

    Attributes:
        augmentation: A preset for builders that name none.
        views: How many of it are made of each image; 1: new ones in each epoch.
    """

    augmentation: ClassVar[str] = "none"
    views: ClassVar[int] = 1

    @abc.abstractmethod
    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the phases."""

    def default_epochs(self, items: int | None) -> int:
        """Gives the epochs of a training that names none, for so many items to train on."""
        return 10


@dataclass(frozen=True, kw_only=True)
class PacedSchedule(Schedule):
    """A schedule whose gradient steps go at a pace that is set by its fields.

    They are those of `tl.Phase`.
    """

    warm_up: float = 0.0
    decay: Literal["constant", "cosine"] = "constant"
    layer_decay: float | Mapping[str, float] = 1.0
    weight_decay: float | None = None
    keep: Literal["last", "better", "best"] = "last"
    patience: int | None = None

    def __post_init__(self) -> None:
        self._phase(FreezeAll(), 1)  # checks the fields

    def _check(self, job: Job) -> None:
        """Raises `ValueError` where `layer_decay` names blocks that there are not."""
        names = [block.name for block in job.blocks]
        given = self.layer_decay if isinstance(self.layer_decay, Mapping) else {}
        if unknown := [name for name in given if name not in names]:
            raise ValueError(
                f"The backbone has the blocks {', '.join(names)}. "
                f"Received: layer_decay for {unknown}"
            )

    def _phase(self, freeze: FreezeStrategy, epochs: int, rate: float | None = None) -> Phase:
        pace: dict[str, Any] = {name: getattr(self, name) for name in PacedSchedule.__annotations__}
        return Phase(freeze=freeze, epochs=epochs, learning_rate=rate, **pace)
