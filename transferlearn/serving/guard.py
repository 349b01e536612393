"""Stands before all routes: keys, sizes, request ids, time, and a line of log for each request."""

import asyncio
import hmac
import json
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from transferlearn.serving.errors import RequestRefusedError, body_of
from transferlearn.serving.log import PredictionLog
from transferlearn.serving.metrics import Metrics
from transferlearn.serving.numbers import whole_number
from transferlearn.serving.settings import Settings
from transferlearn.serving.tracing import Tracing, end

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

REQUEST_ID = "x-request-id"
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OPEN = ("/", "/ping", "/v2/health/live", "/v2/health/ready")  # without a key
_READY = re.compile(
    r"/v2/models/[^/]+(/versions/[^/]+)?/ready|/v1/models/[^/:]+"
)  # nor does a probe have one
_log = logging.getLogger("transferlearn.serving")


class Guard:
    """Wraps an ASGI application.

    Args:
        app: The application.
        settings: The limits.
        metrics: The counters.
        log: The log of predictions, or `None`.
        open_routes: Further routes that need no key, such as a health route of the platform.
    """

    def __init__(
        self,
        app: Callable[[Message, Receive, Send], Awaitable[None]],
        settings: Settings,
        metrics: Metrics,
        log: PredictionLog | None,
        open_routes: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._log = log
        self._settings = settings
        self._metrics = metrics
        self._bodies = Bodies(settings.largest_requests)
        self._tracing = Tracing()
        self._open = (*_OPEN, *open_routes)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        request_id = await self._id(headers.get(REQUEST_ID, ""), scope["method"])
        scope.setdefault("state", {})["request_id"] = request_id
        facts = {"request_id": request_id, "method": scope["method"], "path": scope["path"][:200]}
        started, status = time.perf_counter(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                pairs = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                message = {**message, "headers": pairs}
            await send(message)

        with self._tracing.span(headers, **facts) as span:
            await self._answer(scope, receive, answer, headers)
            route = getattr(scope.get("route"), "path", "other")
            end(span, scope["method"], route, status)
        seconds = time.perf_counter() - started
        self._metrics.requests.labels(route, str(status)).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        milliseconds = round(1e3 * seconds, 2)
        _log.info("request", extra={**facts, "status": status, "milliseconds": milliseconds})

    async def _id(self, given: str, method: str) -> str:
        """Returns the id that a client chose, if the log holds no other request of this id."""
        if _ID.fullmatch(given) and (
            self._log is None
            or method != "POST"  # nothing is logged of it
            or await asyncio.to_thread(self._log.takes, given)
        ):
            return given
        return uuid.uuid4().hex

    async def _answer(
        self, scope: Message, receive: Receive, answer: Send, headers: dict[str, str]
    ) -> None:
        """Lets the application answer, or refuses the request."""
        try:
            self._check_key(scope["path"], headers)
            if (coding := headers.get("content-encoding", "identity")) != "identity":
                raise RequestRefusedError(
                    415, f"Content-Encoding {coding!r:.40} is not read: send the body as it is."
                )
            with self._bodies.counted() as count:
                body = await self._body(receive, headers, count)
                await self._app(scope, _again(body, receive), answer)
        except RequestRefusedError as refusal:
            await refuse(answer, refusal, scope["path"])
        except Exception:  # the application has answered already, and says here what failed
            _log.exception("failed", extra={"request_id": scope["state"]["request_id"]})

    def _check_key(self, path: str, headers: dict[str, str]) -> None:
        """Refuses a request without the key."""
        key = self._settings.api_key
        if key is None or path in self._open or _READY.fullmatch(path):
            return
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), key.encode()):
            raise RequestRefusedError(
                401, "The API key is missing or wrong.", {"WWW-Authenticate": "Bearer"}
            )

    async def _body(
        self, receive: Receive, headers: dict[str, str], count: Callable[[int], None]
    ) -> bytes:
        """Reads the body, up to the limit and in time."""
        most = self._settings.largest_request
        said = whole_number(headers.get("content-length", ""))
        too_large = RequestRefusedError(413, f"A request may have {most:,} bytes.")
        if said is not None and said > most:
            raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._settings.timeout):
                while (message := await receive())["type"] != "http.disconnect":
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise too_large
                    count(len(parts[-1]))
                    if not message.get("more_body"):
                        break
        except TimeoutError as error:
            raise RequestRefusedError(408, "The request did not arrive in time.") from error
        return b"".join(parts)


class Bodies:
    """Counts the bytes of all bodies that are held at the same time.

    Args:
        most: How many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    @contextmanager
    def counted(self) -> Iterator[Callable[[int], None]]:
        """Yields what counts further bytes of a body; they are free again after the block.

        Raises:
            RequestRefusedError: There are too many (503).
        """
        taken = 0

        def count(size: int) -> None:
            nonlocal taken
            if self._held + size > self._most:
                raise RequestRefusedError(
                    503, "The server holds too much: try again in a second.", {"Retry-After": "1"}
                )
            self._held += size
            taken += size

        try:
            yield count
        finally:
            self._held -= taken


async def refuse(send: Send, refusal: RequestRefusedError, path: str) -> None:
    """Answers a request for a path with a status and one sentence."""
    body = json.dumps(body_of(refusal, path)).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **refusal.headers,
    }
    pairs = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def _again(body: bytes, receive: Receive) -> Receive:
    """Returns a body that was read already once more, and then what comes behind it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


class JsonLines(logging.Formatter):
    """Writes each record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Writes a record."""
        plain = vars(logging.makeLogRecord({}))
        fields = {k: v for k, v in vars(record).items() if k not in plain and k != "message"}
        line = {
            "time": round(record.created, 3),
            "level": record.levelname,
            "event": record.getMessage(),
            **fields,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
