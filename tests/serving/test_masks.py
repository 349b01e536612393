"""A server answers with masks in the photo's own size, and logs the shares of classes."""

import base64
import io
import json
import sqlite3
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.serving.made import SIZE, photo
from transferlearn.edge import Description, ImageReader, MaskReader, Runner, TensorSpec
from transferlearn.edge.runtimes import Runtime
from transferlearn.serving import Settings, app

pytestmark = pytest.mark.core


class Reds(Runtime):
    """Returns how red each pixel is; of a black photo, NaN."""

    def run(self, inputs):
        red = inputs["image"][..., 0].astype("float32") / 255
        red = np.where(inputs["image"].max() == 0, np.nan, red)
        return {"probabilities": np.stack([1 - red, red], axis=-1).astype("float32")}


def reds():
    description = Description(
        format="onnx",
        model="none",
        quantize=None,
        inputs={"image": TensorSpec((None, *SIZE, 3), "float32")},
        outputs={"probabilities": TensorSpec((None, *SIZE, 2), "float32")},
        item_reader={},
        output_reader={},
        model_hash="abc",
        made_by={},
    )
    return Runner.of(description, ImageReader(SIZE), MaskReader(("rest", "<b>"), (0, 255)), Reds())


def half_red(width, height):
    pixels = np.full((height, width, 3), 9, "uint8")
    pixels[:, width // 2 :, 0] = 250
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_a_mask_is_a_png_with_a_palette_in_the_photos_own_size(tmp_path):
    log = tmp_path / "log.sqlite"
    with TestClient(app({"reds": reds()}, settings=Settings(log=log))) as client:
        headers = {"Content-Type": "image/png"}
        answer = client.post("/predict", content=half_red(64, 40), headers=headers)
        (found,) = answer.json()["predictions"]
        lost = client.post("/predict", content=photo((0, 0, 0)), headers=headers)
        page = client.get("/").text
    assert lost.status_code == 500
    assert found["shares"] == pytest.approx({"rest": 0.5, "<b>": 0.5}, abs=0.05)
    assert found["colours"] == {"rest": "#303030", "<b>": "#E69F00"}
    with Image.open(io.BytesIO(base64.b64decode(found["mask"]))) as mask:
        assert (mask.mode, mask.size) == ("P", (64, 40))
        assert set(np.unique(np.asarray(mask))) == {0, 255}
        assert mask.convert("RGB").getpixel((60, 20)) == (0xE6, 0x9F, 0x00)
    assert 'id="mask"' in page
    with sqlite3.connect(log) as read:
        (first, *_) = read.execute("SELECT outputs FROM predictions ORDER BY rowid").fetchone()
    assert json.loads(first) == [0.5, 0.5]  # and no probability of each pixel


def test_a_runner_answers_for_tiles():
    runner = reds()
    pixels = np.full((100, 100, 3), 9, "uint8")
    pixels[36:48, 36:48, 0] = 250
    assert runner.predict(pixels, tile=32).mask[40:44, 40:44].all()
    assert not runner.predict(pixels).mask.any()
    two = runner.predict([pixels, pixels[:50]], tile=32)
    assert [one.mask.shape for one in two] == [(100, 100), (50, 100)]


@pytest.mark.full
@pytest.mark.parametrize("tile", [None, 128, 1024])
def test_a_photo_of_twelve_megapixels_takes_little_more_memory_than_itself(tile):
    runner, pixels = reds(), np.zeros((3000, 4000, 3), "uint8")
    pixels[:, 2000:, 0] = 250
    tracemalloc.start()
    found = runner.predict(pixels, tile=tile)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.5 * pixels.nbytes
    assert found.shares["<b>"] == pytest.approx(0.5, abs=0.15)
