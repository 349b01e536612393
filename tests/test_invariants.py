"""Frozen means frozen: bit-identical weights and statistics, and outputs as in prediction."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import application, pixels, small_backbone
from transferlearn.freezing import (
    FreezeBatchNorm,
    FreezeMatching,
    FreezeUpTo,
    Layers,
    TrainLastBlocks,
    as_strategy,
)

NETWORKS = ["VGG16", "ResNet50", "EfficientNetV2B0", "DenseNet121", "MobileNetV3Small"]
MODES = ["all", "none", 7, 0.6, TrainLastBlocks(1), TrainLastBlocks(1) | FreezeBatchNorm()]


def is_batch_norm(layer):
    return isinstance(layer, keras.layers.BatchNormalization)


def check(backbone, model, freeze, batch_norm, trained=None):
    """Compares each layer of the trained model with the backbone it came from."""
    mask = as_strategy(freeze).frozen(Layers.of(backbone))
    for layer, frozen in zip(backbone.model.layers, mask, strict=True):
        after = model.get_layer(layer.name)
        held = frozen or (batch_norm == "frozen" and is_batch_norm(layer))
        for old, new in zip(layer.weights, after.weights, strict=True):
            same = np.array_equal(np.asarray(old), np.asarray(new))
            if held:
                assert same, f"{new.path} is frozen and changed"
            elif old.trainable or is_batch_norm(layer):
                assert not same, f"{new.path} is trained and did not change"


def data(size, count=12, seed=1):
    return pixels(count, size, seed=seed), np.arange(count) % 3


@pytest.mark.core
@pytest.mark.parametrize(
    ("freeze", "batch_norm"),
    [
        ("all", "train"),
        (4, "train"),
        ("residual_conv", "frozen"),
        (FreezeMatching("conv"), "frozen"),
        *(
            pytest.param(freeze, batch_norm, marks=pytest.mark.full)
            for freeze in ("none", 0.5, TrainLastBlocks(1))
            for batch_norm in ("frozen", "train")
        ),
    ],
)
def test_fit_keeps_frozen_layers_to_the_bit(freeze, batch_norm):
    backbone = small_backbone()
    builder = tl.ImageClassifierBuilder(backbone, freeze=freeze, batch_norm=batch_norm, seed=0)
    fitted = builder.fit(data(32), data(32, seed=2), epochs=2, verbose=0)
    check(backbone, fitted.model, freeze, batch_norm)


@pytest.mark.core
@pytest.mark.parametrize(
    ("freeze", "batch_norm"),
    [
        ("all", "train"),
        ("residual_conv", "frozen"),
        pytest.param("residual_conv", "train", marks=pytest.mark.full),
        pytest.param("none", "train", marks=pytest.mark.full),
    ],
)
def test_build_keeps_frozen_layers_to_the_bit_under_plain_fit(freeze, batch_norm):
    backbone = small_backbone()
    builder = tl.ImageClassifierBuilder(backbone, freeze=freeze, batch_norm=batch_norm, seed=0)
    model = builder.build(num_classes=3)
    model.fit(*data(32), epochs=2, verbose=0)
    check(backbone, model, freeze, batch_norm)


@pytest.mark.core
def test_a_later_phase_frees_what_an_earlier_one_froze():
    backbone = small_backbone()
    builder = tl.ImageClassifierBuilder(backbone, freeze="residual_conv", seed=0)
    schedule = tl.FineTune(head_epochs=2, rate_factor=0.5, keep="last")
    fitted = builder.fit(data(32), data(32, seed=2), epochs=4, schedule=schedule, verbose=0)
    check(backbone, fitted.model, "residual_conv", "frozen")
    assert [phase.epochs for phase in fitted.phases] == [2, 2]
    assert "top_conv" in fitted.phases[0].frozen_layers
    assert "top_conv" not in fitted.phases[1].frozen_layers


@pytest.mark.core
def test_frozen_dropout_is_off_in_training_and_back_on_when_freed():
    backbone = small_backbone()
    image = pixels(8, 32).astype("float32")
    for freeze, same in (("all", True), ("residual_conv", False)):
        model = tl.ImageClassifierBuilder(backbone, freeze=freeze).build(3)
        features = keras.Model(model.input, model.get_layer("top_relu").output)
        outputs = [np.asarray(features(image, training=mode)) for mode in (True, False)]
        assert np.array_equal(*outputs) == same
    assert backbone.model.get_layer("dense_dropout").rate == 0.2


@pytest.mark.core
def test_stochastic_depth_of_a_frozen_network_is_off():
    model = tl.ImageClassifierBuilder(
        "EfficientNetV2B0", weights=None, image_size=(32, 32), freeze="all", batch_norm="frozen"
    ).build(3)
    drops = [layer for layer in model.layers if layer.name.endswith("_drop")]
    assert drops
    assert all(layer.rate == 0 for layer in drops)


@pytest.mark.core
def test_the_classic_networks_head_trains_on_a_frozen_base():
    backbone = application("MobileNetV3Small", 32)
    fitted = tl.ImageClassifierBuilder(backbone, freeze="all", seed=0).fit(
        data(32), data(32, seed=2), epochs=2, verbose=0
    )
    check(backbone, fitted.model, "all", "frozen")


@pytest.mark.full
@pytest.mark.parametrize("freeze", MODES, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_fit_on_real_networks(name, freeze):
    backbone = application(name, 64)
    builder = tl.ImageClassifierBuilder(backbone, freeze=freeze, seed=0)
    fitted = builder.fit(data(64), data(64, seed=2), epochs=2, verbose=0)
    check(backbone, fitted.model, freeze, "frozen")


@pytest.mark.full
@pytest.mark.parametrize("batch_norm", ["frozen", "train"])
@pytest.mark.parametrize("name", NETWORKS)
def test_schedules_and_plain_fit_on_real_networks(name, batch_norm):
    backbone = application(name, 64)
    freeze = TrainLastBlocks(2)
    builder = tl.ImageClassifierBuilder(backbone, freeze=freeze, batch_norm=batch_norm, seed=0)
    schedule = tl.FineTune(head_epochs=2, rate_factor=0.5, keep="last")
    fitted = builder.fit(data(64), data(64, seed=2), epochs=3, schedule=schedule, verbose=0)
    check(backbone, fitted.model, freeze, batch_norm)
    model = builder.build(num_classes=3)
    model.fit(*data(64), epochs=2, verbose=0)
    check(backbone, model, freeze, batch_norm)


def test_up_to_a_block_is_up_to_and_with_it():
    backbone = small_backbone()
    names = [block.name for block in backbone.blocks]
    mask = FreezeUpTo(names[0]).frozen(Layers.of(backbone))
    assert [i for i, frozen in enumerate(mask) if frozen] == list(backbone.blocks[0].layers)
