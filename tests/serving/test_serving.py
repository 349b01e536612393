"""A server answers every client alike, refuses what is wrong in a sentence, and stays alive."""

import base64
import dataclasses
import hashlib
import io
import json
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.serving.made import SIZE, colours, photo
from transferlearn.cli.monitor import _of_log
from transferlearn.cli.parser import make_parser
from transferlearn.monitoring import Measured, OneClass, Reference, watch
from transferlearn.monitoring.axes import FeatureAxes
from transferlearn.serving import Settings, app
from transferlearn.serving.log import opened, photos_of, read_log
from transferlearn.serving.models import Models, Served
from transferlearn.serving.tensors import HEADER

pytestmark = pytest.mark.core
RED, BLUE = photo((250, 10, 10)), photo((10, 10, 250))
ARRAY = np.zeros((2, *SIZE, 3), "float32")
ARRAY[0, ..., 0] = ARRAY[1, ..., 2] = 200


@pytest.fixture
def client():
    with TestClient(app({"colours": colours()})) as made:
        yield made


def infer(client, binary_in, binary_out, array=ARRAY, **changes):
    told = {"name": "image", "shape": list(array.shape), "datatype": "FP32"}
    tail = array.tobytes() if binary_in else b""
    if binary_in:
        told["parameters"] = {"binary_data_size": len(tail)}
    else:
        told["data"] = array.ravel().tolist()
    said = {"id": "7", "inputs": [{**told, **changes}]}
    if binary_out:
        said["parameters"] = {"binary_data_output": True}
    head = json.dumps(said).encode()
    headers = {HEADER: str(len(head))} if binary_in else {}
    return client.post("/v2/models/colours/infer", content=head + tail, headers=headers)


@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("binary_out", [False, True])
def test_the_protocol_in_json_and_bytes(client, binary_in, binary_out):
    answer = infer(client, binary_in, binary_out)
    assert answer.status_code == 200
    length = int(answer.headers.get(HEADER, len(answer.content)))
    said = json.loads(answer.content[:length])
    (output,) = said["outputs"]
    assert (said["id"], said["model_name"], output["shape"]) == ("7", "colours", [2, 2])
    if binary_out:
        numbers = np.frombuffer(answer.content[length:], "<f4")
        assert output["parameters"]["binary_data_size"] == numbers.nbytes
    else:
        numbers = np.array(output["data"], "float32")
    expected = colours().run({"image": ARRAY})["probabilities"]
    np.testing.assert_allclose(numbers.reshape(2, 2), expected, rtol=1e-6)


def test_every_way_to_ask_gives_the_same_answer(client):
    encoded = base64.b64encode(RED).decode()
    asked = [
        client.post("/predict", content=RED, headers={"content-type": "image/png"}),
        client.post("/predict", files={"file": ("a.png", RED)}),
        client.post("/predict?model=colours", json={"b64": encoded}),
        client.post("/invocations", content=RED, headers={"content-type": "application/x-image"}),
        client.post("/v1/models/colours:predict", json={"instances": [{"b64": encoded}]}),
    ]
    for answer in asked:
        assert answer.status_code == 200, answer.text
        (prediction,) = answer.json()["predictions"]
        assert prediction == asked[0].json()["predictions"][0]
        assert prediction["class_name"] == "red"
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
    both = client.post("/predict", files=[("a", ("a.png", RED)), ("b", ("b.png", BLUE))])
    assert [p["class_name"] for p in both.json()["predictions"]] == ["red", "blue"]


