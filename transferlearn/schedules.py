"""What is frozen when, for how long, and at which learning rate."""

import abc
import math
import numbers
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from transferlearn.backbones import Block
from transferlearn.freezing import FreezeAll, FreezeNone, FreezeStrategy


def check_learning_rate(rate: Any) -> None:
    """Refuses what is no number above 0; `None` leaves the rate to others."""
    is_number = isinstance(rate, numbers.Real) and not isinstance(rate, bool)
    if rate is not None and not (is_number and 0 < rate < math.inf):
        raise ValueError(
            "learning_rate is a number above 0 (a rate that changes goes into the optimizer, such "
            f"as keras.optimizers.Adam(rates)). Received: learning_rate={rate!r}"
        )


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A span of training with one freezing, one optimizer and one rate.

    Attributes:
        freeze: Which layers of the backbone are frozen.
        epochs: For how many epochs.
        learning_rate: `None`: the builder's, or else the optimizer's own.
        fit: `"gradient"` steps, or `"solve"`: a head whose only weights are one Dense layer's is
            solved, in one pass, where the backbone is frozen whole and the loss is cross-entropy;
            another one takes gradient steps for `epochs` epochs.
        warm_up: Share of the steps, in [0, 1), in which the rate rises in a straight line.
        decay: `"constant"`, or `"cosine"`: from there on the rate falls to 0 along half a wave.
    """

    freeze: FreezeStrategy
    epochs: int
    learning_rate: float | None = None
    fit: Literal["gradient", "solve"] = "gradient"
    warm_up: float = 0.0
    decay: Literal["constant", "cosine"] = "constant"

    def __post_init__(self) -> None:
        if not isinstance(self.freeze, FreezeStrategy):
            raise TypeError(
                "A phase's freeze is a strategy, such as tl.freezing.FreezeAll(). "
                f"Received: freeze={self.freeze!r}"
            )
        check_learning_rate(self.learning_rate)
        if self.decay not in ("constant", "cosine"):
            raise ValueError(f"decay is 'constant' or 'cosine'. Received: decay={self.decay!r}")
        if not 0 <= self.warm_up < 1:
            raise ValueError(f"warm_up is a share in [0, 1). Received: warm_up={self.warm_up!r}")
        if self.fit not in ("gradient", "solve"):
            raise ValueError(f"fit is 'gradient' or 'solve'. Received: fit={self.fit!r}")
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, int) or self.epochs < 1:
            raise ValueError(f"Expected at least 1 epoch, whole. Received: epochs={self.epochs!r}")


@dataclass(frozen=True, kw_only=True)
class PhaseResult:
    """What a phase did.

    Attributes:
        epochs: Epochs that were run (fewer than asked for where a callback stopped it).
        learning_rate: At its start, or at its highest with a warm-up.
        frozen_layers: Names of the backbone's layers that were frozen.
        trainable_parameters: How many parameters were trained, the head's included.
        seconds: How long it took.
        metrics: The last epoch's.
        cache: What was computed once and stored for it, or why nothing was.
        head: How the head was solved, or why it was not; empty where that was not asked for.
    """

    epochs: int
    learning_rate: float
    frozen_layers: tuple[str, ...] = field(repr=False)
    trainable_parameters: int
    seconds: float
    metrics: dict[str, float]
    cache: str = ""
    head: str = ""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a schedule knows of the training that it plans.

    Attributes:
        blocks: The backbone's blocks.
        freeze: The builder's strategy; `None` where it leaves the choice to the schedule.
        pretrained: Whether the backbone's weights are trained.
        epochs: For the whole training.
        learning_rate: The builder's, or else the optimizer's own, at the start.
        items: Training images; `None` where a stream does not tell.
        results: Of the phases so far; it grows while the schedule is asked for the next phase.
    """

    blocks: tuple[Block, ...]
    freeze: FreezeStrategy | None
    pretrained: bool
    epochs: int
    learning_rate: float
    items: int | None
    results: list[PhaseResult]


def default_freeze(freeze: FreezeStrategy | None, pretrained: bool) -> FreezeStrategy:
    """Gives `freeze`, or where there is none: all of a pretrained backbone, nothing of another."""
    return freeze or (FreezeAll() if pretrained else FreezeNone())


