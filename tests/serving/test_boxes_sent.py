"""A server answers with boxes in the photo's own pixels, or with the photo and its boxes."""

import base64
import io
import json
import sqlite3

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.serving.made import finder, photo
from transferlearn.serving import Settings, app

pytestmark = pytest.mark.core
PNG = {"Content-Type": "image/png"}


@pytest.fixture
def client():
    with TestClient(app({"a": finder()})) as opened:
        yield opened


def test_boxes_come_in_pixels_of_the_photo_without_its_bars(tmp_path):
    settings, sent = Settings(log=tmp_path / "log.sqlite"), photo((250, 10, 10), (40, 20))
    with TestClient(app({"a": finder()}, settings=settings)) as client:
        answer = client.post("/predict", content=sent, headers=PNG).json()
    (found,) = answer["predictions"]
    assert found["size"] == [20, 40]
    # In the frame the photo has a bar of a quarter above and below.
    (one,) = found["objects"]
    assert one == {"label": "<b>", "score": 0.75, "box": [10, 0, 30, 10]}
    assert set(found["colours"]) == {"cat", "<b>"}
    with sqlite3.connect(tmp_path / "log.sqlite") as log:
        ((kept,),) = log.execute("select outputs from predictions").fetchall()
    assert json.loads(kept) == [0, 1, 0.75]  # cats, "<b>", the best score


def test_a_photo_of_nothing_has_no_objects(client):
    answer = client.post("/predict", content=photo((0, 0, 0)), headers=PNG).json()
    assert answer["predictions"][0]["objects"] == []


@pytest.mark.parametrize("sent", ["file", "array"])
def test_a_png_is_the_photo_with_its_boxes(client, sent):
    if sent == "file":
        body = {"content": photo((250, 10, 10), (40, 20)), "headers": PNG}
    else:
        array = np.full((20, 40, 3), (250, 10, 10)).tolist()
        body = {"json": {"instances": [array]}, "headers": {}}
    headers = {**body.pop("headers"), "Accept": "image/png"}
    answer = client.post("/predict", **body, headers=headers)
    drawn = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert drawn.shape == (20, 40, 3)
    assert drawn[15, 35].tolist() == [250, 10, 10]  # the photo itself
    assert drawn[9, 30].tolist() != [250, 10, 10]  # the box around the object


def test_the_open_protocol_gives_detections_and_kserve_objects(client):
    image = {"name": "image", "shape": [1, 8, 8, 3], "datatype": "FP32", "data": [250.0] * 192}
    answer = client.post("/v2/models/a/infer", json={"inputs": [image]}).json()
    (found,) = answer["outputs"]
    assert (found["name"], found["shape"]) == ("detections", [1, 100, 6])
    assert found["data"][:6] == [0.25, 0.25, 0.75, 0.5, 0.75, 1]
    encoded = base64.b64encode(photo((250, 10, 10))).decode()
    answer = client.post("/v1/models/a:predict", json={"instances": [{"b64": encoded}] * 2}).json()
    assert [len(one["objects"]) for one in answer["predictions"]] == [1, 1]
