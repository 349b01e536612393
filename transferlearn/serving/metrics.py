"""Counts what a server does, for Prometheus."""

from typing import Any

from transferlearn.extras import install_line


class Metrics:
    """Holds the counters of one server."""

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
        self.inside = prometheus.Gauge("requests_inside", "Requests computed or waiting.", **to)
        self.lost = prometheus.Gauge("log_rows_lost", "Predictions that were not logged.", **to)
        self.log_failing = prometheus.Gauge(
            "log_failing", "1 where predictions cannot be logged.", **to
        )
        self.confidence = prometheus.Histogram(
            "confidence",
            "How sure answers are.",
            ("model",),
            buckets=tuple(i / 10 for i in range(1, 11)),
            **to,
        )
        self.p_value = prometheus.Gauge(
            "drift_p_value", "The p-value of the newest items against training.", ("model",), **to
        )
        self.alarm = prometheus.Gauge("drift_alarm", "1 where items changed.", ("model",), **to)
        self._written = prometheus.generate_latest

    def text(self) -> bytes:
        """Gives all counters as Prometheus reads them."""
        return bytes(self._written(self._registry))
