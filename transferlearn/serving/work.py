"""Computes requests in a few threads, with a bounded number of them waiting."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from transferlearn.serving.errors import RequestRefusedError

Result = TypeVar("Result")


class ThreadQueue:
    """Computes in threads; a request that would wait too long is refused at once.

    Args:
        workers: The number of requests computed at the same time.
        waiting: The number of requests that may wait.
        timeout: The seconds after which a request is given up.
        count: Is called with the number of requests inside, whenever it changes.
    """

    def __init__(
        self, workers: int, waiting: int, timeout: float, count: Callable[[int], object]
    ) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="transferlearn-serve")
        self._most = workers + waiting
        self._timeout = timeout
        self._count = count
        self._inside = 0

    async def do(self, compute: Callable[[], Result]) -> Result:
        """Computes something, and gives its result.

        Raises:
            RequestRefusedError: Too many requests wait already (503), or it takes too long (504).
        """
        todo = [compute]  # taken out where it is given up, since it holds the request's body
        future = self._submit(lambda: todo.pop()())
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._timeout)
        except TimeoutError as error:
            todo.clear()
            raise self._too_long() from error

    async def stream(self, compute: Callable[[], Iterator[Result]]) -> AsyncIterator[Result]:
        """Yields what a thread computes, as it comes; the thread ends where nobody reads on.

        Raises:
            RequestRefusedError: Too many requests wait already (503), or a further part takes too
                long (504). A request may wait for its turn as long as its client does.
        """
        loop, found, left = asyncio.get_running_loop(), asyncio.Queue[Any](), threading.Event()
        begun, over = object(), object()

        def put(part: object) -> None:
            loop.call_soon_threadsafe(found.put_nowait, part)

        def work() -> None:
            if left.is_set():
                return
            put(begun)
            for part in compute():
                if left.is_set():
                    return
                put(part)

        future = self._submit(work)
        future.add_done_callback(lambda _: put(over))
        try:
            await found.get()
            while (part := await asyncio.wait_for(found.get(), self._timeout)) is not over:
                yield part
            await asyncio.wrap_future(future)  # raises what the thread did
        except TimeoutError as error:
            raise self._too_long() from error
        finally:
            left.set()

    def _submit(self, compute: Callable[[], Result]) -> "Future[Result]":
        """Lets a thread compute something.

        Raises:
            RequestRefusedError: Too many requests wait already (503).
        """
        if self._inside >= self._most:
            raise RequestRefusedError(
                503, "The server is busy: try again in a second.", {"Retry-After": "1"}
            )
        self._change(1)
        future = self._pool.submit(compute)
        # Counted until the thread is done, even where nobody waits for it any more.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._change, -1))
        return future

    def _too_long(self) -> RequestRefusedError:
        """Returns the refusal of what takes too long."""
        return RequestRefusedError(504, f"It took more than {self._timeout:g} seconds.")

    def _change(self, by: int) -> None:
        """Counts a request that comes or is done."""
        self._inside += by
        self._count(self._inside)


async def unless_gone(
    receive: Callable[[], Awaitable[MutableMapping[str, Any]]], work: Awaitable[Result]
) -> Result:
    """Returns what comes of some work, which ends where its client goes away.

    Args:
        receive: Gives the next message of the client, whose request was read whole.
        work: The work.

    Raises:
        RequestRefusedError: The client has gone away (499).
    """
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(receive())
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise RequestRefusedError(499, "The client has gone away.")
        return working.result()
    finally:
        working.cancel()
        gone.cancel()
