import keras
import numpy as np
import pytest

from tests.networks import assembled, pixels, small_backbone
from transferlearn import backbones
from transferlearn.freezing import FreezeBatchNorm, FreezeMatching, Layers, as_strategy
from transferlearn.heads import PooledDense
from transferlearn.splitting import boundary, split

pytestmark = pytest.mark.core
SIZE = (32, 32)


def network(backbone, head=None, **options):
    keras.utils.set_random_seed(1)
    make = head or (lambda features: PooledDense()(features, 3))
    return assembled(backbone, make, SIZE, **options)


def call(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def images():
    return pixels(6, 32, seed=2).astype("float32")


def mask_of(net, backbone, freeze):
    return as_strategy(freeze).frozen(Layers.of(backbone))


def check_split(net, mask, tolerance=0.0):
    """Trunk and tail together are the whole; gives the parts."""
    cut = boundary(net, mask)
    parts = split(net, cut)
    expected = call(net.model, images())
    assert expected.std(axis=0).min() > 0.005
    crossing = parts.trunk(images(), training=False) if parts.trunk else images()
    found = keras.ops.convert_to_numpy(parts.tail(crossing, training=False))
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0)
    return parts, cut


def weighted(layers):
    return {layer.name for layer in layers if layer.weights}


@pytest.fixture(scope="module")
def small():
    backbone = small_backbone()
    return backbone, network(backbone)


def test_every_cut_of_a_small_network(small):
    _, net = small
    names = [layer.name for layer in net.layers]
    crossing = {}
    for end in range(1, len(names) + 1):
        parts, cut = check_split(net, [i < end for i in range(len(names))])
        crossing[names[end - 1]] = len(cut.tensors)
        assert weighted(parts.trunk.layers) == weighted(net.layers[:end])
        assert weighted(parts.tail.layers) == weighted((*net.layers[end:], *net.head))
        assert len(parts.trunk.outputs) == len(parts.tail.inputs) == len(cut.tensors)
    assert crossing["stem_bn"] == 1
    assert crossing["residual_conv"] == crossing["residual_bn"] == 2
    assert crossing["dense_conv"] == 1
    assert crossing[names[-1]] == 1


def test_the_parts_share_the_layers_of_the_whole(small):
    backbone, net = small
    parts = split(net, boundary(net, mask_of(net, backbone, "residual_bn")))
    mine = {id(layer) for layer in net.model.layers}
    for model in (parts.trunk, parts.tail):
        kept = [x for x in model.layers if not isinstance(x, keras.layers.InputLayer)]
        assert {id(layer) for layer in kept} <= mine


def test_nothing_frozen_is_all_tail(small):
    _, net = small
    parts, cut = check_split(net, [False] * len(net.layers))
    assert parts.trunk is None
    assert parts.tail is net.model
    assert cut.tensors == tuple(net.model.inputs)


@pytest.mark.parametrize(
    ("freeze", "in_trunk"),
    [
        (FreezeBatchNorm(), set()),
        (FreezeMatching("^(image|stem_conv|top_conv)$"), {"stem_conv"}),
        (FreezeMatching("^(image|stem.*|residual.*|top_bn)$"), {"stem_conv", "stem_bn",
                                                                "residual_conv", "residual_bn"}),
    ],
)  # fmt: skip
def test_the_trunk_ends_at_the_first_layer_that_is_trained(small, freeze, in_trunk):
    backbone, net = small
    parts, _ = check_split(net, mask_of(net, backbone, freeze))
    assert weighted(parts.trunk.layers) == in_trunk


def test_a_free_layer_that_only_computes_is_in_the_trunk_and_dropout_is_not(small):
    _, net = small
    frozen = {"image", "stem_conv", "stem_bn", "residual_conv", "residual_bn"}
    parts, cut = check_split(net, [layer.name in frozen for layer in net.layers])
    assert "re_lu" in [layer.name for layer in parts.trunk.layers]
    assert "residual_dropout" in [layer.name for layer in parts.tail.layers]
    assert len(cut.tensors) == 2


def test_several_tensors_cross_between_dense_layers():
    image = keras.Input((32, 32, 3))
    tensors = [keras.layers.Conv2D(4, 3, strides=4, name="first")(image)]
    for i in range(3):
        joined = keras.layers.Concatenate()(tensors) if i else tensors[0]
        tensors.append(keras.layers.Conv2D(4, 3, padding="same", name=f"conv_{i}")(joined))
    total = keras.ops.tanh(tensors[0] + tensors[1]) * tensors[2] - tensors[3]
    rescaling = keras.layers.Rescaling(1 / 127.5, -1)
    backbone = backbones.from_model(keras.Model(image, total), preprocessing=rescaling)
    net = network(backbone)
    parts, cut = check_split(net, mask_of(net, backbone, "conv_1"))
    # tanh(first + conv_0), conv_1 and what conv_2 reads; the plain ops went into the trunk.
    assert sorted(t.shape[-1] for t in cut.tensors) == [4, 12]
    assert "tanh" in [operation.name for operation in parts.trunk.operations]


def test_mixed_precision_splits_as_well(small):
    backbone, _ = small
    net = network(backbone, precision="mixed_bfloat16")
    _, cut = check_split(net, mask_of(net, backbone, "residual_conv"), tolerance=1e-6)
    assert {tensor.dtype for tensor in cut.tensors} == {"bfloat16"}
