"""A server runs saves and fitted models in Keras, and answers as their exports do."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import transferlearn as tl
from tests import made
from tests.networks import pixels
from tests.texts import Unportable

KERNEL = [[4.0, -4.0], [0, 0], [-4, 4]]
PHOTO = pixels(1, 8, seed=3)[0]


def png():
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def fitted():
    return made.of_colours(KERNEL)


@pytest.fixture(params=["fitted", "save"])
def client(request, fitted, tmp_path):
    given = fitted
    if request.param == "save":
        given = fitted.save(tmp_path / "model") or tmp_path / "model"
    with TestClient(tl.serving.app(given)) as opened:
        yield opened


@pytest.mark.core
def test_it_answers_as_predict_does(client, fitted):
    expected = fitted.predict(PHOTO)
    (found,) = client.post("/predict", content=png()).json()["predictions"]
    assert found["class_name"] == expected.class_name
    assert found["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
    told = client.get("/v2/models/model").json()
    assert told["platform"] == "keras"
    assert told["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]}]
    image = {"name": "image", "shape": [1, *PHOTO.shape], "datatype": "FP32"}
    sent = {"inputs": [{**image, "data": np.ravel(PHOTO).tolist()}]}
    (output,) = client.post("/v2/models/model/infer", json=sent).json()["outputs"]
    assert output["data"] == pytest.approx(list(expected.probabilities.values()), abs=1e-6)


@pytest.mark.core
def test_it_says_why_it_answers_so(client, fitted):
    assert client.get("/v2/models/model").json()["parameters"]["explains"]
    (expected,) = tl.explaining.heat_maps(fitted, PHOTO)
    told = client.post("/explain", content=png()).json()
    assert told["answer"] == fitted.predict(PHOTO).class_name == expected.answer
    np.testing.assert_allclose(told["heat"], expected.values, atol=1e-3)
    assert "cannot be read" in client.post("/explain", content=png()[:50]).json()["error"]
    two = client.post("/explain", json={"instances": [{"text": "a"}, {"text": "b"}]})
    assert two.json() == {"error": "One photo or one text is explained at a time."}


def test_a_folder_of_neither_is_refused(tmp_path):
    with pytest.raises(OSError, match="no export or save"):
        tl.serving.app(tmp_path)


@pytest.mark.core
def test_texts_are_answered_whatever_the_tokenizer_needs():
    model = made.of_letters({"g": [0.0, 3.0], "b": [3.0, 0.0]})
    model = replace(model, kind=replace(model.kind, tokenizer=Unportable()))
    assert "Serve the save" in model.kind.export_note()
    with TestClient(tl.serving.app(model)) as client:
        (found,) = client.post("/predict", json={"text": "good"}).json()["predictions"]
        assert client.get("/v2/models/model").json()["parameters"]["items"] == "texts"
        why = client.post("/explain", json={"text": "ggood bad"}).json()
    assert why["words"] == ["ggood", "bad"]
    assert np.sign(why["values"]).tolist() == [1, -1]
    assert found["probabilities"] == pytest.approx(model.predict("good").probabilities, abs=1e-6)
