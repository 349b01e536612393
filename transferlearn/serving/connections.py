"""Limits what connections may keep waiting: how long for headers, how large they are, how many."""

from asyncio import TimerHandle, Transport
from collections import deque
from typing import Any

from transferlearn.serving.settings import Settings

KEEP_ALIVE = 20  # seconds that an idle connection is kept for a next request
_PIPELINED = 32  # requests that a connection may send before the first of them is answered


def limited_protocol(settings: Settings) -> type[Any]:
    """Makes uvicorn's HTTP protocol with limits of time, of headers and of connections.

    Where there are too many connections, the one that has waited longest for a request is closed:
    one that sends nothing keeps nobody out who sends a request at once.
    """
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    waiting: dict[Any, None] = {}  # connections without a request that is computed, oldest first

    class LimitedProtocol(HttpToolsProtocol):
        """Closes a connection that takes too long, or sends too much before its body."""

        _timer: TimerHandle | None = None
        _head = 0  # bytes since the last headers, or part of a body

        def connection_made(self, transport: Transport) -> None:
            """Begins to wait for headers."""
            super().connection_made(transport)
            self._cycles: deque[Any] = deque()  # of requests that are not answered, oldest first
            self._give(settings.header_seconds)
            if len(self.connections) > settings.most_connections:
                next(iter(waiting)).give_up()

        def connection_lost(self, error: Exception | None) -> None:
            """Ends all waiting."""
            self._go_on()
            self._leave()
            super().connection_lost(error)

        def data_received(self, data: bytes) -> None:
            """Reads on, unless too much has come that is no body."""
            self._head += len(data)
            super().data_received(data)
            if self._head > settings.largest_head:
                self.give_up()

        def on_headers_complete(self) -> None:
            """Ends the wait for headers, and refuses a request behind too many others."""
            self._head = 0
            self._go_on()
            if len(self.pipeline) >= _PIPELINED:  # uvicorn would keep all that came at once
                raise ValueError("Too many requests wait on one connection.")
            super().on_headers_complete()
            self._cycles.append(self.cycle)

        def on_body(self, body: bytes) -> None:
            """Takes a part of a body, which the application limits."""
            self._head = 0
            super().on_body(body)

        def on_message_complete(self) -> None:
            """Begins the next headers."""
            self._head = 0
            super().on_message_complete()

        def on_response_complete(self) -> None:
            """Begins to wait for the next request, or for the client to read the answer."""
            self._cycles.popleft()
            super().on_response_complete()
            if self.cycle.response_complete:  # no other request waits already
                self._give(KEEP_ALIVE + settings.header_seconds)

        def pause_writing(self) -> None:
            """Begins to wait for a client that does not read."""
            super().pause_writing()
            self._give(settings.timeout)

        def resume_writing(self) -> None:
            """Ends the wait for a client to read."""
            super().resume_writing()
            if not self.cycle.response_complete:
                self._go_on()

        def _give(self, seconds: float) -> None:
            """Allows a connection some seconds for what comes next."""
            self._go_on()
            waiting[self] = None
            self._timer = self.loop.call_later(seconds, self.give_up)

        def _go_on(self) -> None:
            """Ends the wait."""
            waiting.pop(self, None)
            if self._timer is not None:
                self._timer.cancel()

        def give_up(self) -> None:
            """Closes the connection, without waiting for what was not read of an answer."""
            self._go_on()
            self._leave()
            self.transport.abort()

        def send_400_response(self, msg: str) -> None:
            """Answers what is no request, and closes the connection."""
            self._leave()
            super().send_400_response(msg)

        def _leave(self) -> None:
            """Lets nobody write answers any more; uvicorn tells only the last request so."""
            for cycle in self._cycles:
                cycle.disconnected = True
                cycle.message_event.set()

    return LimitedProtocol
