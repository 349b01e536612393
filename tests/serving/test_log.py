"""Whatever becomes of the log's file, answers go on, and the log stays within its size."""

import os
import sqlite3
import subprocess
import threading
from contextlib import suppress

import pytest
from starlette.testclient import TestClient

from tests.serving.made import colours, photo
from transferlearn.serving import Settings, app
from transferlearn.serving import log as log_module

pytestmark = pytest.mark.core
RED = photo((250, 10, 10))


@pytest.fixture
def path(tmp_path):
    (tmp_path / "log").mkdir()
    return tmp_path / "log" / "predictions.sqlite"


def ask(client, request_id, count=1):
    files = [("a", ("a.png", RED))] * count
    answer = client.post("/predict", files=files, headers={"x-request-id": request_id})
    assert (answer.status_code, answer.headers["x-request-id"]) == (200, request_id)


def label(client, request_id, labels=("red",)):
    return client.post("/feedback", json={"request_id": request_id, "labels": list(labels)})


def written(client):
    """Has what waits written now."""
    client.app.api.state.server.log._write()


def gauge(client, name):
    lines = client.get("/metrics").text.splitlines()
    (line,) = [line for line in lines if line.startswith(f"transferlearn_{name} ")]
    return float(line.split()[1])


def goes_on(client, path, mend, caplog):
    """That all is answered while the log fails, that this is said once, and that it is mended."""
    for i in range(5):
        ask(client, f"during-{i}")
        written(client)
    refused = label(client, "during-0")
    assert refused.status_code == 503
    assert "send labels later" in refused.json()["error"]
    assert gauge(client, "log_failing") == 1
    assert gauge(client, "log_rows_lost") == 5
    assert [record.msg for record in caplog.records if record.levelname != "INFO"] == ["not logged"]
    mend()
    ask(client, "after")
    written(client)
    assert gauge(client, "log_failing") == 0
    assert label(client, "after").json() == {"labelled": 1}


def test_a_deleted_log_is_begun_anew(path, caplog):
    with TestClient(app({"colours": colours()}, settings=Settings(log=path))) as client:
        ask(client, "before")
        written(client)
        path.unlink()
        ask(client, "after")
        assert label(client, "after").json() == {"labelled": 1}
        assert label(client, "before").status_code == 404
    assert [record.msg for record in caplog.records if record.levelname != "INFO"] == [
        "log begun anew"
    ]
    assert path.stat().st_mode & 0o777 == 0o600


def test_answers_go_on_where_the_folder_of_the_log_is_gone(path, caplog):
    with TestClient(app({"colours": colours()}, settings=Settings(log=path))) as client:
        ask(client, "before")
        written(client)
        path.unlink()
        path.parent.rmdir()
        goes_on(client, path, path.parent.mkdir, caplog)


@pytest.mark.parametrize("content", [b"a text " * 999, b"SQLite format 3\0" + b"\1" * 9000])
def test_a_log_that_was_overwritten_is_left_alone(path, content, caplog):
    with TestClient(app({"colours": colours()}, settings=Settings(log=path))) as client:
        ask(client, "before")
        written(client)
        path.write_bytes(content)

        def mend():
            assert path.read_bytes() == content
            path.unlink()

        goes_on(client, path, mend, caplog)


def test_answers_go_on_where_the_disk_is_full(path, monkeypatch, caplog):
    with TestClient(app({"colours": colours()}, settings=Settings(log=path))) as client:
        ask(client, "before")
        assert label(client, "before").status_code == 200

        def full(*_):
            raise sqlite3.OperationalError("database or disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(log_module, "make", full)
            patched.setattr(log_module, "prune", full)
            goes_on(client, path, patched.undo, caplog)


def test_answers_go_on_on_a_full_file_system(path, caplog):
    place = path.parent
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a file system")
    try:
        with TestClient(app({"colours": colours()}, settings=Settings(log=path))) as client:
            ask(client, "before")
            written(client)
            filler = place / "filler"
            with suppress(OSError), filler.open("wb", buffering=0) as file:
                while file.write(bytes(1024)):
                    pass
            assert not os.statvfs(place).f_bavail
            goes_on(client, path, filler.unlink, caplog)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_labels_that_wait_for_the_log_keep_no_photo_waiting(path, monkeypatch):
    settings = Settings(log=path, workers=1, waiting=0)
    with TestClient(app({"colours": colours()}, settings=settings)) as client:
        ask(client, "before")
        came, gate = threading.Event(), threading.Event()

        def locked(*_):
            came.set()
            assert gate.wait(20)
            raise sqlite3.OperationalError("database is locked")

        monkeypatch.setattr(client.app.api.state.server.log, "request", locked)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(label(client, "before")))
        waiting.start()
        assert came.wait(20)
        try:
            ask(client, "during")
            assert label(client, "before").status_code == 503  # one more than may wait
        finally:
            gate.set()
            waiting.join(timeout=20)
        assert [answer.status_code for answer in answers] == [503]


def test_labels_that_wait_too_long_for_the_log_are_sent_later(path, monkeypatch):
    with TestClient(
        app({"colours": colours()}, settings=Settings(log=path, timeout=0.5))
    ) as client:
        ask(client, "before")
        gate = threading.Event()
        monkeypatch.setattr(client.app.api.state.server.log, "request", lambda _: gate.wait(20))
        try:
            refused = label(client, "before")
        finally:
            gate.set()
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")


def test_labels_do_not_outgrow_the_log(path):
    settings = Settings(log=path, log_bytes=400_000)
    with TestClient(app({"colours": colours()}, settings=settings)) as client:
        ask(client, "long")
        answer = label(client, "long", ["x" * 5000])
        assert answer.status_code == 400
        assert answer.json()["error"] == "A label has at most 4,096 characters of JSON."
        for i in range(30):
            ask(client, f"r{i}", count=10)
            assert label(client, f"r{i}", ["x" * 4000] * 10).status_code == 200
            assert path.stat().st_size <= 400_000
        assert label(client, "r29", ["red"] * 10).status_code == 200
        assert label(client, "r0").status_code == 404


def test_photos_that_are_large_beside_the_log_are_not_kept(path):
    settings = Settings(log=path, log_bytes=len(RED) * 3, keep_photos=True)
    with TestClient(app({"colours": colours()}, settings=settings)) as client:
        ask(client, "large")
        written(client)
        with log_module.opened(path) as file:
            assert file.execute("select count(*) from photos").fetchone() == (0,)


def test_rows_that_wait_for_a_slow_disk_are_bounded(path, monkeypatch):
    monkeypatch.setattr(log_module, "_HELD", 1000)
    monkeypatch.setattr(log_module, "_EVERY", 3600)
    with TestClient(app({"colours": colours()}, settings=Settings(log=path))) as client:
        for i in range(10):
            ask(client, f"r{i}")
        assert 0 < gauge(client, "log_rows_lost") < 10


def test_two_processes_write_one_log(path):
    """An id is of one request, whichever process was asked, and before its rows are written."""
    logs = [log_module.PredictionLog(path, 10**6) for _ in range(2)]
    row = log_module.Row(1.0, "mine", 0, "m", "1", "h", "[1.0]", "{}", None, 1.0)
    assert [log.takes("mine") for log in logs] == [True, False]
    logs[0].predicted([row, row._replace(item=1)])
    logs[0]._write()
    logs[1].predicted([row._replace(model="other", request="mine")])
    logs[1].predicted([row._replace(request="other")])
    logs[1]._write()
    assert logs[0].request("mine") == ("m", 2)
    assert logs[0].request("other") == ("m", 1)
    assert not logs[1].takes("other")
    for log in logs:
        log.close()
