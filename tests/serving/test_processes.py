"""Several processes answer at one port: one that dies loses only what it was computing."""

import json
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from tests.serving.dying import say_and_die, say_and_stay
from tests.serving.made import SIZE, colours, photo
from transferlearn.edge import ClassReader, Description, ImageReader, TensorSpec
from transferlearn.hashing import hash_of_file
from transferlearn.serving import Settings, app, processes, serve
from transferlearn.serving.process import Plan
from transferlearn.serving.warned import once

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("uvicorn")

pytestmark = [
    pytest.mark.core,
    pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP"),
]
ROOT = Path(__file__).parent.parent.parent
RED = photo((250, 10, 10))


def export(folder, names):
    """Writes an export whose two probabilities are the means of red and of blue, as shares."""
    from onnx import TensorProto, helper

    folder.mkdir(parents=True)
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Gather", ["means", "places"], ["both"], axis=1),
        helper.make_node("ReduceSum", ["both", "axis"], ["total"], keepdims=1),
        helper.make_node("Div", ["both", "total"], ["probabilities"]),
    ]
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", kind, ["n", *SIZE, 3])],
        [helper.make_tensor_value_info("probabilities", kind, ["n", 2])],
        [
            helper.make_tensor("places", TensorProto.INT64, [2], [0, 2]),
            helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "model.onnx")
    readers = {"item_reader": ImageReader(SIZE), "output_reader": ClassReader(names)}
    Description(
        format="onnx",
        model="model.onnx",
        quantize=None,
        inputs={"image": TensorSpec((None, *SIZE, 3), "float32")},
        outputs={"probabilities": TensorSpec((None, 2), "float32")},
        **{n: {"name": one.name, "settings": one.settings()} for n, one in readers.items()},
        model_hash="abc",
        made_by={},
        files={"model.onnx": hash_of_file(folder / "model.onnx")},
    ).write(folder)


