"""Connections that send nothing, too slowly or without an end are closed; others are answered."""

import http.client
import logging
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress

import pytest

from tests.serving.made import colours, photo
from transferlearn.serving import Settings, app

uvicorn = pytest.importorskip("uvicorn")
pytest.importorskip("httptools")
from transferlearn.serving.connections import limited_protocol  # noqa: E402

pytestmark = [pytest.mark.core, pytest.mark.filterwarnings("ignore:.*websockets")]
RED = photo((250, 10, 10))


@contextmanager
def serving(models=None, **limits):
    """Serves at a port, which it gives, with a small limit of some sort."""
    settings = Settings(**limits)
    made = app(models or {"colours": colours()}, settings=settings)
    config = uvicorn.Config(
        made, http=limited_protocol(settings), ws="none", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as place:
        thread = threading.Thread(target=server.run, args=([place],), daemon=True)
        thread.start()
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        yield place.getsockname()[1]
        server.should_exit = True
        thread.join(timeout=20)


def connected(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def is_closed(connection):
    """Whether the other side has closed, or closes within seconds."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def ping(port):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
        client.request("GET", "/ping")
        return client.getresponse().status


@pytest.mark.parametrize("sent", [b"", b"GET /ping HTTP/1.1\r\nHost: a\r\n"])
def test_headers_that_do_not_end_are_given_up(sent):
    with serving(header_seconds=0.2) as port, connected(port) as slow:
        slow.sendall(sent)
        assert is_closed(slow)
        assert ping(port) == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /ping HTTP/1.1\r\nX: ",
        b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
)
def test_headers_without_an_end_are_given_up(sent):
    with serving(header_seconds=60, largest_head=5000) as port, connected(port) as large:
        large.sendall(sent)
        with pytest.raises(ConnectionError):
            large.sendall(b"x" * 100_000_000)
        assert ping(port) == 200


def test_a_large_body_is_no_header():
    with (
        serving(largest_head=5000, largest_request=10**6) as port,
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client,
    ):
        for _ in range(2):  # on one connection
            client.request("POST", "/predict", b"x" * 900_000, {"Content-Type": "image/png"})
            answer = client.getresponse()
            assert (answer.status, b"cannot be read" in answer.read()) == (400, True)


@pytest.mark.parametrize(("count", "answered"), [(30, True), (5000, False)])
def test_few_requests_may_be_sent_before_the_first_is_answered(count, answered):
    with serving() as port, connected(port) as eager:
        eager.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n" * (count - 1))
        eager.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        got = b""
        with suppress(ConnectionError):
            while part := eager.recv(65536):
                got += part
        assert (got.count(b"HTTP/1.1 200") == count) == answered
        assert ping(port) == 200


@pytest.mark.parametrize("left", [False, True])
def test_nobody_writes_answers_to_a_connection_that_is_closed(left, caplog):
    head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n"
    post = head + b"Content-Length: %d\r\n\r\n" % len(RED) + RED
    with serving() as port:
        for _ in range(4):
            with connected(port) as eager:
                eager.sendall(post * (4 if left else 40))
                if not left:
                    assert eager.recv(12)
        assert ping(port) == 200
    assert [record for record in caplog.records if record.exc_info] == []


def test_who_waits_longest_makes_room():
    with serving(most_connections=4, header_seconds=60) as port:
        silent = [connected(port) for _ in range(4)]
        assert ping(port) == 200
        assert is_closed(silent[0])
        silent[-1].sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
        assert silent[-1].recv(12) == b"HTTP/1.1 200"
        for one in silent:
            one.close()


def test_a_request_that_is_computed_is_not_waiting():
    """A connection is kept while its answer is made, however long it has been open."""
    with serving(header_seconds=0.2, timeout=1, largest_request=10**6) as port:
        with connected(port) as slow:
            head = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\n"
            slow.sendall(head + b"Content-Length: %d\r\n\r\n" % len(RED) + RED[:40])
            time.sleep(0.5)  # more than headers may take
            slow.sendall(RED[40:])
            assert slow.recv(12) == b"HTTP/1.1 200"
        with connected(port) as slow:
            slow.sendall(head + b"Content-Length: 5000\r\n\r\n")
            assert slow.recv(12) == b"HTTP/1.1 408"


@pytest.fixture(autouse=True)
def quiet():
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("uvicorn.error").setLevel(logging.NOTSET)
