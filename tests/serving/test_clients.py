"""What KServe's and Triton's clients ask for, media types, and the wrong item of a batch."""

import base64
import json

import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.serving.made import SIZE, colours, photo
from tests.serving.test_masks import half_red, reds
from transferlearn.serving import Settings, app
from transferlearn.serving.accepting import accepted

pytestmark = pytest.mark.core
RED, BLUE = photo((250, 10, 10)), photo((10, 10, 250))
ARRAY = np.zeros((3, *SIZE, 3), "uint8")
ARRAY[0, ..., 0] = ARRAY[1, ..., 2] = 200


@pytest.fixture
def client():
    with TestClient(app({"colours": colours()})) as made:
        yield made


def infer(client, array, datatype="FP32", outputs=None):
    told = {"name": "image", "shape": list(array.shape), "datatype": datatype}
    body = {"inputs": [{**told, "data": array.ravel().tolist()}]}
    if outputs:
        body["outputs"] = outputs
    return client.post("/v2/models/colours/infer", json=body)


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


@pytest.mark.parametrize(
    ("instances", "item", "sentence"),
    [
        ([b64(RED), b64(RED[:40]), b64(RED[:40])], 1, "cannot be read"),
        ([b64(RED), b64(RED), {"b64": "%"}], 2, "no base64"),
        (["a text", b64(RED)], 0, "takes photos"),
        ([b64(RED), b64(photo((1, 2, 3), (40, 40)))], 1, "may have 400 pixels"),
        ([b64(RED), [[1, 2], [3]]], 1, "lists of one length"),
        ([np.full((*SIZE, 3), 9).tolist()] * 3 + [[1]], 3, "shape (height, width, 3)"),
    ],
)
def test_the_item_that_is_wrong_is_named(instances, item, sentence):
    with TestClient(app({"colours": colours()}, settings=Settings(most_pixels=400))) as client:
        answer = client.post("/predict", json={"instances": instances})
        alone = client.post("/predict", json={"instances": [instances[item]]})
    assert answer.status_code == alone.status_code == 400
    error = answer.json()["error"]
    assert error.startswith(f"Item {item + 1} of {len(instances)}: ")
    assert sentence in error
    assert answer.json()["item"] == item
    assert sentence in alone.json()["error"]
    assert "Item" not in alone.json()["error"]
    assert "item" not in alone.json()


def test_the_tensor_row_and_the_answer_that_are_no_number_are_named(client):
    array = ARRAY.astype("float64")
    array[2, 0, 0, 0] = np.inf
    told = {"name": "image", "shape": list(array.shape), "datatype": "FP64"}
    head = {"inputs": [{**told, "parameters": {"binary_data_size": array.nbytes}}]}
    head = json.dumps(head).encode()
    answer = client.post(
        "/v2/models/colours/infer",
        content=head + array.tobytes(),
        headers={"Inference-Header-Content-Length": str(len(head))},
    )
    assert answer.json() == {"error": "Item 3 of 3: 'image' holds NaN or infinity.", "item": 2}
    with TestClient(app({"reds": reds()})) as masks:
        for black in (np.zeros((1, *SIZE, 3)), ARRAY):
            told = {"name": "image", "shape": list(black.shape), "datatype": "FP32"}
            body = {"inputs": [{**told, "data": black.ravel().tolist()}]}
            answer = masks.post("/v2/models/reds/infer", json=body)
            assert answer.status_code == (500 if len(black) == 1 else 200)


@pytest.mark.parametrize("datatype", ["UINT8", "INT16", "FP16", "FP32"])
def test_numbers_that_a_model_holds_exactly_are_taken(client, datatype):
    answer = infer(client, ARRAY, datatype)
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"] == infer(client, ARRAY).json()["outputs"]


@pytest.mark.parametrize("datatype", ["INT32", "FP64"])
def test_numbers_that_would_be_rounded_are_refused(client, datatype):
    answer = infer(client, ARRAY, datatype)
    assert answer.status_code == 400
    assert "dtype float32" in answer.json()["error"]


def test_a_client_of_kserve_asks_whether_a_model_is_ready():
    with TestClient(app({"colours": colours()}, settings=Settings(api_key="secret"))) as client:
        told = client.get("/v1/models/colours").json()
        assert (told["name"], told["ready"]) == ("colours", True)
        assert client.get("/v1/models/x").json() == {"error": "'x' is not ready."}
        assert client.get("/v1/models").status_code == 401
        assert client.post("/v1/models/colours:predict").status_code == 401
        headers = {"x-api-key": "secret"}
        assert client.get("/v1/models", headers=headers).json()["models"] == ["colours"]


