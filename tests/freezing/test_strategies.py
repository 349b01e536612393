from dataclasses import dataclass

import keras
import pytest

from transferlearn import backbones
from transferlearn.freezing import (
    Freeze,
    FreezeAll,
    FreezeBatchNorm,
    FreezeDepthwise,
    FreezeFirst,
    FreezeFraction,
    FreezeMatching,
    FreezeNone,
    FreezeStrategy,
    FreezeUpTo,
    Layers,
    TrainLastBlocks,
    as_strategy,
)

pytestmark = pytest.mark.core
NAMES = ["image", "block1_conv", "block1_bn", "block1_pool", "block2_conv", "block2_bn", "act"]
BLOCKS = ["conv1", "conv2", "conv3", "conv4", "conv5"]


@pytest.fixture(scope="module")
def small():
    """Seven layers in two blocks, four of them with weights."""
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(2, 3, name="block1_conv")(image)
    x = keras.layers.BatchNormalization(name="block1_bn")(x)
    x = keras.layers.MaxPooling2D(name="block1_pool")(x)
    x = keras.layers.Conv2D(2, 3, name="block2_conv")(x)
    x = keras.layers.BatchNormalization(name="block2_bn")(x)
    model = keras.Model(image, keras.layers.ReLU(name="act")(x))
    assert [layer.name for layer in model.layers] == NAMES
    return Layers(tuple(model.layers), backbones.blocks_by_name((r"(block\d)", r"\1"))(model))


@pytest.fixture(scope="module")
def resnet():
    backbone = backbones.get("ResNet50", weights=None, image_size=(32, 32))
    return Layers.of(backbone)


def frozen(strategy: Freeze, layers):
    """The names of the layers that are frozen."""
    mask = as_strategy(strategy).frozen(layers)
    assert len(mask) == len(layers)
    assert {type(value) for value in mask} == {bool}
    return [name for name, held in zip(layers.names, mask, strict=True) if held]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (FreezeAll(), NAMES),
        ("all", NAMES),
        (FreezeNone(), []),
        ("none", []),
        (FreezeFirst(0), []),
        (0, []),
        (1, NAMES[:1]),
        (FreezeFirst(4), NAMES[:4]),
        (7, NAMES),
        (0.25, NAMES[:2]),
        (FreezeFraction(0.5), NAMES[:3]),
        (0.75, NAMES[:5]),
        (0.99, NAMES[:6]),
        (0.01, []),
        ("block1", NAMES[:4]),
        (FreezeUpTo("block2"), NAMES),
        ("block1_bn", NAMES[:3]),
        ("image", NAMES[:1]),
        (TrainLastBlocks(0), NAMES),
        (TrainLastBlocks(1), NAMES[:4]),
        (TrainLastBlocks(2), []),
        (FreezeMatching("_bn$"), ["block1_bn", "block2_bn"]),
        (FreezeMatching("^block1"), NAMES[1:4]),
        (FreezeMatching("conv"), ["block1_conv", "block2_conv"]),
        (FreezeBatchNorm(), ["block1_bn", "block2_bn"]),
        (FreezeFirst(2) | FreezeBatchNorm(), [*NAMES[:3], "block2_bn"]),
        (FreezeFirst(1) | FreezeMatching("act") | FreezeUpTo("block1_conv"), [*NAMES[:2], "act"]),
    ],
)
def test_what_is_frozen(strategy, expected, small):
    assert frozen(strategy, small) == expected


def test_a_strategy_changes_nothing(small):
    before = [layer.trainable for layer in small]
    for strategy in ("all", 3, 0.5, "block1", TrainLastBlocks(1) | FreezeBatchNorm()):
        frozen(strategy, small)
    assert [layer.trainable for layer in small] == before == [True] * 7


def test_resnet_up_to_a_block(resnet):
    held = frozen("conv4", resnet)
    assert held[-1] == "conv4_block6_out"
    assert {name.split("_")[0] for name in held} == {"image", "pool1", *BLOCKS[:4]}
    assert held == frozen(TrainLastBlocks(1), resnet)
    assert len(held) == 175 - 32


def test_resnet_up_to_a_layer_inside_a_block(resnet):
    held = frozen("conv3_block2_1_conv", resnet)
    assert held == resnet.names[: resnet.names.index("conv3_block2_1_conv") + 1]
    assert "conv3_block1_out" in held
    assert "conv3_block2_1_bn" not in held


