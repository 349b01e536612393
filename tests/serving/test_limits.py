"""A server refuses what would take too much of it, at once."""

import asyncio
import gc
import threading
import time
import weakref
from functools import partial

import pytest
from starlette.testclient import TestClient

from tests.serving.made import colours, photo
from transferlearn.serving import Settings, app
from transferlearn.serving.errors import RequestRefusedError
from transferlearn.serving.work import ThreadQueue

pytestmark = pytest.mark.core
RED = photo((250, 10, 10))


def test_a_full_queue_answers_at_once():
    runner = colours()
    runner._runtime.gate.clear()
    made = app({"colours": runner}, settings=Settings(workers=1, waiting=1, timeout=10))
    with TestClient(made) as client:
        found = []

        def ask():
            found.append(
                client.post("/predict", content=RED, headers={"content-type": "image/png"})
            )

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 10
        while len(found) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert [answer.status_code for answer in found] == [503, 503]
        assert found[0].headers["retry-after"] == "1"
        runner._runtime.gate.set()
        for thread in threads:
            thread.join()
        assert sorted(answer.status_code for answer in found) == [200, 200, 503, 503]


def test_a_photo_of_too_many_pixels_is_not_decoded():
    with TestClient(app({"c": colours()}, settings=Settings(most_pixels=199))) as client:
        answer = client.post("/predict", content=RED, headers={"content-type": "image/png"})
    assert answer.status_code == 400
    assert answer.json()["error"] == "A photo may have 199 pixels. Received: 200"


def test_bodies_that_are_held_at_the_same_time_are_bounded():
    runner = colours()
    runner._runtime.gate.clear()
    settings = Settings(workers=2, largest_requests=3 * len(RED))
    with TestClient(app({"colours": runner}, settings=settings)) as client:
        found = []

        def ask():
            headers = {"content-type": "image/png"}
            found.append(client.post("/predict", content=RED, headers=headers))

        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 10
        while len(found) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert [answer.status_code for answer in found] == [503, 503]
        assert found[0].json()["error"] == "The server holds too much: try again in a second."
        runner._runtime.gate.set()
        for thread in threads:
            thread.join()
        assert sorted(answer.status_code for answer in found) == [200, 200, 200, 503, 503]
        assert client.app._guard._bodies._held == 0


def test_a_request_that_is_given_up_holds_its_body_no_longer():
    class Body:
        pass

    work, gate, begun = (
        ThreadQueue(1, 5, 0.05, lambda _: None),
        threading.Event(),
        threading.Event(),
    )

    async def both(body):
        def first():
            begun.set()
            gate.wait(20)

        running = asyncio.create_task(work.do(first))
        await asyncio.to_thread(begun.wait, 20)
        with pytest.raises(RequestRefusedError):
            await work.do(partial(print, body))
        with pytest.raises(RequestRefusedError):
            await running

    asyncio.run(both(body := Body()))
    held = weakref.ref(body)
    del body
    gc.collect()
    assert held() is None
    gate.set()


def test_what_takes_too_long_is_given_up():
    runner = colours()
    runner._runtime.gate.clear()
    with TestClient(app({"colours": runner}, settings=Settings(timeout=0.05))) as client:
        answer = client.post("/predict", content=RED, headers={"content-type": "image/png"})
        assert answer.status_code == 504
        runner._runtime.gate.set()
