"""Counts what a server does, for Prometheus."""

import os
from typing import Any

from transferlearn.extras import install_line
from transferlearn.json_fields import Json

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client keeps what several processes count


class Metrics:
    """Holds the counters of one server.

    Where `PROMETHEUS_MULTIPROC_DIR` names a folder, the counters of all its processes are added
    up. It has to be set before `prometheus_client` is imported.

    Reference: [Multiprocess mode](https://prometheus.github.io/client_python/multiprocess/).
    """

    def __init__(self) -> None:
        try:
            import prometheus_client as prometheus
        except ImportError as error:
            raise ImportError(f"A server needs more: {install_line('serve')}") from error
        self._registry = prometheus.CollectorRegistry()
        to: dict[str, Any] = {"registry": self._registry, "namespace": "transferlearn"}
        self.requests = prometheus.Counter(
            "requests", "Requests by route and status.", ("route", "status"), **to
        )
        self.seconds = prometheus.Histogram(
            "request_seconds",
            "Seconds of a request.",
            ("route",),
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            **to,
        )
        self.items = prometheus.Counter("items", "Items that were predicted.", ("model",), **to)
        self.tokens = prometheus.Counter(
            "tokens", "Tokens of prompts (read) and of texts (written).", ("model", "which"), **to
        )
        of_living: Json = {"multiprocess_mode": "livesum", **to}
        self.inside = prometheus.Gauge(
            "requests_inside", "Requests computed or waiting.", **of_living
        )
        self.lost = prometheus.Gauge(
            "log_rows_lost", "Predictions that were not logged.", multiprocess_mode="sum", **to
        )
        self.log_failing = prometheus.Gauge(
            "log_failing",
            "1 where predictions cannot be logged.",
            multiprocess_mode="livemax",
            **to,
        )
        self.confidence = prometheus.Histogram(
            "confidence",
            "How sure answers are.",
            ("model",),
            buckets=tuple(i / 10 for i in range(1, 11)),
            **to,
        )
        self.p_value = prometheus.Gauge(
            "drift_p_value",
            "The p-value of the newest items against training.",
            ("model",),
            **of_living,  # of the only process that watches
        )
        self.alarm = prometheus.Gauge(
            "drift_alarm", "1 where items changed.", ("model",), **of_living
        )
        self._prometheus = prometheus

    def text(self) -> bytes:
        """Returns all counters as Prometheus reads them."""
        registry = self._registry
        if FOLDER in os.environ:
            from prometheus_client.multiprocess import MultiProcessCollector

            registry = self._prometheus.CollectorRegistry()
            MultiProcessCollector(registry)
        return bytes(self._prometheus.generate_latest(registry))


def forget(process: int) -> None:
    """Lets go of the gauges of a process that died; what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(process)
