"""A server answers with pictures: as PNG files, or in JSON."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.serving.made import SIZE, photo
from transferlearn.edge import (
    Description,
    ImageReader,
    PictureReader,
    RawReader,
    Runner,
    TensorSpec,
)
from transferlearn.edge.runtimes import Runtime
from transferlearn.serving import Settings, app

pytestmark = pytest.mark.core


class Twice(Runtime):
    """Returns each photo twice as large."""

    def run(self, inputs):
        large = inputs["image"].repeat(2, axis=1).repeat(2, axis=2)
        return {"pictures": large.astype("float32")}


def runner(reader):
    height, width = SIZE
    description = Description(
        format="onnx",
        model="none",
        quantize=None,
        inputs={"image": TensorSpec((None, *SIZE, 3), "float32")},
        outputs={"pictures": TensorSpec((None, 2 * height, 2 * width, 3), "float32")},
        item_reader={},
        output_reader={},
        model_hash="abc",
        made_by={},
    )
    return Runner.of(description, ImageReader(SIZE), reader, Twice())


def opened(content):
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return np.asarray(image)


def test_a_picture_is_a_png_or_a_part_of_json():
    models = {"large": runner(PictureReader(2)), "raw": runner(RawReader())}
    most = Settings(most_pixels=4 * 20 * 10)
    with TestClient(app(models, settings=most)) as client:
        told = {"Content-Type": "image/png", "Accept": "image/png"}
        red = photo((200, 0, 9))
        answer = client.post("/predict?model=large", content=red, headers=told)
        assert answer.headers["content-type"] == "image/png"
        size = opened(red).shape[:2]
        assert opened(answer.content).shape == (2 * size[0], 2 * size[1], 3)
        assert (opened(answer.content) == (200, 0, 9)).all()
        plain = client.post("/predict?model=large", content=red, headers={"Accept": "*/*"})
        (found,) = plain.json()["predictions"]
        assert found.keys() == {"size", "picture"}
        assert found["size"] == [2 * size[0], 2 * size[1]]
        np.testing.assert_array_equal(
            opened(base64.b64decode(found["picture"])), opened(answer.content)
        )
        other = client.post("/predict?model=raw", content=red, headers=told)
        assert other.status_code == 406
        assert "gives no pictures" in other.json()["error"]
        wide = photo((1, 2, 3), (21, 10))
        large = client.post("/predict?model=large", content=wide, headers=told)
        assert large.status_code == 400
        assert "pixels" in large.json()["error"]