def test_resnet_batch_norm(resnet):
    held = frozen(FreezeBatchNorm(), resnet)
    assert held == frozen(FreezeMatching("_bn$"), resnet)
    assert len(held) == 53


def test_depthwise_convolutions(small):
    assert frozen(FreezeDepthwise(), small) == []
    lite = Layers.of(backbones.get("EfficientNetLite0", weights=None, image_size=(32, 32)))
    assert frozen(FreezeDepthwise(), lite) == frozen(FreezeMatching("dwconv$"), lite)


def test_resnet_share_counts_layers_with_weights(resnet):
    weighted = [layer.name for layer in resnet if layer.weights]
    held = frozen(0.8, resnet)
    assert [name for name in held if name in weighted] == weighted[: round(0.8 * len(weighted))]
    assert held == resnet.names[: len(held)]
    assert held[-1] in weighted


def test_resnet_joined(resnet):
    joined = frozen(FreezeUpTo("conv2") | FreezeBatchNorm(), resnet)
    assert set(joined) == {*frozen("conv2", resnet), *frozen(FreezeBatchNorm(), resnet)}
    assert len(joined) < len(resnet)


def test_a_strategy_of_ones_own():
    @dataclass(frozen=True)
    class FreezeConvolutions(FreezeStrategy):
        def frozen(self, layers):
            return [isinstance(layer, keras.layers.Conv2D) for layer in layers]

    image = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(2, 3)(image))
    layers = Layers(tuple(keras.Model(image, x).layers), ())
    mine = FreezeConvolutions()
    assert as_strategy(mine) is mine
    assert mine.frozen(layers) == [False, True, False]
    assert (mine | FreezeFirst(1)).frozen(layers) == [True, True, False]


def test_a_strategy_that_forgets_layers_is_refused(small):
    class Short(FreezeStrategy):
        def frozen(self, layers):
            return [True]

    for strategy in (Short() | FreezeNone(), FreezeNone() | Short()):
        with pytest.raises(ValueError, match=r"Short.frozen must say of each of the 7.* 1 answers"):
            strategy.frozen(small)
    assert small.frozen_by(FreezeFirst(2)) == FreezeFirst(2).frozen(small)


def test_only_strategies_are_joined():
    with pytest.raises(TypeError, match=r"unsupported operand"):
        FreezeAll() | "block1"


@pytest.mark.parametrize("value", [True, False, None, [1], 1 + 2j, FreezeAll])
def test_what_is_no_freeze(value):
    with pytest.raises(TypeError, match=r"share in \(0, 1\) or a strategy.*Received: "):
        as_strategy(value)


@pytest.mark.parametrize("share", [1.0, 0.0, -0.5, 1.5, float("nan")])
def test_a_share_is_between_0_and_1(share):
    with pytest.raises(ValueError, match=rf"Received: {share}.*freeze='all' or freeze='none'"):
        as_strategy(share)


@pytest.mark.parametrize("kind", [FreezeFirst, TrainLastBlocks])
@pytest.mark.parametrize("count", [-1, True, 1.0, "1"])
def test_a_number_is_whole_and_not_negative(kind, count):
    with pytest.raises(ValueError, match=rf"at least 0. Received: count={count!r}"):
        kind(count)


def test_more_layers_than_there_are(small):
    with pytest.raises(ValueError, match=r"first 8 layers: the backbone has 7.*freeze='all'"):
        frozen(8, small)


def test_more_blocks_than_there_are(small):
    with pytest.raises(ValueError, match=r"last 3 blocks.* has 2: block1, block2"):
        frozen(TrainLastBlocks(3), small)


def test_an_unknown_name_gets_the_closest(small, resnet):
    with pytest.raises(ValueError, match=r"Received: 'block2_cnov'. Closest: 'block2_conv'"):
        frozen("block2_cnov", small)
    with pytest.raises(ValueError, match=r"Closest: 'conv5'.*Blocks: conv1, conv2, conv3, conv4"):
        frozen("conv9", resnet)
    with pytest.raises(ValueError, match=r"Closest: none. Blocks: block1, block2"):
        frozen("zzz", small)


def test_a_pattern_that_finds_nothing(small):
    with pytest.raises(ValueError, match=r"No layer's name matches '\^conv'.*image, block1_conv"):
        frozen(FreezeMatching("^conv"), small)


def test_a_pattern_that_is_none():
    with pytest.raises(ValueError, match=r"Not a regular expression: '\(conv'"):
        FreezeMatching("(conv")