def test_models_are_described(client):
    told = client.get("/v2/models/colours").json()
    assert told["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, *SIZE, 3]}]
    assert told["versions"] == ["1"]
    assert client.get("/v2").json()["extensions"][0] == "binary_tensor_data"
    for place in ("/v2/health/live", "/v2/health/ready", "/v2/models/colours/ready", "/ping"):
        assert client.get(place).status_code == 200
    assert client.post("/v2/repository/index").json()[0]["state"] == "READY"
    page = client.get("/")
    named = page.text.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert "http" not in named  # nothing from elsewhere
    client.post("/predict", content=RED, headers={"content-type": "image/png"})
    assert 'transferlearn_items_total{model="colours"} 1.0' in client.get("/metrics").text


def test_a_failure_is_said_in_a_sentence_and_logged(caplog):
    runner = colours()
    runner._runtime.run = lambda inputs: {}["probabilities"]
    client = TestClient(app({"colours": runner}))
    answer = client.post("/predict", content=RED, headers={"content-type": "image/png"})
    assert answer.status_code == 500
    assert answer.json() == {"error": "The server failed; its log says why."}
    assert client.get("/ping").status_code == 200
    (failed,) = [record for record in caplog.records if record.exc_info]
    assert failed.request_id == answer.headers["x-request-id"]


def test_a_span_is_made_of_each_request(monkeypatch):
    trace = pytest.importorskip("opentelemetry.sdk.trace")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), trace.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    made = app({"colours": colours()})
    monkeypatch.setattr("opentelemetry.trace.get_tracer", provider.get_tracer)
    client = TestClient(made)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    client.get("/v2/models/colours", headers={"traceparent": parent, "x-request-id": "mine"})
    client.get("/nowhere")
    known, unknown = exporter.get_finished_spans()
    assert known.name == "GET /v2/models/{name}"
    assert f"{known.context.trace_id:032x}" == parent.split("-")[1]
    assert known.attributes["transferlearn.request_id"] == "mine"
    assert known.attributes["http.response.status_code"] == 200
    assert (unknown.name, unknown.attributes["http.response.status_code"]) == ("GET other", 404)
    assert known.kind.name == "SERVER"


def _deep(times, inside=b"1"):
    return b"[" * times + inside + b"]" * times


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "sentence"),
    [
        ("/predict", RED[:45], "image/png", 400, "cannot be read"),
        ("/predict", b"", "image/png", 400, ""),
        ("/predict", RED, "video/mp4", 415, "not known"),
        ("/predict?model=cats", RED, "image/png", 404, "no model 'cats'"),
        ("/predict", b"[1]", "application/json", 400, "JSON such as"),
        ("/predict", b'{"text": "/etc/passwd"}', "application/json", 400, "takes photos"),
        ("/predict", b'{"instances": "a"}', "application/json", 400, "a list of items"),
        ("/predict", b'{"b64": "%"}', "application/json", 400, "base64"),
        ("/predict", b'{"instances": [[NaN]]}', "application/json", 400, "NaN"),
        ("/predict", b"[" * 100_000, "application/json", 400, ""),
        ("/predict", b'{"instances": ' + b"[" * 5000, "application/json", 400, "no JSON"),
        ("/predict", b'{"instances": ' + _deep(970) + b"}", "application/json", 400, "nested"),
        ("/predict", b'{"a":' * 300 + b"1" + b"}" * 300, "application/json", 400, "nested"),
        ("/predict", b'{"text": "\\ud800"}', "application/json", 400, "no JSON"),
        ("/predict", b'{"instances": [[1e999]]}', "application/json", 400, "no JSON"),
        (
            "/predict",
            b'{"instances": [[' + b"9" * 5000 + b"]]}",
            "application/json",
            400,
            "no JSON",
        ),
        ("/explain", b'{"instances": ' + _deep(970) + b"}", "application/json", 400, "nested"),
        (
            "/v2/models/colours/infer",
            b'{"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": '
            + _deep(970, b'"a"')
            + b"}]}",
            "application/json",
            400,
            "nested",
        ),
        ("/v2/models/colours/infer", b"{}", "application/json", 400, '"inputs"'),
        ("/v2/models/colours/versions/9/infer", b"{}", "application/json", 404, "no version '9'"),
        ("/invocations?model=cats", RED, "image/png", 404, "no model 'cats'"),
        ("/explain", RED, "image/png", 404, "serve the save"),
        ("/nowhere", b"", "text/plain", 404, "no route '/nowhere'"),
        ("/v2", b"", "text/plain", 405, "takes no POST"),
        ("/predict", b"x" * 2_000_001, "image/png", 413, "2,000,000 bytes"),
    ],
)
def test_what_is_wrong_gets_a_sentence(path, body, kind, status, sentence):
    made = app({"colours": colours()}, settings=Settings(largest_request=2_000_000))
    client = TestClient(made, raise_server_exceptions=False)
    answer = client.post(path, content=body, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert sentence in answer.json()["error"]
    assert "Traceback" not in answer.text
    assert client.get("/v2/health/live").status_code == 200


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"datatype": "FP8"}, "datatype"),
        ({"shape": [2, 8, 8, -3]}, "whole numbers"),
        ({"shape": [2**39, 2**39]}, "not of its shape"),
        ({"shape": [1, 8, 8, 3]}, "not of its shape"),
        ({"name": "pixels"}, "The inputs are image"),
        ({"parameters": {"binary_data_size": 10**9}}, "more than there is"),
        ({"parameters": 5}, "object"),
    ],
)
def test_wrong_tensors_are_refused(client, change, sentence):
    for binary in (False, True):
        answer = infer(client, binary, False, **change)
        assert answer.status_code == 400, answer.text
    assert sentence in answer.json()["error"]
    nan = np.full_like(ARRAY, np.nan)
    assert "NaN" in infer(client, True, False, nan).json()["error"]


