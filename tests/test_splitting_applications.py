import keras
import numpy as np
import pytest

from tests.networks import application, assembled, pixels
from transferlearn.freezing import FreezeUpTo, Layers
from transferlearn.heads import PooledDense
from transferlearn.splitting import boundary, split


@pytest.mark.full
@pytest.mark.parametrize("name", ["ResNet50", "DenseNet121"])
def test_cuts_of_real_networks(name):
    backbone = application(name, 32)
    net = assembled(backbone, lambda x: PooledDense()(x, 3), (32, 32))
    images = pixels(6, 32, seed=2).astype("float32")
    expected = keras.ops.convert_to_numpy(net.model(images, training=False))
    assert expected.std(axis=0).min() > 0.005
    ends = {
        "ResNet50": {"conv2_block1_1_conv": 2, "conv4_block3_2_bn": 2, "conv4": 1},
        "DenseNet121": {"conv2_block3_1_bn": 2, "conv4_block7_1_conv": 2},
    }[name]
    for end, crossing in ends.items():
        mask = FreezeUpTo(end).frozen(Layers.of(backbone))
        cut = boundary(net, mask)
        parts = split(net, cut)
        found = parts.tail(parts.trunk(images, training=False), training=False)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-6)
        assert len(cut.tensors) == crossing, end
        held = {x.name for x, frozen in zip(net.layers, mask, strict=True) if frozen and x.weights}
        assert {layer.name for layer in parts.trunk.layers if layer.weights} == held
