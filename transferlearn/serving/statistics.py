"""Counts what was computed for each version of a model, in the words of Triton's extension."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from transferlearn.json_fields import Json
from transferlearn.serving.models import Served

_NONE = ("queue", "compute_input", "compute_output", "cache_hit", "cache_miss")  # not measured


@dataclass
class _Counts:
    """Holds the counts of one version."""

    items: int = 0
    last: int = 0  # milliseconds since 1970
    success: list[int] = field(default_factory=lambda: [0, 0])  # requests, nanoseconds
    fail: list[int] = field(default_factory=lambda: [0, 0])


class Statistics:
    """Counts requests, items and time by model and version, since this process began.

    Reference: [Statistics extension](https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_statistics.md).
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], _Counts] = {}
        self._lock = threading.Lock()

    @contextmanager
    def counted(self, served: Served, items: int) -> Iterator[None]:
        """Counts the block as one request of some items."""
        begun, good = time.perf_counter_ns(), False
        try:
            yield
            good = True
        finally:
            with self._lock:
                counts = self._counts.setdefault((served.name, served.version), _Counts())
                counts.last = int(1e3 * time.time())
                counts.items += items if good else 0
                outcome = counts.success if good else counts.fail
                outcome[0] += 1
                outcome[1] += time.perf_counter_ns() - begun

    def of(self, name: str, version: str) -> Json:
        """Returns the counts of a version; all time of a request is that of computing."""
        with self._lock:
            counts = self._counts.get((name, version), _Counts())
            success, fail = (
                {"count": count, "ns": taken} for count, taken in (counts.success, counts.fail)
            )
        return {
            "name": name,
            "version": version,
            "last_inference": counts.last,
            "inference_count": counts.items,
            "execution_count": success["count"],
            "inference_stats": {
                "success": success,
                "fail": fail,
                "compute_infer": success,
                **{what: {"count": 0, "ns": 0} for what in _NONE},
            },
            "batch_stats": [],
        }