@pytest.mark.parametrize("length", ["9" * 5000, "\u00b2", "-1", "1e3", "+5", "4 4", ""])
def test_a_length_that_is_no_number_is_refused(client, length):
    answer = client.post(
        "/v2/models/colours/infer", content=b"{}", headers={HEADER: length.encode("latin-1")}
    )
    assert answer.status_code == 400
    assert "number of bytes" in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"request_id": "\\ud800", "labels": ["red"]}',
        b'{"request_id": "a", "labels": ["\\udfff"]}',
        b'{"request_id": "a", "labels": [' + _deep(970) + b"]}",
        b'{"request_id": "a", "labels": [' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"]}",
        b'{"request_id": "\xed\xa0\x80", "labels": ["red"]}',
        b"[" * 10**6,
    ],
)
def test_feedback_of_texts_that_are_none_is_refused(tmp_path, body):
    made = app({"colours": colours()}, settings=Settings(log=tmp_path / "log.sqlite"))
    with TestClient(made) as client:
        headers = {"content-type": "image/png", "x-request-id": "a"}
        client.post("/predict", content=RED, headers=headers)
        answer = client.post("/feedback", content=body)
        assert answer.status_code == 400
        assert "nested" in answer.text or "no JSON" in answer.text


def test_a_packed_body_is_refused(client):
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = client.post("/v2/models/colours/infer", content=b"\x1f\x8b", headers=headers)
    assert (answer.status_code, "Content-Encoding 'gzip'" in answer.text) == (415, True)
    headers = {"content-type": "image/png", "content-encoding": "identity"}
    assert client.post("/predict", content=RED, headers=headers).status_code == 200


def test_a_key_opens_all_but_health():
    client = TestClient(app({"colours": colours()}, settings=Settings(api_key="secret")))
    for place in ("health/live", "models/colours/ready", "models/colours/versions/1/ready"):
        assert client.get(f"/v2/{place}").status_code == 200
    for place in ("models/secret/ready", "models/colours/versions/7/ready"):
        answer = client.get(f"/v2/{place}")
        assert answer.status_code == 404
        assert answer.json()["error"] == f"{place.split('/')[1]!r} is not ready."
    for place in ("", "/models/colours", "/models/colours/infer/ready"):
        assert client.get(f"/v2{place}").status_code == 401
    assert client.get("/v2", headers={"x-api-key": "wrong"}).status_code == 401
    assert client.get("/v2", headers={"x-api-key": "secret"}).status_code == 200
    assert client.get("/v2", headers={"authorization": "Bearer secret"}).status_code == 200


def test_vertex_names_its_own_routes(monkeypatch):
    monkeypatch.setenv("AIP_PREDICT_ROUTE", "/vertex/predict")
    monkeypatch.setenv("AIP_HEALTH_ROUTE", "/vertex/health")
    client = TestClient(app({"colours": colours()}, settings=Settings(api_key="secret")))
    assert client.get("/vertex/health").status_code == 200
    body = {"instances": [{"b64": base64.b64encode(BLUE).decode()}]}
    answer = client.post("/vertex/predict", json=body, headers={"x-api-key": "secret"})
    assert answer.json()["predictions"][0]["class_name"] == "blue"


def reference(runner):
    """A reference of 60 photos that are red or blue, of random strength."""
    random = np.random.default_rng(0)
    pixels = np.zeros((60, *SIZE, 3), "float32")
    pixels[range(60), ..., random.choice([0, 2], 60)] = random.integers(40, 250, (60, 1, 1))
    values = runner.run({"image": pixels})["probabilities"]
    features = pixels.reshape(60, -1)
    truth = values.argmax(axis=1)
    traits = runner.item_reader.traits({"image": pixels})
    outputs = OneClass(("red", "blue"))
    measured = Measured(features, values, traits, outputs.errors(values, truth))
    return Reference.of(
        FeatureAxes.of(features), measured, kind="images", outputs=outputs, how="held-out"
    ), pixels


