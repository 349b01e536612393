"""Computes requests in a few threads, with a bounded number of them waiting."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
        if self._inside >= self._most:
            raise RequestRefusedError(
                503, "The server is busy: try again in a second.", {"Retry-After": "1"}
            )
        self._change(1)
        todo = [compute]  # taken out where it is given up, since it holds the request's body
        future = self._pool.submit(lambda: todo.pop()())
        # Counted until the thread is done, even where nobody waits for it any more.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._change, -1))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._timeout)
        except TimeoutError as error:
            todo.clear()
            raise RequestRefusedError(
                504, f"It took more than {self._timeout:g} seconds."
            ) from error

    def _change(self, by: int) -> None:
        """Counts a request that comes or is done."""
        self._inside += by
        self._count(self._inside)
