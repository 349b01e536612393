"""Defines schedules whose phases are known beforehand, and finds schedules by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from transferlearn.checks import number, whole
from transferlearn.freezing import FreezeAll, FreezeNone, FreezeStrategy, TrainLastBlocks
from transferlearn.schedules.auto import Auto
from transferlearn.schedules.base import Job, PacedSchedule, Schedule, default_freeze
from transferlearn.schedules.phase import Phase


@dataclass(frozen=True, kw_only=True)
class OnePhase(PacedSchedule):
    """Trains all epochs with the same freezing: the classic job.

    Example:
        schedule = tl.OnePhase(keep="best", patience=3)
    """

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields one phase; without a `freeze`, a pretrained backbone is frozen whole."""
        self._check_layer_decay(job)
        yield self._phase(default_freeze(job.freeze, job.pretrained), job.epochs)


@dataclass(frozen=True)
class Probe(Schedule):
    """Solves the head alone, exactly, on the frozen backbone.

    For classes this is L2-regularised logistic regression, for numbers ridge regression.

    When to use it: to know quickly how far a backbone goes, and where there are few images. It
    takes one pass over the images and no rate, batch size or number of epochs; the strength of the
    regularisation is found by cross-validation on the training images. Augmentation is left out. A
    head that has more layers with weights than one Dense takes gradient steps, and a message says
    so.

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


@dataclass(frozen=True, kw_only=True)
class FineTune(PacedSchedule):
    """Trains the head on the frozen backbone, then the free layers too, at a smaller rate.

    When to use it: where the frozen backbone is not good enough, and there are some hundred images
    a class or more. The builder's `freeze` says what stays frozen in the second phase; without one
    the whole backbone is trained.

    Args:
        head_epochs: The epochs of gradient steps for the head. By default the head is solved in one
            pass, as in `Probe`; a head that cannot be solved gets half of all epochs, rounded down.
        rate_factor: The second phase's rate divided by the builder's.
        warm_up, decay, layer_decay, weight_decay, keep, patience: The pace of the second phase, as
            in `tl.Phase`.

    Reference: [Fine-tuning can distort pretrained features](https://arxiv.org/abs/2202.10054)
    (LP-FT); with `head_epochs=5, rate_factor=0.01, warm_up=0, decay="constant"` it is the recipe of
    the [Keras guide](https://keras.io/guides/transfer_learning/).

    Example:
        builder = tl.ImageClassifierBuilder("ResNet50", freeze=tl.freezing.TrainLastBlocks(1))
        fitted = builder.fit("photos", epochs=10, schedule=tl.FineTune(rate_factor=0.1))
    """

    head_epochs: int | None = None
    rate_factor: float = 0.3
    warm_up: float = 0.2
    decay: Literal["constant", "cosine"] = "cosine"
    layer_decay: float | Mapping[str, float] = 1.0
    weight_decay: float | None = 0.01
    keep: Literal["last", "better", "best"] = "better"

    def __post_init__(self) -> None:
        super().__post_init__()
        number("rate_factor", self.rate_factor, above=0)

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the two phases, or raises `ValueError` if the second has no layer or no epoch."""
        self._check_layer_decay(job)
        yield _head_phase(job, self.head_epochs)
        rest = job.epochs - job.results[-1].epochs
        rate = job.learning_rate * self.rate_factor
        yield self._phase(job.freeze or FreezeNone(), rest, rate)


@dataclass(frozen=True, kw_only=True)
class GradualUnfreezing(PacedSchedule):
    """Trains the head first, then one more block in each phase, beginning with the last.

    When to use it: where fine-tuning all at once forgets too much. Blocks that come later get
    fewer epochs, and blocks nearer to the image smaller rates.

    Args:
        blocks: How many of the last blocks are trained in the end; by default a third, rounded
            up. What the builder's `freeze` freezes stays so.
        head_epochs: The epochs of gradient steps for the head, as in `FineTune`.
        rate_factor: The rate of each phase after the first, divided by the builder's.
        warm_up, decay, layer_decay, weight_decay, keep, patience: The pace of each phase after the
            first, as in `tl.Phase`.

    Reference: [ULMFiT](https://arxiv.org/abs/1801.06146).
    """

    blocks: int | None = None
    head_epochs: int | None = None
    rate_factor: float = 0.3
    warm_up: float = 0.2
    decay: Literal["constant", "cosine"] = "cosine"
    layer_decay: float | Mapping[str, float] = 1 / 2.6  # ULMFiT's factor
    weight_decay: float | None = 0.01
    keep: Literal["last", "better", "best"] = "better"

    def __post_init__(self) -> None:
        super().__post_init__()
        number("rate_factor", self.rate_factor, above=0)
        if self.blocks is not None:
            whole("blocks", self.blocks, least=0)

    def phases(self, job: Job) -> Iterator[Phase]:
        """Yields the head's phase, and one for each further block that shares the epochs left."""
        self._check_layer_decay(job)
        count = -(-len(job.blocks) // 3) if self.blocks is None else self.blocks
        if count > len(job.blocks):
            raise ValueError(
                f"The backbone has {len(job.blocks)} blocks. Received: blocks={self.blocks}"
            )
        yield _head_phase(job, self.head_epochs)
        left = job.epochs - job.results[-1].epochs
        for blocks in range(1, count + 1):
            # Rounded up, so that earlier phases get what does not divide evenly.
            epochs = -(-left // (count + 1 - blocks))
            if epochs:  # 0 where there are more blocks than epochs
                last: FreezeStrategy = TrainLastBlocks(blocks)
                freeze = last | job.freeze if job.freeze else last
                yield self._phase(freeze, epochs, job.learning_rate * self.rate_factor)
            left -= epochs


def _head_phase(job: Job, epochs: int | None) -> Phase:
    """Returns the head's phase; raises `ValueError` if no layer or epoch is left for later ones."""
    if isinstance(job.freeze, FreezeAll):
        raise ValueError(
            "freeze='all' leaves nothing to fine-tune. Take a freeze that leaves some layers "
            "free, such as tl.freezing.TrainLastBlocks(1), or no schedule."
        )
    head_epochs = max(1, job.epochs // 2) if epochs is None else epochs
    if not 1 <= head_epochs < job.epochs:
        raise ValueError(
            f"Fine-tuning needs at least one epoch for each of its two phases. Received: "
            f"epochs={job.epochs}, head_epochs={head_epochs}."
        )
    fit: Literal["gradient", "solve"] = "solve" if epochs is None else "gradient"
    return Phase(freeze=FreezeAll(), epochs=head_epochs, fit=fit)


SCHEDULES: dict[str, Schedule] = {
    "auto": Auto(),
    "one-phase": OnePhase(),
    "probe": Probe(),
    "fine-tune": FineTune(),
    "gradual": GradualUnfreezing(),
}


def as_schedule(schedule: Schedule | str) -> Schedule:
    """Returns the schedule of a name; a schedule object is given back as it is.

    Raises:
        ValueError: There is no schedule of that name.
        TypeError: `schedule` is neither a name nor a schedule.
    """
    if isinstance(schedule, str) and schedule not in SCHEDULES:
        raise ValueError(f"Expected one of {', '.join(SCHEDULES)}. Received: schedule={schedule!r}")
    found = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
    if not isinstance(found, Schedule):
        raise TypeError(f"Expected a Schedule object or a name. Received: schedule={schedule!r}")
    return found