def test_a_client_of_triton_reads_the_configuration(client):
    expected = {
        "name": "colours",
        "platform": "onnx",
        "backend": "onnx",
        "max_batch_size": 256,
        "input": [{"name": "image", "data_type": "TYPE_FP32", "dims": [*SIZE, 3]}],
        "output": [{"name": "probabilities", "data_type": "TYPE_FP32", "dims": [2]}],
    }
    assert client.get("/v2/models/colours/config").json() == expected
    assert client.get("/v2/models/colours/versions/1/config").json() == expected
    assert client.get("/v2/models/colours/versions/2/config").status_code == 404


def test_requests_are_counted_by_model_and_version(client):
    infer(client, ARRAY)
    client.post("/predict", content=RED, headers={"content-type": "image/png"})
    client.post("/predict", content=RED[:40], headers={"content-type": "image/png"})
    (found,) = client.get("/v2/models/colours/stats").json()["model_stats"]
    assert (found["name"], found["version"]) == ("colours", "1")
    assert (found["inference_count"], found["execution_count"]) == (4, 2)
    counts = found["inference_stats"]
    assert (counts["success"]["count"], counts["fail"]["count"]) == (2, 1)
    assert counts["compute_infer"]["ns"] > 0
    for place in ("", "/colours/versions/1"):
        assert client.get(f"/v2/models{place}/stats").json() == {"model_stats": [found]}
    assert client.get("/v2/models/x/stats").status_code == 404


def test_the_largest_classes_are_texts(client):
    wanted = {"name": "probabilities", "parameters": {"classification": 1}}
    (output,) = infer(client, ARRAY, outputs=[wanted]).json()["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [3, 1])
    values = colours().run({"image": ARRAY.astype("float32")})["probabilities"]
    expected = [f"{values[0, 0]:f}:0:red", f"{values[1, 1]:f}:1:blue", f"{values[2, 0]:f}:0:red"]
    assert output["data"] == expected
    wanted["parameters"] = {"classification": 9, "binary_data": True}
    answer = infer(client, ARRAY, outputs=[wanted])
    length = int(answer.headers["Inference-Header-Content-Length"])
    assert json.loads(answer.content[:length])["outputs"][0]["shape"] == [3, 2]
    first = expected[0].encode()
    assert answer.content[length:].startswith(len(first).to_bytes(4, "little") + first)
    for wrong in (-1, "2", 1.5, True):
        wanted["parameters"] = {"classification": wrong}
        assert infer(client, ARRAY, outputs=[wanted]).status_code == 400


@pytest.mark.parametrize(
    ("header", "png", "json"),
    [
        ("*/*", False, True),
        ("", False, False),
        ("image/png", True, False),
        ("IMAGE/PNG ; q=1", True, False),
        ("image/png, application/json", True, True),
        ("application/json, image/png", False, True),
        ("image/png;q=0.5, application/json;q=0.9", False, True),
        ("image/png, application/json;q=0.9, */*;q=0.1", True, True),
        ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", True, True),
        ("image/*", True, False),
        ("image/*, image/png;q=0", False, False),
        ("image/png;q=nan", False, False),
        ("image/png;q=1e9, application/json;q=0.1", False, True),
        ("," * 10_000 + "image/png", False, False),
    ],
)
def test_types_are_weighed(header, png, json):
    assert accepted(header) == (png, json)


@pytest.mark.parametrize("accept", ["image/png, application/json;q=0.5", "image/*,*/*;q=0.5"])
def test_who_would_rather_have_a_png_gets_one_where_there_is_one(client, accept):
    headers = {"content-type": "image/png", "accept": accept}
    with TestClient(app({"reds": reds()})) as masks:
        answer = masks.post("/predict", content=half_red(9, 9), headers=headers)
        assert answer.headers["content-type"] == "image/png"
        files = [("a", ("a.png", RED))] * 2
        answer = masks.post("/predict", files=files, headers={"accept": accept})
        assert len(answer.json()["predictions"]) == 2
    assert client.post("/predict", content=RED, headers=headers).json()["model"] == "colours"
