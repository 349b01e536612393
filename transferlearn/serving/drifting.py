"""Looks from time to time at the newest predictions, and sets the gauges of drift."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from transferlearn.monitoring import Watch, watch
from transferlearn.monitoring.watching import LEAST
from transferlearn.serving.log import PredictionLog, read_log
from transferlearn.serving.metrics import Metrics
from transferlearn.serving.models import Served

_EVERY = 300.0  # seconds
_LONGEST = 3600.0  # seconds that a judgement stands while too few items come for another
_MOST = 500  # items
_RATE = 0.01  # false alarms a day
_log = logging.getLogger("transferlearn.serving")


@dataclass
class _Waiting:
    """Holds what is known of a model's items that were not judged yet.

    Attributes:
        since: The time from which on they came, in seconds since 1970.
        count: How many they were at the last look.
        judged: When items were judged last.
    """

    since: float
    count: int
    judged: float


class DriftGauges:
    """Sets gauges by the items since the last judgement, at most 500, once there are 20.

    An alarm ends when nothing has come since the last look, or when it is an hour old.

    Args:
        log: The log of predictions; without one nothing is done.
        metrics: The counters.
    """

    def __init__(self, log: PredictionLog | None, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics
        self._begun = self._last = time.time()
        self._waiting: dict[str, _Waiting] = {}

    def update(self, models: Sequence[Served]) -> None:
        """Looks at new items, if it is time."""
        now = time.time()
        if self._log is None or now - self._last < _EVERY:
            return
        self._last = now
        for served in models:
            if served.reference is None:
                continue
            hash = served.runner.description.model_hash
            before = self._waiting.setdefault(hash, _Waiting(self._begun, 0, self._begun))
            count, found = self._look(self._log, served, before.since)
            p_value, alarm = self._metrics.p_value, self._metrics.alarm
            if found is not None:
                p_value.labels(served.name).set(found.p_value)
                alarm.labels(served.name).set(int(found.alarm))
                self._waiting[hash] = _Waiting(now, 0, now)
                continue
            if count == before.count or now - before.judged >= _LONGEST:
                p_value.labels(served.name).set(math.nan)
                alarm.labels(served.name).set(0)
            before.count = count

    def _look(self, log: PredictionLog, served: Served, since: float) -> tuple[int, Watch | None]:
        """Counts the items since then, and judges them if they are enough."""
        level = _RATE * _EVERY / 86400  # so that a day has as many false alarms as asked for
        hash, reference = served.runner.description.model_hash, served.reference
        assert reference is not None
        count = 0
        try:
            logged = read_log(log.path, reference, since=since, most=_MOST, hash=hash)
            count = len(logged.times)
            if count >= LEAST:
                return count, watch(reference, logged.signals, false_alarms=level)
        except (ValueError, OSError, ImportError) as error:
            _log.info("not watched", extra={"model": served.name, "reason": str(error)})
        return count, None
