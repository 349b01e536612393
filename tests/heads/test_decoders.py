"""Decoders read any levels of a pyramid, in any order, and give a map of the finest size."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from transferlearn import backbones
from transferlearn.heads import ASPP, FPN, Output, PictureUNet, SegFormerDecoder, UNet

pytestmark = pytest.mark.core
DECODERS = [ASPP(width=8), FPN(width=8, units=6), SegFormerDecoder(width=8), UNet(width=4)]
OUTPUTS = {"predictions": Output(3, "cell")}
SMALLEST = {"Inception": 139, "Xception": 128, "NASNet": 128}
FAMILIES = [
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetLite0",
    "EfficientNetV2B0",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "VGG16",
    "Xception",
]


def model(decoder, sizes):
    keras.utils.set_random_seed(0)
    shapes = {f"stride_{stride}": (*size, 4) for stride, size in sizes.items()}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    return keras.Model(inputs, decoder(inputs, OUTPUTS))


@pytest.mark.parametrize("decoder", DECODERS, ids=repr)
def test_odd_sizes_give_the_finest_map_in_which_all_levels_count(decoder):
    sizes = {4: (19, 25), 8: (10, 13), 16: (5, 7), 32: (3, 4)}
    made = model(decoder, {stride: sizes[stride] for stride in (32, 4, 16, 8)})
    rng = np.random.default_rng(0)
    x = {
        f"stride_{s}": rng.normal(size=(2, *size, 4)).astype("float32") for s, size in sizes.items()
    }
    before = made(x)["predictions"]
    assert before.shape == (2, 19, 25, 3)
    for name in decoder.features:
        other = made({**x, name: x[name] * 2})["predictions"]
        assert np.abs(other - before).max() > 1e-4, name


@pytest.mark.parametrize("decoder", DECODERS, ids=repr)
def test_one_level_is_enough(decoder):
    alone = type(decoder)(features=("last",))
    outputs = alone({"last": keras.Input((6, 8, 5))}, OUTPUTS)
    assert outputs["predictions"].shape == (None, 6, 8, 3)


def test_wrong_settings_are_named():
    for make, said in (
        (lambda: FPN(width=0), "width"),
        (lambda: UNet(dropout=1.0), "dropout"),
        (lambda: ASPP(distances=(0,)), "distances"),
    ):
        with pytest.raises(ValueError, match=said):
            make()


@pytest.mark.full
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_a_map_for_every_decoder(name):
    side = next((size for start, size in SMALLEST.items() if name.startswith(start)), 64)
    backbone = backbones.get(name, weights=None, image_size=(side, side))
    photo = np.random.default_rng(0).integers(0, 256, (1, side, side, 3)).astype("float32")
    for decoder in DECODERS:
        builder = tl.ImageSegmenterBuilder(backbone, head=decoder, image_size=(side, side))
        shares = keras.ops.convert_to_numpy(builder.build(3)(photo, training=False))
        assert shares.shape == (1, side, side, 3)
        np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-5)
    builder = tl.ImageToImageBuilder(backbone, head=PictureUNet(width=2), image_size=(side, side))
    made = builder.build()
    np.testing.assert_allclose(made(photo, training=False), photo, atol=1e-3)
    has_stride_2 = any(layer.name == "stride_2_scaled" for layer in made.layers)
    assert has_stride_2 == (not name.startswith("ConvNeXt"))