class Server:
    """Runs `transferlearn serve --processes 2` in a process of its own, with its output in files.

    Args:
        folder: Where the output goes.
        models: What is served.
        options: Further options of the command.
    """

    def __init__(self, folder, models, *options):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.said = folder / "said"
        command = [sys.executable, "-m", "transferlearn.cli", "serve", str(models), *options]
        with self.said.open("w") as file:
            self.process = subprocess.Popen(
                [*command, "--processes", "2", "--port", str(self.port)],
                cwd=ROOT,
                stdout=file,
                stderr=file,
            )

    def wait_for(self, condition):
        """Waits until something is so, while the server runs."""
        until = time.monotonic() + 60
        while not (found := condition()):
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < until, self.said.read_text()
            time.sleep(0.05)
        return found

    def lines(self, event):
        """The lines of the log about an event."""
        lines = self.said.read_text().splitlines()
        return [
            x for x in map(json.loads, filter(lambda x: x[:1] == "{", lines)) if x["event"] == event
        ]

    def children(self):
        """The ids of the processes that answer."""
        place = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        ids = map(int, place.read_text().split())
        return [i for i in ids if b"spawn_main" in Path(f"/proc/{i}/cmdline").read_bytes()]

    def ask(self, path, body=None, **headers):
        """Asks by a connection of its own; returns the status and what was answered."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def predict(self, **headers):
        """Asks for the class of a red photo; returns the answer."""
        status, content = self.ask("/predict", RED, **{"Content-Type": "image/png"}, **headers)
        assert status == 200, content
        return json.loads(content)

    def metric(self, name):
        """The sum of a metric over its labels."""
        lines = self.ask("/metrics")[1].decode().splitlines()
        return sum(float(x.split()[-1]) for x in lines if x.startswith(f"transferlearn_{name}"))


@pytest.fixture
def server(tmp_path):
    export(tmp_path / "colours" / "1", ("red", "blue"))
    made = Server(tmp_path, tmp_path / "colours", "--log", str(tmp_path / "log.sqlite"))
    try:
        made.wait_for(lambda: "Serving" in made.said.read_text())
        yield made
    finally:
        made.process.kill()
        made.process.wait(timeout=20)


def test_processes_answer_for_each_other(server, tmp_path):
    """One start for all of it, since each takes some seconds."""
    assert server.said.read_text().count("Serving") == 1
    before = server.children()
    assert len(before) == 2

    # Ids of requests are unique, and their rows are found, whichever process is asked.
    answers = [server.predict(**{"X-Request-Id": "mine"}) for _ in range(8)]
    ids = [answer["request_id"] for answer in answers]
    assert ids[0] == "mine"
    assert len(set(ids)) == 8
    for request_id in ids:
        body = json.dumps({"request_id": request_id, "labels": ["red"]}).encode()
        assert server.ask("/feedback", body) == (200, b'{"labelled":1}')
    for path in ("/feedback",) * 2:
        assert server.ask(path, b'{"request_id": "none", "labels": [1]}')[0] == 404
    assert server.metric("items_total") == 8

    # A process that is killed loses what it computes, and nothing else.
    failed, done = [], threading.Event()

    def go_on():
        while not done.is_set():
            try:
                server.predict()
            except OSError as error:
                failed.append(error)

    clients = [threading.Thread(target=go_on) for _ in range(3)]
    for client in clients:
        client.start()
    os.kill(before[0], signal.SIGKILL)
    server.wait_for(lambda: len(server.children()) == 2 and before[0] not in server.children())
    (died,) = server.wait_for(lambda: server.lines("process died"))
    assert (died["pid"], died["error"]) == (before[0], "A process of the server ended by SIGKILL.")
    done.set()
    for client in clients:
        client.join(timeout=60)
    assert len(failed) <= len(clients)
    assert server.metric("items_total") >= 8  # what the dead one counted, too
    assert server.metric("requests_inside") == 0

    # All look for new versions where the parent is asked to.
    export(tmp_path / "colours" / "draft", ("crimson", "navy"))
    (tmp_path / "colours" / "draft").rename(tmp_path / "colours" / "2")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for(lambda: {server.predict()["version"] for _ in range(9)} == {"2"})

    last = server.children()
    server.process.terminate()
    assert server.process.wait(timeout=60) == 0
    assert not any(Path(f"/proc/{i}").exists() for i in last)


def test_a_model_that_becomes_unreadable_leaves_the_others_alone(server, tmp_path):
    (tmp_path / "colours" / "1" / "model.onnx").write_bytes(b"no model")
    os.kill(server.children()[0], signal.SIGKILL)
    server.wait_for(lambda: len(server.lines("process died")) >= 3)
    assert {server.predict()["version"] for _ in range(4)} == {"1"}
    assert len(server.lines("not opened")) == 1  # of two that tried


def test_processes_warn_of_the_same_thing_once(tmp_path):
    """A filter stands for a process."""
    filters = [once(tmp_path), once(tmp_path)]

    def written(message, level=logging.WARNING, **fields):
        record = logging.makeLogRecord({"msg": message, "levelno": level, **fields})
        return [is_new(record) for is_new in filters]

    assert written("not logged", error="disk is full") == [True, False]
    assert written("not logged", error="no such folder") == [True, False]
    assert written("request", level=logging.INFO) == written("request", logging.INFO) == [True] * 2
    assert written("failed", level=logging.ERROR) == [True] * 2
    for place in tmp_path.iterdir():
        os.utime(place, (1, 1))  # long ago
    assert written("not logged", error="disk is full") == [True, False]
    filters = [once(tmp_path / "gone")] * 2
    assert written("not logged", error="disk is full") == [True] * 2


def metrics_of(process):
    """The folder of a process's counters."""
    variables = Path(f"/proc/{process}/environ").read_bytes().decode().split("\0")
    name = "PROMETHEUS_MULTIPROC_DIR="
    return [Path(one.removeprefix(name)) for one in variables if one.startswith(name)]


def test_processes_end_with_the_one_that_started_them(server):
    children = server.children()
    (metrics,) = metrics_of(children[0])
    assert metrics.is_dir()
    server.process.kill()
    server.process.wait(timeout=20)
    until = time.monotonic() + 60
    while any(Path(f"/proc/{i}").exists() for i in children):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert not metrics.exists()


def test_a_server_that_cannot_start_says_why_once(tmp_path):
    (tmp_path / "nothing").mkdir()
    server = Server(tmp_path, tmp_path / "nothing")
    assert server.process.wait(timeout=60) == 1
    (line,) = server.said.read_text().splitlines()
    assert line.startswith("transferlearn: ")
    assert "is no export or save" in line


def test_a_server_ends_where_its_processes_die_again_and_again(tmp_path, monkeypatch, caplog):
    spawning = multiprocessing.get_context("spawn")
    begun, forgotten = [], []
    monkeypatch.setattr(processes, "forget", forgotten.append)

    def start(number):
        said, say = spawning.Pipe(duplex=False)
        process = spawning.Process(target=say_and_die, args=(say,))
        process.start()
        say.close()
        begun.append(number)
        return processes._Child(process, said)

    pauses = []
    monkeypatch.setattr(processes, "_pause", lambda deaths: pauses.append(deaths) or 0.0)
    names = []
    with pytest.raises(OSError, match="ended by exit code 7"):
        processes._Supervisor(start, 1, names.append).run()
    assert begun == [0] * 6
    assert names == [["colours 1"]]
    assert pauses == [1, 2, 3, 4, 5]
    assert len(set(forgotten)) == 6
    assert [record.msg for record in caplog.records] == ["process died"] * 5


