"""Makes a span of OpenTelemetry for each request, where that is installed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Tracing:
    """Makes a span for each request; it does nothing where `opentelemetry` is not installed.

    Spans go where the process says, such as where `opentelemetry-instrument` sends them. They
    belong to the trace that a client names in `traceparent`.
    """

    def __init__(self) -> None:
        self._trace: Any = None
        try:
            from opentelemetry import propagate, trace
        except ImportError:
            return
        self._extract: Any = propagate.extract
        self._trace = trace

    @contextmanager
    def span(
        self, headers: Mapping[str, str], *, method: str, path: str, request_id: str
    ) -> Iterator[Any]:
        """Makes a span around a block, and gives it; `None`: there is none."""
        if self._trace is None:
            yield None
            return
        # Asked for each time: a provider may be set after the server was made.
        tracer = self._trace.get_tracer("transferlearn.serving")
        with tracer.start_as_current_span(
            f"{method} other",
            context=self._extract(headers),
            kind=self._trace.SpanKind.SERVER,
            attributes={
                "http.request.method": method,
                "url.path": path,
                "transferlearn.request_id": request_id,
            },
        ) as made:
            yield made


def end(span: Any, method: str, route: str, status: int) -> None:
    """Tells a span, if there is one, what came of its request."""
    if span is None:
        return
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.route": route, "http.response.status_code": status})
    if status >= 500:
        from opentelemetry.trace import StatusCode

        span.set_status(StatusCode.ERROR)
