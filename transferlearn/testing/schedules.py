"""Checks that a schedule does what it must."""

from dataclasses import replace
from itertools import islice

from transferlearn.freezing import FreezeAll
from transferlearn.schedules import Job, Phase, PhaseResult, Schedule
from transferlearn.testing.requiring import require, require_settings, small_backbone

_MOST = 1000  # phases, after which a schedule counts as endless


def check_schedule(schedule: Schedule, *, epochs: int = 12) -> None:
    """Checks a schedule: that it ends, keeps to its epochs, and plans the same again.

    Args:
        schedule: The schedule to check.
        epochs: The number of epochs of the whole training that it is asked to plan.

    Raises:
        AssertionError: Something is wrong; the message says what, and what was expected.

    Example:
        tl.testing.check_schedule(UntilGood())
    """
    require(
        isinstance(schedule, Schedule),
        f"A schedule is a subclass of tl.Schedule. Received: {schedule!r}",
    )
    require_settings(schedule)
    for pretrained in (True, False):
        job = _job(epochs, pretrained=pretrained)
        planned = _follow(schedule, job)
        require(bool(planned), "The schedule gives no phase, so nothing would be trained.")
        asked = sum(phase.epochs for phase in planned if phase.fit == "gradient")
        require(
            asked <= epochs,
            f"The phases have {asked} epochs of gradient steps in all, and the job {epochs}: "
            "divide job.epochs among them.",
        )
        again = _follow(schedule, _job(epochs, pretrained=pretrained))
        require(
            again == planned,
            "Asked twice for the same job, the schedule plans otherwise: keep no state in it.",
        )
    default = schedule.default_epochs(100), schedule.default_epochs(None)
    require(
        all(isinstance(count, int) and count > 0 for count in default),
        f"default_epochs gives a whole number above 0. Received: {default}",
    )


def _job(epochs: int, *, pretrained: bool) -> Job:
    return Job(
        blocks=small_backbone().blocks,
        freeze=None,
        pretrained=pretrained,
        epochs=epochs,
        learning_rate=1e-3,
        rate_given=False,
        items=100,
        results=[],
    )


def _follow(schedule: Schedule, job: Job) -> list[Phase]:
    """Asks for all phases as a training does: the result of each is known before the next."""
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
    solved = phase.fit == "solve" and isinstance(phase.freeze, FreezeAll)
    result = PhaseResult(
        epochs=1 if solved else phase.epochs,  # a solved head counts as one epoch
        learning_rate=phase.learning_rate or 1e-3,
        frozen_layers=(),
        trainable_parameters=1,
        seconds=1.0,
        metrics={"loss": 1 / number, "val_loss": 1 / number, "val_accuracy": 1 - 1 / (number + 1)},
    )
    return replace(result, kept_epoch=None)
