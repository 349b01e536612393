"""Holds what the checks share: the error that they raise, a small network, and some images."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from transferlearn.backbones import Backbone, from_model
from transferlearn.configs import write
from transferlearn.json_fields import Json


def require(holds: bool, message: str) -> None:
    """Raises an `AssertionError` with this message if `holds` is false."""
    if not holds:
        raise AssertionError(message)


@contextmanager
def requiring(message: str) -> Iterator[None]:
    """Turns any error inside into an `AssertionError` that begins with this message."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"{message}. Raised: {error!r:.500}") from error


def require_object(part: object, family: type, name: str) -> None:
    """Raises `AssertionError` unless a part is an object of a subclass of `family`.

    Args:
        part: What the user passed.
        family: The base class that it should have.
        name: The base class as users write it, such as `"tl.heads.Head"`.
    """
    word = name.rpartition(".")[2]
    require(
        isinstance(part, family),
        f"Pass an object, such as My{word}(), of a subclass of {name}. Received: {part!r}",
    )


def through_json(settings: Json) -> Json:
    """Settings as a save brings them back; raises `AssertionError` if it cannot hold them."""
    try:
        written: Json = json.loads(json.dumps(settings))
    except TypeError as error:
        raise AssertionError(f"settings() must be what JSON takes: {error}.") from error
    return written


def require_settings(part: object) -> None:
    """Raises `AssertionError` unless a part equals itself and a save can hold its settings."""
    name = type(part).__name__
    require(
        part == part,
        f"{name} is not equal to itself. Write it as a frozen dataclass of plain settings.",
    )
    written = write(part)
    require(
        isinstance(written, dict) and "settings" in written,
        f"A save could not hold the settings of {name}. Write it as "
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
    """Makes images of random squares, uint8 `(count, 32, 32, 3)`, which are the same each time."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3))
    return coarse.repeat(8, axis=1).repeat(8, axis=2).astype("uint8")
