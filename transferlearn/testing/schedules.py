"""Checks that a schedule ends, keeps to its epochs, and gives the same phases when asked again."""

from itertools import islice

from transferlearn.freezing import FreezeAll
from transferlearn.schedules import Job, Phase, PhaseResult, Schedule
from transferlearn.testing.requiring import (
    require,
    require_object,
    require_settings,
    small_backbone,
)

_MOST = 1000  # phases, after which a schedule counts as endless


def check_schedule(schedule: Schedule, *, epochs: int = 12) -> None:
    """Checks that a schedule ends, keeps to its epochs, and plans the same when asked again.

    Args:
        schedule: The schedule to check.
        epochs: The number of epochs of the whole training that it is asked to plan.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_schedule(UntilGood())
    """
    require_object(schedule, Schedule, "tl.Schedule")
    require_settings(schedule)
    for pretrained in (True, False):
        job = _job(epochs, pretrained=pretrained)
        planned = _all_phases(schedule, job)
        require(bool(planned), "The schedule gives no phase, so nothing would be trained.")
        asked = sum(phase.epochs for phase in planned if phase.fit == "gradient")
        require(
            asked <= epochs,
            f"The phases have {asked} epochs of gradient steps together, but the job has only "
            f"{epochs}: divide job.epochs among them.",
        )
        again = _all_phases(schedule, _job(epochs, pretrained=pretrained))
        require(
            again == planned,
            "Asked twice for the same job, the schedule gave different phases: keep no state "
            "in it.",
        )
    default = schedule.default_epochs(100), schedule.default_epochs(None)
    require(
        all(isinstance(count, int) and count > 0 for count in default),
        f"default_epochs gives a whole number above 0. Received: {default}",
    )


def _job(epochs: int, *, pretrained: bool) -> Job:
    """Makes a job with a small backbone and 100 items."""
    return Job(
        blocks=small_backbone().blocks,
        freeze=None,
        pretrained=pretrained,
        epochs=epochs,
        learning_rate=1e-3,
        rate_given=False,
        steps_of_one_size=True,
        items=100,
        results=[],
    )


def _all_phases(schedule: Schedule, job: Job) -> list[Phase]:
    """Collects all phases of a job, and hands in an invented result after each."""
    planned: list[Phase] = []
    phases = schedule.phases(job)
    require(
        iter(phases) is phases,
        "phases(job) must yield the phases one by one, since later ones may look at job.results.",
    )
    for phase in islice(phases, _MOST):
        require(isinstance(phase, Phase), f"A schedule yields tl.Phase. Received: {phase!r}")
        planned.append(phase)
        job.results.append(_result(phase, len(planned)))
    require(len(planned) < _MOST, f"The schedule does not end: it gave {_MOST} phases.")
    return planned


def _result(phase: Phase, number: int) -> PhaseResult:
    """Invents the result of a phase: the metrics improve from phase to phase."""
    solved = phase.fit == "solve" and isinstance(phase.freeze, FreezeAll)
    return PhaseResult(
        epochs=1 if solved else phase.epochs,  # a solved head counts as one epoch
        learning_rate=phase.learning_rate or 1e-3,
        frozen_layers=(),
        trainable_parameters=1,
        seconds=1.0,
        metrics=_Metrics(1 - 1 / (number + 1), loss=1 / number, val_loss=1 / number),
    )


class _Metrics(dict[str, float]):
    """Holds two losses, and gives the same score whatever the task calls it."""

    def __init__(self, score: float, **losses: float) -> None:
        super().__init__(losses)
        self.score = score

    def __missing__(self, name: str) -> float:
        return self.score
