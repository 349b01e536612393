"""Schedules by name."""

from transferlearn.schedules.base import Schedule
from transferlearn.schedules.plans import FineTune, GradualUnfreezing, OnePhase, Probe

SCHEDULES: dict[str, Schedule] = {
    "one-phase": OnePhase(),
    "probe": Probe(),
    "fine-tune": FineTune(),
    "gradual": GradualUnfreezing(),
}


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
