"""Schedules by name."""

from transferlearn.schedules.auto import Auto
from transferlearn.schedules.base import Schedule
from transferlearn.schedules.plans import FineTune, GradualUnfreezing, OnePhase, Probe

SCHEDULES: dict[str, Schedule] = {
    "auto": Auto(),
    "one-phase": OnePhase(),
    "probe": Probe(),
    "fine-tune": FineTune(),
    "gradual": GradualUnfreezing(),
}


def as_schedule(schedule: Schedule | str | None, *, given: bool) -> Schedule:
    """Turns a name into a schedule.

    Args:
        schedule: `None`: `Auto`, or one phase where it is said what is frozen.
        given: Whether that is said.

    Raises:
        ValueError: There is no schedule of that name.
        TypeError: It is no schedule.
    """
    if schedule is None:
        return OnePhase() if given else Auto()
    if isinstance(schedule, str) and schedule not in SCHEDULES:
        raise ValueError(f"Expected one of {', '.join(SCHEDULES)}. Received: schedule={schedule!r}")
    found = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
    if not isinstance(found, Schedule):
        raise TypeError(f"Expected a Schedule object or a name. Received: schedule={schedule!r}")
    return found
