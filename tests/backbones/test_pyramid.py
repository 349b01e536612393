"""The feature maps at each stride, found in networks of every family."""

import keras
import pytest

import transferlearn as tl
from transferlearn.backbones.pyramid import STRIDES, pyramid

pytestmark = pytest.mark.core


def found(backbone):
    levels = pyramid(backbone.model, backbone.blocks)
    return {stride: tensor._keras_history.operation.name for stride, tensor in levels.items()}


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        # What the next block widens tells no more than the narrow map that it is made of.
        (
            "MobileNetV2",
            96,
            "expanded_conv_project_BN block_2_add block_5_add block_12_add block_16_project_BN",
        ),
        # Gates have one place, and paddings move the edges.
        (
            "EfficientNetB0",
            64,
            "block1a_project_bn block2b_add block3b_add block5c_add block7a_project_bn",
        ),
        # Blocks end with a pooling, behind the last look at a stride.
        ("VGG16", 64, "block2_conv2 block3_conv3 block4_conv3 block5_conv3 block5_pool"),
    ],
)
def test_maps_of_the_families(name, size, expected):
    backbone = tl.backbones.get(name, weights=None, image_size=(size, size))
    assert found(backbone) == dict(zip(STRIDES, expected.split(), strict=True))


@pytest.mark.full
def test_sizes_without_padding():
    backbone = tl.backbones.get("InceptionV3", weights=None, image_size=(75, 75))
    levels = pyramid(backbone.model, backbone.blocks)
    sizes = {stride: tensor.shape[1] for stride, tensor in levels.items()}
    assert sizes == {2: 35, 4: 15, 8: 7, 16: 3, 32: 1}


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "size", "channels"),
    [
        ("ConvNeXtTiny", 64, {4: 96, 8: 192, 16: 384, 32: 768}),
        ("DenseNet121", 65, {2: 64, 4: 128, 8: 256, 16: 512, 32: 1024}),
        ("NASNetMobile", 224, {2: 32, 4: 44, 8: 264, 16: 528, 32: 1056}),
        ("ResNet50V2", 64, {2: 64, 4: 256, 8: 512, 16: 1024, 32: 2048}),
        ("Xception", 128, {2: 64, 4: 128, 8: 256, 16: 728, 32: 2048}),
    ],
)
def test_widths_of_more_families(name, size, channels):
    backbone = tl.backbones.get(name, weights=None, image_size=(size, size))
    levels = pyramid(backbone.model, backbone.blocks)
    assert {stride: tensor.shape[-1] for stride, tensor in levels.items()} == channels


def test_any_size_and_a_block_of_ones_own():
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="two")(image)
    wide = keras.layers.Conv2D(24, 1, name="wide")(x)
    x = keras.layers.MaxPooling2D(name="pool")(wide)
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = keras.layers.Dense(24, activation="sigmoid")(gate)
    x = keras.layers.Multiply(name="gated")([x, gate])
    backbone = tl.backbones.from_model(keras.Model(image, x))
    assert found(backbone) == {2: "two", 4: "gated"}


def test_features_by_name():
    backbone = tl.backbones.get("MobileNetV2", weights=None, image_size=(96, 96))
    taken = backbone.features(("stride_8", "last"))
    assert [tuple(t.shape) for t in taken.values()] == [(None, 12, 12, 32), (None, 3, 3, 1280)]
    with pytest.raises(ValueError, match="stride_64"):
        backbone.features(("stride_64",))


@pytest.mark.parametrize("size", [None, 64])
def test_maps_that_grow_again(size):
    x = image = keras.Input((size, size, 3))
    for channels in (4, 8, 12):
        x = keras.layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.Conv2DTranspose(8, 3, strides=2, padding="same")(x)
    x = keras.layers.UpSampling2D(name="grown")(x)
    model = keras.Model(image, keras.layers.Conv2D(4, 3, padding="same", name="end")(x))
    levels = pyramid(model, ())
    assert {stride: tensor.shape[-1] for stride, tensor in levels.items()} == {2: 4, 4: 8, 8: 12}
    assert levels[2]._keras_history.operation.name == "end"
