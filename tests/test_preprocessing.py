import keras
import numpy as np
import pytest

from transferlearn import backbones, preprocessing
from transferlearn.preprocessing import MODES

pytestmark = pytest.mark.core
APPLICATIONS = [name for name in dir(keras.applications) if name[0].isupper()]
ONE_OF_EACH = {"caffe": "VGG16", "torch": "DenseNet121", "tf": "Xception", "none": "ConvNeXtTiny"}


def published_function(name):
    """The `preprocess_input` beside the network, in the public module that holds both."""
    if name.startswith("MobileNetV3"):  # Its module does not show the networks.
        return keras.applications.mobilenet_v3.preprocess_input
    modules = (getattr(keras.applications, module) for module in dir(keras.applications))
    return next(m.preprocess_input for m in modules if name in getattr(m, "__dict__", {}))


def prepare(mode):
    image = keras.Input((16, 24, 3))
    if mode == "none":  # Keras 3.13 makes no model of an input alone
        return keras.Sequential([image, keras.layers.Identity(dtype="float32")])
    return keras.Model(image, MODES[mode](image))


def raw():
    return np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3), dtype="uint8")


def call(model, x):
    return keras.ops.convert_to_numpy(model(x))


@pytest.mark.parametrize("name", APPLICATIONS)
def test_each_network_gets_the_pixels_it_was_trained_on(name):
    expected = published_function(name)(raw().astype("float32"))
    prepared = call(prepare(backbones.facts(name).preprocessing), raw())
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, expected, atol=3e-5)


def test_every_mode_is_in_use():
    used = {backbones.facts(name).preprocessing for name in APPLICATIONS}
    assert used == set(MODES) == set(ONE_OF_EACH)


@pytest.mark.parametrize("mode", MODES)
def test_the_modes_differ_from_one_another(mode):
    others = [call(prepare(other), raw()) for other in MODES if other != mode]
    assert all(np.abs(call(prepare(mode), raw()) - other).max() > 1 for other in others)


@pytest.mark.parametrize(("mode", "name"), ONE_OF_EACH.items())
def test_a_saved_model_still_prepares(mode, name, tmp_path):
    prepare(mode).save(tmp_path / "prepare.keras")
    loaded = keras.models.load_model(tmp_path / "prepare.keras")
    expected = published_function(name)(raw().astype("float32"))
    np.testing.assert_allclose(call(loaded, raw()), expected, atol=3e-5)


@pytest.mark.parametrize("mode", ["caffe", "torch", "tf"])
def test_preparing_is_in_float32_under_any_policy(mode):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        prepared = call(prepare(mode), raw())
    finally:
        keras.config.set_dtype_policy(before)
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared, call(prepare(mode), raw()), atol=1e-6)


def test_an_unknown_preprocessing_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"does none of caffe, torch, tf, none.*BackboneSource"):
        preprocessing.recognise(lambda x: x / 255)
