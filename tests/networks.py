"""Real networks whose features are spread out, so that a test on them means something."""

from dataclasses import replace

import keras
import numpy as np

from transferlearn import backbones
from transferlearn.assembling import assemble
from transferlearn.backbones import Backbone
from transferlearn.data import Spec
from transferlearn.heads import Output


def pixels(count, size, seed=0):
    """Random raw RGB images, uint8, with coarse structure."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, size // 8, size // 8, 3))
    return coarse.repeat(8, axis=1).repeat(8, axis=2).astype("uint8")


def small_model():
    """Convolutions with a residual block, a dense block, BatchNorm and Dropout."""
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, name="stem_conv")(image)
    x = keras.layers.BatchNormalization(name="stem_bn")(x)
    x = keras.layers.ReLU()(x)
    y = keras.layers.Conv2D(8, 3, padding="same", name="residual_conv")(x)
    y = keras.layers.BatchNormalization(name="residual_bn")(y)
    y = keras.layers.Dropout(0.3, name="residual_dropout")(y)
    x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    y = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="dense_conv")(x)
    x = keras.layers.Concatenate()([x, y])
    x = keras.layers.SpatialDropout2D(0.2, name="dense_dropout")(x)
    x = keras.layers.Conv2D(16, 3, strides=2, name="top_conv")(x)
    x = keras.layers.BatchNormalization(name="top_bn")(x)
    return keras.Model(image, keras.layers.ReLU(name="top_relu")(x), name="small")


def spread(backbone: Backbone, size: int) -> Backbone:
    """Returns BatchNorm the statistics of real inputs, and counts the backbone as pretrained."""
    image = keras.Input((size, size, 3))
    ready = keras.layers.Identity()(backbone.prepare(image)[0])
    prepared = keras.Model(image, ready)(pixels(16, size).astype("float32"))
    norms = [x for x in backbone.model.layers if isinstance(x, keras.layers.BatchNormalization)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    backbone.model(prepared, training=True)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    assert np.std(keras.ops.convert_to_numpy(backbone.model(prepared, training=False))) > 0.01
    return replace(backbone, pretrained=True)


def small_backbone(seed=0) -> Backbone:
    """`small_model` as a backbone for raw pixels."""
    keras.utils.set_random_seed(seed)
    preprocessing = keras.layers.Rescaling(1 / 127.5, -1.0)
    return spread(backbones.from_model(small_model(), preprocessing=preprocessing), 32)


def pyramid_model():
    """Convolutions that give maps at all strides from 2 to 32."""
    image = x = keras.Input((128, 128, 3))
    for level in range(1, 6):
        x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name=f"conv{level}")(x)
        x = keras.layers.ReLU(name=f"relu{level}")(x)
    return keras.Model(image, x, name="levels")


class Levels(backbones.BackboneSource):
    """`pyramid_model` by name."""

    names = ("Levels",)

    def load(self, name, *, weights, image_size):
        return backbones.from_model(pyramid_model(), pretrained=bool(weights))


class Small(backbones.BackboneSource):
    """`small_backbone` by name, as the command line takes it."""

    names = ("Small",)

    def load(self, name, *, weights, image_size):
        return small_backbone()


def application(name: str, size: int) -> Backbone:
    """A network of `keras.applications` with spread-out random weights."""
    keras.utils.set_random_seed(0)
    return spread(backbones.get(name, weights=None, image_size=(size, size)), size)


def assembled(backbone: Backbone, make_head, size, **options):
    """A backbone and a head as one network, for images of `size` (height, width)."""
    return assemble(
        backbone,
        lambda features: {"predictions": make_head(features["last"])},
        items={"image": Spec((*size, 3), "float32")},
        outputs={"predictions": Output(1)},
        name="network",
        **options,
    )
