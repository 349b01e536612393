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
    return keras.Model(read_by(decoder, inputs), decoder(inputs, OUTPUTS))


def read_by(decoder, inputs):
    """The inputs that reach the outputs; older versions of Keras take no others."""
    return {name: inputs[name] for name in inputs if name in decoder.features}


@pytest.mark.parametrize("decoder", DECODERS, ids=repr)
def test_odd_sizes_give_the_finest_map_in_which_all_levels_count(decoder):
    sizes = {4: (19, 25), 8: (10, 13), 16: (5, 7), 32: (3, 4)}
    made = model(decoder, {stride: sizes[stride] for stride in (32, 4, 16, 8)})
    rng = np.random.default_rng(0)
    x = {
        name: rng.normal(size=(2, *tensor.shape[1:])).astype("float32")
        for name, tensor in made.input.items()
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


def test_pictures_are_made_of_the_last_map_alone_and_levels_that_are_missing_are_left_out():
    outputs = {"predictions": Output(3, "cell")}
    maps = {"image": keras.Input((32, 32, 3)), "last": keras.Input((4, 4, 5))}
    made = PictureUNet(width=2, features=("image", "last"))(maps, outputs)
    assert made["predictions"].shape == (None, 32, 32, 3)
    known = ("last", "stride_4", "stride_8")
    assert PictureUNet().read_of(known) == ("image", "stride_4", "stride_8")
    chosen = PictureUNet(features=("image", "stride_2"))
    assert chosen.read_of(known) == ("image", "stride_2")  # which the backbone then refuses


@pytest.mark.parametrize("decoder", [*DECODERS, PictureUNet(features=("image", "last"))], ids=repr)
def test_what_is_no_map_is_refused(decoder):
    alone = decoder if "last" in decoder.features else type(decoder)(features=("last",))
    given = {"image": keras.Input((32, 32, 3)), "last": keras.Input((5,))}
    with pytest.raises(ValueError, match=r"'last' has the shape \(5,\): take a network without"):
        alone(given, OUTPUTS)


@pytest.mark.parametrize("decoder", [*DECODERS, PictureUNet(width=4)], ids=repr)
def test_eight_steps_tell_the_statistics(decoder):
    sizes = {"image": 32, **{f"stride_{s}": 32 // s for s in (2, 4, 8, 16, 32)}}
    inputs = {name: keras.Input((size, size, 3), name=name) for name, size in sizes.items()}
    inputs = read_by(decoder, inputs)
    made = keras.Model(inputs, decoder(inputs, OUTPUTS))
    rng = np.random.default_rng(0)
    x = {
        name: rng.normal(30, 1, (8, *tensor.shape[1:])).astype("float32")
        for name, tensor in inputs.items()
    }
    for _ in range(8):
        made(x, training=True)
    read = [name for name in decoder.features if name != "image"]
    for name in read:
        mean = made.get_layer(f"{name}_scaled").moving_mean
        np.testing.assert_allclose(keras.ops.convert_to_numpy(mean), 30, rtol=0.1)


@pytest.mark.parametrize("decoder", DECODERS, ids=repr)
def test_cells_of_one_level_see_their_neighbours(decoder):
    level = keras.Input((9, 9, 4))
    made = keras.Model(level, type(decoder)(features=("last",))({"last": level}, OUTPUTS))
    x = np.random.default_rng(0).normal(size=(1, 9, 9, 4)).astype("float32")
    other = x.copy()
    other[0, 4, 4] += 1
    before, after = (np.asarray(made(one)["predictions"]) for one in (x, other))
    assert np.abs(after - before)[0, 4, 5].max() > 1e-4


def test_wrong_settings_are_named():
    for make, said in (
        (lambda: FPN(width=0), "width"),
        (lambda: UNet(dropout=1.0), "dropout"),
        (lambda: ASPP(distances=(0,)), "distances"),
    ):
        with pytest.raises(ValueError, match=said):
            make()


def check_all(backbone, side, has_stride_2=True):
    """Builds and calls a network with each decoder."""
    photo = np.random.default_rng(0).integers(0, 256, (1, side, side, 3)).astype("float32")
    for decoder in DECODERS:
        builder = tl.ImageSegmenterBuilder(backbone, head=decoder, image_size=(side, side))
        shares = keras.ops.convert_to_numpy(builder.build(3)(photo, training=False))
        assert shares.shape == (1, side, side, 3)
        np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-5)
    builder = tl.ImageToImageBuilder(backbone, head=PictureUNet(width=2), image_size=(side, side))
    made = builder.build()
    np.testing.assert_allclose(made(photo, training=False), photo, atol=1e-3)
    assert any(layer.name == "stride_2_scaled" for layer in made.layers) == has_stride_2


@pytest.mark.full
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_a_map_for_every_decoder(name):
    side = next((size for start, size in SMALLEST.items() if name.startswith(start)), 64)
    backbone = backbones.get(name, weights=None, image_size=(side, side))
    check_all(backbone, side, has_stride_2=not name.startswith("ConvNeXt"))


@pytest.mark.full
@pytest.mark.parametrize("family", ["DenseNet", "ResNet", "VGG"])
def test_backbones_of_keras_hub_have_a_map_for_every_decoder(family):
    hub = pytest.importorskip("keras_hub").models
    small = {
        "DenseNet": {"stackwise_num_repeats": [1] * 4, "compression_ratio": 0.5, "growth_rate": 4},
        "ResNet": {
            "input_conv_filters": [64],
            "input_conv_kernel_sizes": [7],
            "stackwise_num_filters": [64] * 4,
            "stackwise_num_blocks": [1] * 4,
            "stackwise_num_strides": [1, 2, 2, 2],
            "block_type": "basic_block",
        },
        "VGG": {"stackwise_num_repeats": [1] * 5, "stackwise_num_filters": [4] * 5},
    }
    network = getattr(hub, f"{family}Backbone")(**small[family], image_shape=(64, 64, 3))
    check_all(backbones.from_model(network, preprocessing=keras.layers.Rescaling(1 / 255)), 64)


@pytest.mark.full
def test_saved_models_are_read_where_they_give_maps(tmp_path):
    pytest.importorskip("tensorflow")
    from tests.saved_models import IMAGE, network, save_module

    pooled = network()
    whole = keras.Model(pooled.inputs, pooled.layers[-2].output)
    by_name = {
        name: backbones.from_saved_model(save_module(made, tmp_path / name), image_size=IMAGE)
        for name, made in (("pooled", pooled), ("whole", whole))
    }
    for decoder in DECODERS:
        head = type(decoder)(features=("last",))
        made = tl.ImageSegmenterBuilder(by_name["whole"], head=head, image_size=IMAGE).build(3)
        assert made.output_shape == (None, *IMAGE, 3)
        with pytest.raises(ValueError, match="take a network without pooling"):
            tl.ImageSegmenterBuilder(by_name["pooled"], head=head, image_size=IMAGE).build(3)
        with pytest.raises(ValueError, match="name some of these as the decoder's features"):
            tl.ImageSegmenterBuilder(by_name["whole"], head=decoder, image_size=IMAGE).build(3)
    made = tl.ImageToImageBuilder(by_name["whole"], image_size=IMAGE).build()
    assert made.output_shape == (None, *IMAGE, 3)
