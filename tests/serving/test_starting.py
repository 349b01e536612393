"""A server that cannot start says why in a sentence, before a model is opened."""

import logging
import os
import signal
import socket
import sqlite3
import threading
from contextlib import closing

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.serving.made import colours, photo
from transferlearn.cli import main
from transferlearn.cli.monitor import _write_photos
from transferlearn.serving import Settings, app, serve
from transferlearn.serving.log import PredictionLog
from transferlearn.serving.opening import SAVE, holds_save
from transferlearn.serving.running import bound

pytestmark = pytest.mark.core


def test_a_port_that_is_taken_is_said(capsys):
    pytest.importorskip("uvicorn")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "nowhere", "--port", port]) == 1
    said = capsys.readouterr().err
    assert f"cannot listen at port {port} of 127.0.0.1: Address already in use" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("option", [["--port", "99999"], ["--port", "x"], ["--workers", "0"]])
def test_numbers_that_cannot_be_are_not_understood(option, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["serve", "nowhere", *option])
    assert stopped.value.code == 2
    assert "expected a number from 1" in capsys.readouterr().err


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(OSError, match=r"of 192\.0\.2\.1: "):
        bound("192.0.2.1", 0)
    with pytest.raises(ValueError, match="whole number up to 65535"):
        bound("127.0.0.1", "99999")


def test_a_log_is_written_to_no_file_that_holds_something_else(tmp_path):
    text, other = tmp_path / "make.py", tmp_path / "other.sqlite"
    text.write_text("print('a program, and no log of predictions')\n" * 9)
    with closing(sqlite3.connect(other)) as file:
        file.execute("create table mine (x)")
    before = text.read_bytes(), other.read_bytes()
    for path in (text, other):
        with pytest.raises(ValueError, match="is no log of predictions"):
            app({"c": colours()}, settings=Settings(log=path))
    assert (text.read_bytes(), other.read_bytes()) == before
    with pytest.raises(OSError, match="cannot be written: unable to open"):
        app({"c": colours()}, settings=Settings(log=tmp_path / "nowhere" / "x"))
    for _ in range(2):  # one that is there is gone on with
        PredictionLog(tmp_path / "log.sqlite", 10**6).close()


def test_only_saves_need_keras(tmp_path):
    (tmp_path / "2").mkdir()
    assert not holds_save(tmp_path)
    (tmp_path / "2" / "export.json").write_text("{}")
    assert not holds_save(tmp_path)
    (tmp_path / "2" / SAVE).write_text("{}")
    assert not holds_save(tmp_path)  # the export in it is served
    (tmp_path / "2" / "export.json").unlink()
    assert holds_save(tmp_path)
    assert holds_save(tmp_path / "2")


def test_what_to_label_first_is_written_as_files(tmp_path):
    log = tmp_path / "log.sqlite"
    made = PredictionLog(log, 10**6)
    made.sent("../x", [photo((1, 2, 3)), b"a text", np.zeros(3)], 1.0)
    made.close()
    _write_photos(log, ["../x/1", "../x/0", "../x/2", "y/0"], tmp_path / "to-label")
    found = {file.name: file.read_bytes() for file in (tmp_path / "to-label").iterdir()}
    assert found == {"___x_0.png": photo((1, 2, 3)), "___x_1.txt": b"a text"}
    with pytest.raises(ValueError, match="has kept none"):
        _write_photos(log, ["y/0"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("variables", "words", "address"),
    [
        ({}, [], "http://127.0.0.1:8000,"),
        ({"PORT": "8726", "K_SERVICE": "flowers"}, [], "http://0.0.0.0:8726,"),
        ({"PORT": "8726"}, ["--port", "8111"], "http://127.0.0.1:8111,"),
        ({"AIP_HTTP_PORT": "8726"}, [], "http://0.0.0.0:8726,"),
        ({"AIP_HTTP_PORT": "8726"}, ["--host", "::1"], "http://[::1]:8726,"),
    ],
)
def test_the_start_says_what_is_served_and_where(
    variables, words, address, capsys, monkeypatch, restored_signals_and_log
):
    uvicorn = pytest.importorskip("uvicorn")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: None)
    monkeypatch.setattr("transferlearn.serving.running.bound", Place)
    made = app({"flowers": colours()})
    monkeypatch.setattr("transferlearn.serving.running.app", lambda *_, **__: made)
    assert main(["serve", "flowers", *words]) == 0
    assert capsys.readouterr().err == f"Serving flowers 1 at {address} Ctrl-C ends it.\n"