class Schedule(abc.ABC):
    """Plans the phases of a training, one after the other.

    Phases are asked for lazily: `job.results` holds what the earlier ones reached, so a schedule
    can go on from there.
    """

    @abc.abstractmethod
    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the phases."""


@dataclass(frozen=True)
class OnePhase(Schedule):
    """All epochs with the same freezing: the classic job."""

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields one phase; without a `freeze`, a pretrained backbone is frozen whole."""
        yield Phase(freeze=default_freeze(job.freeze, job.pretrained), epochs=job.epochs)


@dataclass(frozen=True, kw_only=True)
class FineTune(Schedule):
    """First the head on the frozen backbone, then its free layers too, at a smaller rate.

    When to use it: where the frozen backbone is not good enough, and there are some hundred images
    a class or more. The builder's `freeze` says what stays frozen in the second phase; without one
    the whole backbone is trained.

    Args:
        head_epochs: Epochs of the first phase; by default half of all, rounded down, at least 1.
        rate_factor: The second phase's rate over the first's; 0.01 is the Keras guide's choice
            (1e-3, then 1e-5).

    Reference: [Transfer learning and fine-tuning](https://keras.io/guides/transfer_learning/).

    Example:
        builder = tl.ImageClassifierBuilder("ResNet50", freeze=tl.freezing.TrainLastBlocks(1))
        fitted = builder.fit("photos", epochs=10, schedule=tl.FineTune(rate_factor=0.1))
    """

    head_epochs: int | None = None
    rate_factor: float = 0.01

    def __post_init__(self) -> None:
        if not self.rate_factor > 0:
            raise ValueError(f"rate_factor must be above 0. Received: {self.rate_factor!r}")

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the two phases; raises `ValueError` where the second would train nothing more."""
        if isinstance(job.freeze, FreezeAll):
            raise ValueError(
                "freeze='all' leaves nothing to fine-tune. Take a freeze that leaves some layers "
                "free, such as tl.freezing.TrainLastBlocks(1), or no schedule."
            )
        head_epochs = max(1, job.epochs // 2) if self.head_epochs is None else self.head_epochs
        if not 1 <= head_epochs < job.epochs:
            raise ValueError(
                f"Fine-tuning needs at least one epoch for each of its two phases. Received: "
                f"epochs={job.epochs}, head_epochs={head_epochs}."
            )
        # Both are made, and so checked, before the first is trained.
        yield from (
            Phase(freeze=FreezeAll(), epochs=head_epochs),
            Phase(
                freeze=job.freeze or FreezeNone(),
                epochs=job.epochs - head_epochs,
                learning_rate=job.learning_rate * self.rate_factor,
            ),
        )


@dataclass(frozen=True)
class Probe(Schedule):
    """The head alone, solved exactly on the frozen backbone: L2-regularised logistic regression.

    When to use it: to know quickly how far a backbone goes, and where there are few images. It
    takes one pass over the images and no rate, batch size or number of epochs; the strength of the
    regularisation is found by cross-validation on the training images. Live augmentation is left
    out; of `views`, one of each image is used. A head with other layers with weights than one Dense
    takes gradient steps, and that is said.

    Example:
        fitted = tl.ImageClassifierBuilder("EfficientNetLite0").fit("photos", schedule="probe")
    """

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields one phase; raises `ValueError` where the builder's `freeze` frees layers."""
        if job.freeze is not None and not isinstance(job.freeze, FreezeAll):
            raise ValueError(
                f"A probe trains the head alone, with the backbone frozen whole. Leave freeze out, "
                f"or take another schedule. Received: freeze={job.freeze!r}"
            )
        yield Phase(freeze=FreezeAll(), epochs=job.epochs, fit="solve")


SCHEDULES = {"one-phase": OnePhase(), "fine-tune": FineTune(), "probe": Probe()}


def as_schedule(schedule: Schedule | str | None) -> Schedule:
    """Turns a name into a schedule; `None` is one phase.

    Raises:
        ValueError: There is no schedule of that name.
        TypeError: It is no schedule.
    """
    if schedule is None:
        return OnePhase()
    if isinstance(schedule, str) and schedule not in SCHEDULES:
        raise ValueError(f"Expected one of {', '.join(SCHEDULES)}. Received: schedule={schedule!r}")
    found = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
    if not isinstance(found, Schedule):
        raise TypeError(f"Expected a Schedule object or a name. Received: schedule={schedule!r}")
    return found
