import sys

import keras
import numpy as np
import pytest

from tests.networks import pixels
from transferlearn import backbones
from transferlearn.backbones import applications, blocks_between_cuts

FUNCTIONS = [name for name in dir(keras.applications) if name[0].isupper()]
SHAPE = (32, 32, 3)


def features(model):
    return keras.ops.convert_to_numpy(model(pixels(4, 32).astype("float32"), training=False))


def shake(model):
    """Sets every weight to its own values, and BatchNorm to the statistics of real inputs."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith("kernel"):
            weight.assign(rng.normal(0, np.sqrt(2 / np.prod(weight.shape[:-1])), weight.shape))
        else:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    for norm in norms:
        norm.momentum = 0.0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):  # EfficientNet's, on pixels in [0, 1]
            layer.set_weights(
                [np.float32([0.48, 0.45, 0.4]), np.float32([0.05, 0.06, 0.07]), np.int32(7)]
            )
            layer.finalize_state()
    model(pixels(32, 32, seed=1).astype("float32"), training=True)
    return model


def test_the_networks_are_those_of_the_package():
    assert set(FUNCTIONS) <= set(backbones.names())
    assert len(FUNCTIONS) >= 40
    assert set(backbones.names()) - set(FUNCTIONS) == {"EfficientNetLite0"}


def test_each_network_has_its_facts():
    assert backbones.facts("Xception").image_size == (299, 299)
    assert backbones.facts("VGG16").top1 == 71.3
    assert backbones.facts("ResNet50").top1 == 74.9
    for name in FUNCTIONS:
        facts = backbones.facts(name)
        assert facts.name == name
        assert facts.top1
        assert facts.parameters
        assert not facts.offline


def test_a_network_that_is_not_in_the_list_is_found_all_the_same(monkeypatch):
    monkeypatch.setattr(applications, "_published", dict)
    monkeypatch.setattr(applications, "FIND_BLOCKS", {})
    facts = backbones.facts("VGG16")
    assert (facts.preprocessing, facts.image_size, facts.top1) == ("caffe", (224, 224), None)
    backbone = backbones.get("VGG16", weights=None, image_size=SHAPE[:2])
    assert backbone.blocks == blocks_between_cuts(backbone.model)
    assert "VGG16" in str(backbones.table())


@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV3Small",
        *(pytest.param(name, marks=pytest.mark.full) for name in ("DenseNet121", "ConvNeXtTiny")),
    ],
)
def test_names_are_the_same_for_every_instance(name):
    models = [backbones.get(name, weights=None, image_size=SHAPE[:2]).model for _ in range(2)]
    names = [[operation.name for operation in model.operations] for model in models]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0])
    if name == "MobileNetV3Small":
        assert {"image", "rescaling", "re_lu", "re_lu_1", "expanded_conv_project"} <= set(names[0])


@pytest.mark.parametrize(
    "name", [pytest.param("VGG16", marks=pytest.mark.core), "MobileNetV3Small"]
)
def test_the_network_is_keras_own(name):
    keras.utils.set_random_seed(0)
    ours = backbones.get(name, weights=None, image_size=SHAPE[:2])
    function = getattr(keras.applications, name)
    theirs = shake(function(weights=None, include_top=False, input_shape=SHAPE))
    ours.model.set_weights(theirs.get_weights())
    expected = features(theirs)
    assert expected.std() > 0.1
    np.testing.assert_array_equal(features(ours.model), expected)
    assert ours.name == name
    assert ours.model.name == theirs.name


@pytest.fixture(scope="module")
def efficientnet_file(tmp_path_factory):
    model = keras.applications.EfficientNetB0(weights=None, include_top=False, input_shape=SHAPE)
    path = tmp_path_factory.mktemp("weights") / "EfficientNetB0.weights.h5"
    shake(model).save_weights(path)
    return path


@pytest.mark.full
def test_efficientnet_from_a_file_is_what_keras_builds_for_imagenet(efficientnet_file, monkeypatch):
    asked = []

    def get_file(name, *args, **kwargs):
        asked.append(name)
        return str(efficientnet_file)

    module = sys.modules[keras.applications.EfficientNetB0.__module__]
    monkeypatch.setattr(module.file_utils, "get_file", get_file)
    theirs = keras.applications.EfficientNetB0(include_top=False, input_shape=SHAPE)
    downloaded = backbones.get("EfficientNetB0", image_size=SHAPE[:2])
    assert asked == ["efficientnetb0_notop.h5"] * 2

    by_path = backbones.get("EfficientNetB0", weights=efficientnet_file, image_size=SHAPE[:2])
    monkeypatch.setenv("TRANSFERLEARN_WEIGHTS", str(efficientnet_file.parent))
    by_folder = backbones.get("EfficientNetB0", image_size=SHAPE[:2])
    assert len(asked) == 2

    expected = features(theirs)
    assert expected.std(axis=0).mean() > 0.01
    for backbone in (downloaded, by_path, by_folder):
        np.testing.assert_array_equal(features(backbone.model), expected)
        names = [layer.name for layer in backbone.model.layers]
        assert names == [layer.name for layer in downloaded.model.layers]
    assert (downloaded.source, by_path.source) == (
        "keras.applications, ImageNet",
        str(efficientnet_file),
    )

    plain = keras.applications.EfficientNetB0(
        weights=str(efficientnet_file), include_top=False, input_shape=SHAPE
    )
    assert np.abs(features(plain) - expected).max() > 0.1 * expected.std()
