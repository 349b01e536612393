"""Makes builders of the same network with random weights."""

from dataclasses import replace

import keras
import numpy as np

from transferlearn.backbones import Backbone
from transferlearn.backbones.graph import copy_weights
from transferlearn.builders import Builder
from transferlearn.keras_internals import layers_within


def with_random_weights(builder: Builder) -> Builder:
    """Returns a builder like another, whose network begins with random weights.

    Raises:
        ValueError: The network cannot be had without its weights, such as a SavedModel.
    """
    backbone = builder.backbone
    if isinstance(backbone, str):
        return replace(builder, weights=None)
    if isinstance(backbone, Backbone):
        drawn = _drawn_anew(backbone.model)
        return replace(builder, backbone=replace(backbone, model=drawn, pretrained=False))
    return replace(builder, backbone=_drawn_anew(backbone))


def _drawn_anew(model: keras.Model) -> keras.Model:
    """Copies a model with new random weights; what was measured of the inputs stays."""
    copy = keras.models.clone_model(model)
    pairs = zip(layers_within(model), layers_within(copy), strict=True)
    copy_weights([pair for pair in pairs if isinstance(pair[0], keras.layers.Normalization)])
    given, drawn = model.trainable_weights, copy.trainable_weights
    if given and all(map(_are_equal, given, drawn)):
        raise ValueError(f"the layers of {model.name!r} bring their weights with them.")
    return copy


def _are_equal(given: keras.Variable, drawn: keras.Variable) -> bool:
    """Returns whether two weights have the same values."""
    return np.array_equal(*map(keras.ops.convert_to_numpy, (given, drawn)))
