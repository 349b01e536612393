"""Looks from time to time at the newest predictions, and sets the gauges of drift."""

import logging
import time
from collections.abc import Sequence

from transferlearn.monitoring import watch
from transferlearn.monitoring.watching import LEAST
from transferlearn.serving.log import PredictionLog, read_log
from transferlearn.serving.metrics import Metrics
from transferlearn.serving.models import Served

_EVERY = 300.0  # seconds
_MOST = 500  # items
_RATE = 0.01  # false alarms a day
_log = logging.getLogger("transferlearn.serving")


class DriftGauges:
    """Sets gauges by the items of the last five minutes, at most 500.

    Args:
        log: The log of predictions; without one nothing is done.
        metrics: The counters.
    """

    def __init__(self, log: PredictionLog | None, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics
        self._last = time.time()

    def update(self, models: Sequence[Served]) -> None:
        """Looks at new items, if it is time."""
        now = time.time()
        if self._log is None or now - self._last < _EVERY:
            return
        since, self._last = self._last, now
        level = _RATE * _EVERY / 86400  # so that a day has as many false alarms as asked for
        for served in models:
            if served.reference is None:
                continue
            hash = served.runner.description.model_hash
            try:
                logged = read_log(
                    self._log.path, served.reference, since=since, most=_MOST, hash=hash
                )
                if len(logged.times) < LEAST:
                    continue
                found = watch(served.reference, logged.signals, false_alarms=level)
            except (ValueError, OSError, ImportError) as error:
                _log.info("not watched", extra={"model": served.name, "reason": str(error)})
                continue
            self._metrics.p_value.labels(served.name).set(found.p_value)
            self._metrics.alarm.labels(served.name).set(int(found.alarm))
