"""A server refuses what would take too much of it, at once."""

import threading
import time

import pytest
from starlette.testclient import TestClient

from tests.serving.made import colours, photo
from transferlearn.serving import Settings, app

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


def test_what_takes_too_long_is_given_up():
    runner = colours()
    runner._runtime.gate.clear()
    with TestClient(app({"colours": runner}, settings=Settings(timeout=0.05))) as client:
        answer = client.post("/predict", content=RED, headers={"content-type": "image/png"})
        assert answer.status_code == 504
        runner._runtime.gate.set()
