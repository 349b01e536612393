"""Counts the steps of long work, and computes from their times how long the rest takes."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass
class Stage:
    """Holds one stage of work, such as the epochs of a phase, and how many of its steps are done.

    Attributes:
        words: What is done in this stage.
        steps: The number of its steps; `None`: it is not known.
        unit: What a step is, such as `"image"`, if the steps are shown as a count; else empty.
        cost: What a step costs, in the unit of `Work.expect`; 0: it says nothing of other stages.
        done: How many steps are done.
        logs: The figures that are known by now, such as the loss.
    """

    words: str
    steps: float | None = None
    unit: str = ""
    cost: float = 0.0
    done: float = 0.0
    logs: Mapping[str, float] = field(default_factory=dict)
    _begun: float = field(default_factory=time.monotonic)
    _last: float = 0.0  # when the last step ended
    _warm: tuple[float, float] | None = None  # when the first step ended, and how many it was

    def reach(self, done: float) -> None:
        """Notes that so many steps are done."""
        if done <= self.done:
            return
        self._last = time.monotonic()
        if self._warm is None:
            self._warm = self._last, done
        self.done = done

    def advance(self, steps: float = 1.0) -> None:
        """Notes that so many more steps are done."""
        self.reach(self.done + steps)

    def timed(self) -> tuple[float, float]:
        """Returns the seconds and the number of steps after the first, which compiles the graph."""
        if self._warm is None:
            return 0.0, 0.0
        begun, first = self._warm
        return self._last - begun, self.done - first

    def seconds_left(self, speed: float | None) -> float | None:
        """Estimates the seconds of the other steps; `None` if no time of a step is known.

        Args:
            speed: Seconds for a cost of 1, as other stages took them; or `None`.
        """
        if self.steps is None:
            return 0.0
        seconds, steps = self.timed()
        each = seconds / steps if steps else (speed or 0.0) * self.cost
        if not each and self.done < self.steps:
            return None
        since = time.monotonic() - (self._last or self._begun)
        rest = max(0.0, self.steps - self.done) * each
        return max(0.0, rest - min(since, each))

    def words_now(self) -> str:
        """Writes what is done in this stage, with the count of its steps if they have a unit."""
        if not self.unit or self.steps is None:
            return self.words
        ending = "" if self.steps == 1 else "s"
        return f"{self.words}, {self.done:,.0f} of {self.steps:,.0f} {self.unit}{ending}"


class Work:
    """Holds the stages of long work, and estimates how much of it is left.

    Attributes:
        part: The part of the work that the stages belong to, such as `"Phase 1 of 2"`.
        stage: The stage that runs, or `None`.
        latest: The last result in words, such as an epoch's figures, if no line has said it yet.
        shows: Whether somebody sees the work.
        shows_each: Whether each result is a line of its own; else a log shows it with the next.
        limit: Returns the seconds after which the work is cut short; `None`: it is never.
    """

    def __init__(self) -> None:
        self.part = ""
        self.stage: Stage | None = None
        self.latest = ""
        self.shows = self.shows_each = False
        self.limit: Callable[[], float] | None = None
        self._begun = time.monotonic()
        self._ahead: float | None = None  # the cost of what comes after the stage that runs
        self._seconds = self._cost = 0.0  # of the timed steps of stages that have ended
        self._share = 0.0

    def expect(self, cost: float | None) -> None:
        """Sets what all stages cost that have not begun; `None`: it is not known."""
        self._ahead = cost

    def begin(self, stage: Stage) -> None:
        """Begins a stage, which is a part of what was expected."""
        if self._ahead is not None and stage.steps is not None:
            self._ahead = max(0.0, self._ahead - stage.steps * stage.cost)
        self.stage = stage

    def end(self, stage: Stage, before: Stage | None) -> None:
        """Ends a stage, and goes on with the one before it, if there was one."""
        if self._ahead is not None:  # else nobody has said in which unit costs are counted
            self._seconds, self._cost = self._timed(stage)
        self.stage = before

    def result(self, line: str) -> None:
        """Shows a result, such as the figures of an epoch."""
        self.latest = line
        if self.shows_each:
            self.show_latest()

    def show_latest(self) -> None:
        """Prints the last result, if no line has said it yet."""
        line, self.latest = self.latest, ""
        if line and self.shows:
            print(line, flush=True)

    def seconds_left(self) -> float | None:
        """Estimates how many seconds the work still takes; `None` if that is not known yet."""
        stage = self.stage
        if stage is None or self._ahead is None or (stage.steps is None and not self._ahead):
            return None
        seconds, cost = self._timed(stage)
        speed = seconds / cost if cost else None
        own = stage.seconds_left(speed)
        if own is None or (self._ahead and speed is None):
            return None
        until = self.limit() if self.limit else math.inf
        if until <= 0:  # this stage is one that has to end
            return own
        return min(until, own + self._ahead * (speed or 0.0))

    def _timed(self, stage: Stage) -> tuple[float, float]:
        """Returns the seconds and the cost of all timed steps, with those of a stage."""
        seconds, steps = stage.timed()
        known = self._seconds + (seconds if stage.cost else 0.0)
        return known, self._cost + steps * stage.cost

    def seconds(self) -> float:
        """Returns how many seconds the work has taken."""
        return time.monotonic() - self._begun

    def share(self, left: float) -> float:
        """Returns the share of the time that has passed, if `left` seconds are left; it grows."""
        passed = self.seconds()
        self._share = max(self._share, passed / (passed + left) if passed + left else 0.0)
        return self._share


def figures(logs: Mapping[str, float]) -> str:
    """Writes the figures of an epoch, as Keras gives them to callbacks, in one line."""
    found = [(name, value) for name, value in logs.items() if getattr(value, "ndim", 0) == 0]
    return ", ".join(f"{name} {_written(float(value))}" for name, value in found)


def _written(value: float) -> str:
    return f"{value:.4f}" if not value or abs(value) > 1e-3 else f"{value:.3g}"
