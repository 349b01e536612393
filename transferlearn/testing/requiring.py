"""Holds what all checks share: the error that they raise, and a small real network."""

import keras
import numpy as np

from transferlearn.backbones import Backbone, from_model
from transferlearn.configs import write


def require(holds: bool, message: str) -> None:
    """Raises `AssertionError` with the message where something does not hold."""
    if not holds:
        raise AssertionError(message)


def require_settings(part: object) -> None:
    """Requires that a part equals itself, and that a save can write down its settings."""
    name = type(part).__name__
    require(
        part == part,
        f"{name} is not equal to itself. Write it as a frozen dataclass of plain settings.",
    )
    written = write(part)
    require(
        isinstance(written, dict) and "settings" in written,
        f"{name} does not say how it was set: a save would not know. Write it as "
        "@dataclass(frozen=True), with each setting as a field.",
    )


def small_backbone() -> Backbone:
    """Makes a network of four blocks for images of 32 x 32 pixels, with BatchNorm and Dropout."""
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, name="first_conv")(image)
    x = keras.layers.BatchNormalization(name="first_norm")(x)
    x = keras.layers.ReLU()(x)
    y = keras.layers.Conv2D(8, 3, padding="same", name="second_conv")(x)
    y = keras.layers.Dropout(0.2)(keras.layers.BatchNormalization(name="second_norm")(y))
    x = keras.layers.ReLU()(keras.layers.Add()([x, y]))
    x = keras.layers.Conv2D(16, 3, strides=2, activation="relu", name="third_conv")(x)
    x = keras.layers.Conv2D(16, 3, activation="relu", name="fourth_conv")(x)
    return from_model(keras.Model(image, x, name="small"), name="small")


def some_pixels(count: int) -> np.ndarray:
    """Makes coarse random images, uint8 `(count, 32, 32, 3)`; they are the same each time."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3))
    return coarse.repeat(8, axis=1).repeat(8, axis=2).astype("uint8")
