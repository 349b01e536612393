"""Every network of `keras.applications`: build, step, save, and reload without this package."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import transferlearn as tl
from transferlearn.fitted import saving

SMALLEST = {"Inception": 75, "Xception": 71, "NASNet": 96}
CODE = """
import sys; sys.modules["transferlearn"] = None
import keras, numpy as np
model = keras.models.load_model("saved/model.keras")
np.save("y.npy", model.predict(np.load("x.npy"), verbose=0))
"""


def image_size(name):
    return next((size for start, size in SMALLEST.items() if name.startswith(start)), 64)


@pytest.mark.full
@pytest.mark.parametrize("name", tl.backbones.names())
def test_build_step_save_and_reload(name, tmp_path):
    size = image_size(name)
    x = np.random.default_rng(0).integers(0, 256, (6, size, size, 3)).astype("uint8")
    builder = tl.ImageClassifierBuilder(
        name, weights=None, freeze="all", image_size=(size, size), seed=0
    )
    model = builder.build(num_classes=3)
    assert model.predict(x, verbose=0).shape == (6, 3)
    model.fit(x, np.array([0, 0, 0, 0, 1, 2]), verbose=0)
    # Not all(): the outputs of an untrained EfficientNetV2L are 0 or 1, and one class may come out
    # as often as it should, so its bias has no gradient.
    assert np.asarray(model.get_layer("predictions").bias).any()
    expected = model.predict(x, verbose=0)
    (tmp_path / "saved").mkdir()
    saving._without_training(model).save(tmp_path / "saved" / "model.keras")
    np.save(tmp_path / "x.npy", x)
    keras.utils.clear_session()
    subprocess.run([sys.executable, "-c", CODE], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), expected, rtol=1e-4, atol=1e-5)
    (tmp_path / "saved" / "model.keras").unlink()
