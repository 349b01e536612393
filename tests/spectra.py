"""A kind of arrays, its builder and data, as a user would write them."""

from dataclasses import dataclass

import keras
import numpy as np

import transferlearn as tl
from transferlearn.data import ArrayKind, Spec


@dataclass(frozen=True)
class Spectra(ArrayKind):
    name, noun, endings = "test spectra", "spectrum", (".npy",)
    length: int = 32

    def inputs(self, shape=None):
        return {"spectrum": Spec((self.length,), "float32")}

    def read(self, item):
        return np.load(item) if isinstance(item, str) else item


@dataclass(frozen=True)
class SpectraClassifier(tl.builders.Classifier):
    @property
    def kind(self):
        return Spectra()

    def load_backbone(self, shape):
        return tl.backbones.from_model(self.backbone, raw="spectrum")


def spectra(count, seed=0):
    """Bumps at one of two places, in noise."""
    rng = np.random.default_rng(seed)
    labels = np.array(["low", "high"])[np.arange(count) % 2]
    centres = np.where(labels == "low", 8, 24)[:, None] + rng.normal(0, 1, (count, 1))
    bumps = np.exp(-(((np.arange(32) - centres) / 3) ** 2))
    return (bumps + rng.normal(0, 0.3, (count, 32))).astype("float32"), labels


def backbone():
    keras.utils.set_random_seed(0)
    spectrum = keras.Input((32,))
    x = keras.layers.Reshape((32, 1))(spectrum)
    x = keras.layers.Conv1D(8, 5, strides=2, activation="relu", name="first")(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(spectrum, keras.layers.Dense(16, activation="relu", name="second")(x))