def test_threads_are_those_of_keras_too(tmp_path, monkeypatch):
    """TensorFlow reads their number when it is imported."""
    pytest.importorskip("uvicorn")
    (tmp_path / SAVE).write_text("{}")
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    seen = []

    def note():
        seen.append(os.environ["TF_NUM_INTRAOP_THREADS"])

    monkeypatch.setattr("transferlearn.cli.serve.import_keras", note)
    monkeypatch.setattr("transferlearn.serving.serve", lambda *_, **__: None)
    assert main(["serve", str(tmp_path), "--threads", "3"]) == 0
    assert seen == ["3"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_a_signal_during_a_reload_does_not_wait_for_it(monkeypatch, restored_signals_and_log):
    uvicorn = pytest.importorskip("uvicorn")
    made = app({"flowers": colours()})
    made.api.state.server.models._lock = lock = NotTwice()

    def run(self, sockets):
        with lock:
            signal.raise_signal(signal.SIGHUP)

    monkeypatch.setattr(uvicorn.Server, "run", run)
    monkeypatch.setattr("transferlearn.serving.running.bound", Place)
    monkeypatch.setattr("transferlearn.serving.running.app", lambda *_, **__: made)
    assert main(["serve", "flowers"]) == 0


def test_sigterm_ends_a_server_without_an_error(monkeypatch, capsys, restored_signals_and_log):
    uvicorn = pytest.importorskip("uvicorn")
    before = signal.getsignal(signal.SIGTERM)
    made = app({"flowers": colours()})
    ended = []

    def opened(*_, **__):
        signal.raise_signal(signal.SIGTERM)
        return made

    def run(self, sockets):
        assert ended == [0]  # at once while models are opened
        signal.raise_signal(signal.SIGTERM)  # as uvicorn does once more when it has ended
        ended.append(self.should_exit)

    monkeypatch.setattr("transferlearn.serving.process.os._exit", ended.append)
    monkeypatch.setattr(uvicorn.Server, "run", run)
    monkeypatch.setattr("transferlearn.serving.running.bound", Place)
    monkeypatch.setattr("transferlearn.serving.running.app", opened)
    assert main(["serve", "flowers"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "The server has ended."
    assert ended == [0, True]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_server_runs_in_a_thread(monkeypatch, restored_signals_and_log):
    """Only the main thread may handle signals; a notebook's is busy with the notebook."""
    uvicorn = pytest.importorskip("uvicorn")
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: None)
    monkeypatch.setattr("transferlearn.serving.running.bound", Place)
    codes = []
    served = {"flowers": colours()}
    thread = threading.Thread(target=lambda: codes.append(serve(served)))
    thread.start()
    thread.join(timeout=20)
    assert codes == [None]


def test_folders_are_looked_at_on_demand_and_after_a_failure(tmp_path, monkeypatch, caplog):
    made = app({"flowers": colours()}, settings=Settings(reload_seconds=0))
    server = made.api.state.server
    looked = threading.Semaphore(0)

    def reload():
        looked.release()
        raise RuntimeError("no such thing")

    monkeypatch.setattr(server.models, "reload", reload)
    with TestClient(made):
        for _ in range(3):
            server.look()
            assert looked.acquire(timeout=10)
    assert "not looked at" in {record.msg for record in caplog.records}


class NotTwice:
    """Stands for a lock, and fails where it would wait for ever."""

    held = False

    def __enter__(self):
        assert not self.held
        self.held = True

    def __exit__(self, *_):
        self.held = False


class Place:
    """Stands for a socket."""

    def __init__(self, host, port):
        self.name = host, int(port)

    def getsockname(self):
        return self.name

    def listen(self, backlog):
        """Takes clients, which wait."""


@pytest.fixture
def restored_signals_and_log():
    logger, hangup = logging.getLogger("transferlearn.serving"), getattr(signal, "SIGHUP", None)
    before = logger.handlers, logger.propagate, logger.level
    handler = hangup and signal.getsignal(hangup)
    yield
    logger.handlers, logger.propagate = before[:2]
    logger.setLevel(before[2])
    if hangup:
        signal.signal(hangup, handler)