def test_predictions_are_logged_and_watched(tmp_path):
    runner = colours()
    known, pixels = reference(runner)
    path = tmp_path / "predictions.sqlite"
    made = app({"colours": runner}, settings=Settings(log=path))
    made.api.state.server.models._served["colours"]["1"] = Served("colours", "1", runner, known)
    with TestClient(made) as client:
        answer = infer(client, True, False, pixels[:40])
        assert answer.status_code == 200
        again = client.post("/predict", content=RED, headers={"content-type": "image/png"}).json()
        wait_for(path, 41)
        told = {"request_id": again["request_id"], "labels": ["blue"]}
        assert client.post("/feedback", json=told).json() == {"labelled": 1}
        assert client.post("/feedback", json={**told, "request_id": "x"}).status_code == 404
        for labels, sentence in ((["green"], "no label of colours"), (["red"] * 2, "had 1 items")):
            refused = client.post("/feedback", json={**told, "labels": labels})
            assert (refused.status_code, sentence in refused.json()["error"]) == (400, True)
    logged = read_log(path, known)
    assert len(logged.times) == 41
    assert logged.names[-1] == f"{again['request_id']}/0"
    assert np.isnan(logged.signals.errors[:40]).all()
    assert logged.signals.errors[40] == 1  # it said red
    found = watch(known, logged.signals)
    assert not found.alarm
    assert found.score == 0
    assert {"brightness", "confidence", "output red"} <= {test.name for test in found.tests}


def test_models_in_one_log_are_told_apart(tmp_path):
    ours, other = colours(), colours()
    known, pixels = reference(ours)
    known.write(tmp_path)
    (tmp_path / "none").write_bytes(b"")
    files = {"none": hashlib.sha256(b"").hexdigest()}
    dataclasses.replace(ours.description, files=files).write(tmp_path)
    other.description = dataclasses.replace(ours.description, model_hash="another")
    path = tmp_path / "predictions.sqlite"
    made = app({"colours": ours, "other": other}, settings=Settings(log=path))
    for name, runner in (("colours", ours), ("other", other)):
        served = Served(name, "1", runner, known)
        made.api.state.server.models._served[name]["1"] = served
    with TestClient(made) as client:
        for name, count in (("colours", 30), ("other", 10)):
            body = {"instances": pixels[:count].tolist()}
            assert client.post(f"/v1/models/{name}:predict", json=body).status_code == 200
        wait_for(path, 40)
    options = make_parser().parse_args(["monitor", str(tmp_path), "--log", str(path)])
    assert _of_log(options).items == 30


def test_without_a_reference_predictions_are_logged_too(tmp_path):
    path = tmp_path / "predictions.sqlite"
    with TestClient(app({"colours": colours()}, settings=Settings(log=path))) as client:
        told = client.post("/predict", content=RED, headers={"content-type": "image/png"}).json()
        wait_for(path, 1)
        label = {"request_id": told["request_id"], "labels": ["blue"]}
        assert client.post("/feedback", json=label).json() == {"labelled": 1}
    logged = read_log(path, reference(colours())[0])
    assert logged.signals.errors.tolist() == [1]  # it said red


def test_each_logged_request_has_an_id_of_its_own(tmp_path):
    path = tmp_path / "predictions.sqlite"

    def ask(client, files):
        headers = {"x-request-id": "mine"}
        answer = client.post("/predict", files=[("a", ("a", RED))] * files, headers=headers)
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
        return answer.json()["request_id"]

    with TestClient(app({"colours": colours()}, settings=Settings(log=path))) as client:
        first, second = ask(client, 2), ask(client, 1)  # the first may wait to be written
        assert first == "mine" != second
        assert (
            client.get("/ping", headers={"x-request-id": "mine"}).headers["x-request-id"] == "mine"
        )
        wait_for(path, 3)
        for labels, status in ((["red"], 400), (["red"] * 3, 400), (["red"] * 2, 200)):
            told = {"request_id": "mine", "labels": labels}
            assert client.post("/feedback", json=told).status_code == status
    with TestClient(app({"colours": colours()}, settings=Settings(log=path))) as client:
        assert ask(client, 1) not in ("mine", second)


