"""Finds schedules by name."""

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