def test_processes_that_were_started_end_where_another_cannot(monkeypatch):
    spawning = multiprocessing.get_context("spawn")
    begun = []

    def start(number):
        if number == 2:
            raise OSError(24, "Too many open files")
        said, _ = spawning.Pipe(duplex=False)
        process = spawning.Process(target=time.sleep, args=(300,))
        process.start()
        begun.append(process)
        return processes._Child(process, said)

    with pytest.raises(OSError, match="Too many open files"):
        processes._Supervisor(start, 3, begun.append).run()
    assert [process.exitcode for process in begun] == [-signal.SIGTERM] * 2


def test_what_cannot_be_started_leaves_the_others_alone(monkeypatch, caplog):
    """One process answers; another dies, cannot be forked, dies again and again, and recovers."""
    spawning = multiprocessing.get_context("spawn")
    begun, made = [], []

    def start(number):
        begun.append(number)
        if 3 < len(begun) < 8:
            raise OSError(12, "Cannot allocate memory")
        said, say = spawning.Pipe(duplex=False)
        dies = 2 < len(begun) < 12
        process = spawning.Process(target=say_and_die if dies else say_and_stay, args=(say,))
        process.start()
        say.close()
        made.append(process)
        if len(begun) == 12:
            os.kill(os.getpid(), signal.SIGTERM)
        return processes._Child(process, said)

    monkeypatch.setattr(processes, "_pause", lambda deaths: 0.01)
    monkeypatch.setattr(processes, "forget", lambda process: None)
    processes._Supervisor(start, 2, lambda names: made[1].kill()).run()
    assert begun == [0, 1, *[1] * 10]
    assert made[0].exitcode == made[-1].exitcode == -signal.SIGTERM
    assert [record.msg for record in caplog.records].count("process not started") == 4


def test_pauses_grow_up_to_a_minute():
    pauses = [processes._pause(deaths) for deaths in (1, 2, 3, 4, 7, 8, 9, 100_000)]
    assert pauses == [0, 1, 2, 4, 32, 60, 60, 60]


def test_the_guard_of_scripts_is_named_where_a_process_raised():
    def ended(code):
        return processes._ended(processes._Child(SimpleNamespace(exitcode=code), None))

    assert ended(1).endswith(
        'before it was ready. A script calls tl.serve below this line: if __name__ == "__main__":'
    )
    assert ended(-signal.SIGKILL).endswith("ended by SIGKILL before it was ready.")


@pytest.mark.parametrize("count", [0, -1, 1.5, "2", True, None])
def test_the_number_of_processes_is_a_whole_one(tmp_path, count):
    with pytest.raises(ValueError, match="processes is a whole number of at least 1"):
        serve(tmp_path, processes=count)


def test_far_too_many_processes_are_refused_before_any_starts(tmp_path):
    with pytest.raises(ValueError, match="1000 processes would only take memory: at most "):
        serve(tmp_path, processes=1000)


def test_only_the_first_process_watches_drift(monkeypatch):
    watching = []
    made = SimpleNamespace(start=lambda: None, close=lambda: None)

    def process(target, args):
        watching.append(args[1].settings.watch_drift)
        return made

    spawning = SimpleNamespace(Pipe=lambda duplex: (made, made), Process=process)
    monkeypatch.setattr(processes.multiprocessing, "get_context", lambda _: spawning)
    plan = Plan(folders={}, settings=Settings(), threads=1, trusted=False)
    for number in range(3):
        processes._start(None, plan, "stdout", number)
    assert watching == [True, False, False]


def test_drift_is_watched_where_it_is_asked_for(tmp_path, monkeypatch):
    logs = []

    def gauges(log, metrics):
        logs.append(log)
        return SimpleNamespace(update=lambda models: None)

    monkeypatch.setattr(sys.modules["transferlearn.serving.app"], "DriftGauges", gauges)
    for watched in (True, False):
        settings = Settings(log=tmp_path / "log.sqlite", watch_drift=watched)
        with TestClient(app({"colours": colours()}, settings=settings)) as client:
            client.get("/ping")
    assert [log is not None for log in logs] == [True, False]


def test_several_processes_serve_folders():
    with pytest.raises(ValueError, match=r"fitted\.save\('flowers'\)"):
        serve({"colours": colours()}, processes=2)