def test_photos_are_kept_where_asked(tmp_path):
    with pytest.raises(ValueError, match="Photos are kept in the log"):
        Settings(keep_photos=True)
    path = tmp_path / "predictions.sqlite"
    settings = Settings(log=path, keep_photos=True, log_bytes=400_000)
    with TestClient(app({"colours": colours()}, settings=settings)) as client:
        told = client.post("/predict", files=[("a", ("a", RED)), ("b", ("b", BLUE))]).json()
        infer(client, True, False)  # arrays are no photos
        wait_for(path, 2, "photos")
        names = [f"{told['request_id']}/{i}" for i in range(2)]
        assert [content for _, content in photos_of(path, names)] == [RED, BLUE]
        assert path.stat().st_mode & 0o777 == 0o600
        noise = [photo_of_noise(i) for i in range(12)]  # of some 60,000 bytes each
        for one in noise:
            client.post("/predict", content=one, headers={"content-type": "image/png"})
    assert path.stat().st_size < 2 * 400_000  # the newest are there, the oldest are gone
    with opened(path) as file:
        kept = [row[0] for row in file.execute("select content from photos order by time")]
        assert file.execute("select count(*) from predictions").fetchone() == (16,)
    assert 2 <= len(kept) < 12
    assert kept == noise[-len(kept) :]
    with pytest.raises(ValueError, match="--keep-photos"):
        list(photos_of(path, names))


def photo_of_noise(seed):
    """A photo that cannot be packed."""
    file = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (140, 140, 3), "uint8")
    Image.fromarray(noise).save(file, "PNG")
    return file.getvalue()


def wait_for(path, rows, table="predictions"):
    import sqlite3

    until = time.monotonic() + 10
    while time.monotonic() < until:
        file = sqlite3.connect(path)
        if file.execute(f"select count(*) from {table}").fetchone()[0] == rows:
            return
        file.close()
        time.sleep(0.02)
    raise AssertionError("not logged")


class Opened:
    """Stands for a runner that opened a folder."""

    def __init__(self, folder, threads, trusted):
        pass


def broken(*_, **__):
    raise ValueError("damaged")


def test_versions_come_and_go(tmp_path, monkeypatch, caplog):
    from transferlearn.serving import models, opening

    monkeypatch.setattr(opening, "Runner", Opened)
    monkeypatch.setattr(models, "read_reference", lambda folder: None)
    place = tmp_path / "flowers"
    for version in ("9", "10"):
        (place / version).mkdir(parents=True)
        (place / version / "export.json").write_text("{}")
    for odd in ("\u00b2", "\u0663", "-1", "1e1", "9" * 200, "v3"):
        (place / odd).mkdir()
        (place / odd / "export.json").write_text("{}")
    made = Models([place], None)
    assert made.versions("flowers") == ["9", "10"]
    assert made.get().version == "10"
    before = made.get("flowers", "9").runner
    (place / "11").mkdir()
    (place / "11" / "export.json").write_text("{}")
    assert made.reload() == ["flowers"]
    assert made.get().version == "11"
    assert made.get("flowers", "9").runner is before
    assert made.reload() == []

    (place / "12").mkdir()
    (place / "12" / "export.json").write_text("{}")
    monkeypatch.setattr(Opened, "__init__", broken)
    caplog.clear()
    assert made.reload() == made.reload() == []
    (warning,) = caplog.records  # once, and not at each look
    assert (warning.version, warning.error) == ("12", "damaged")
    assert made.get().version == "11"
    (place / "12" / "model.onnx").write_text("mended")
    monkeypatch.setattr(Opened, "__init__", lambda *_, **__: None)
    assert made.reload() == ["flowers"]
    assert made.get().version == "12"


def test_a_broken_version_stops_no_server(tmp_path, monkeypatch, caplog):
    from transferlearn.serving import models

    def opened_if_good(folder, *_):
        if folder.name == "3":
            raise RuntimeError("damaged")
        return colours()

    monkeypatch.setattr(models, "opened", opened_if_good)
    monkeypatch.setattr(models, "read_reference", lambda folder: None)
    for version in ("3", "2"):
        (tmp_path / "flowers" / version).mkdir(parents=True)
        (tmp_path / "flowers" / version / "export.json").write_text("{}")
        if version == "3":
            with pytest.raises(RuntimeError, match="damaged"):  # none is good
                Models([tmp_path / "flowers"], None)
    client = TestClient(app(tmp_path / "flowers"))
    assert [one.version for one in caplog.records] == ["3", "3"]  # of each start
    assert client.get("/v2/models/flowers").json()["versions"] == ["2"]
    states = client.post("/v2/repository/index").json()
    assert [(s["version"], s["state"], s["reason"]) for s in states] == [
        ("2", "READY", ""),
        ("3", "UNAVAILABLE", "damaged"),
    ]
    answer = client.post("/v2/repository/models/flowers/load")
    assert answer.status_code == 500
    assert answer.json() == {"error": "flowers 3 cannot be opened: damaged"}


def test_it_needs_no_keras():
    code = (
        "import sys; sys.modules['keras'] = None; sys.modules['tensorflow'] = None\n"
        "import transferlearn.serving"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
