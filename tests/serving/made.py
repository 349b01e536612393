"""Runners whose network is a few lines of NumPy."""

import io
import threading

import numpy as np
from PIL import Image

from transferlearn.edge import (
    AudioReader,
    ClassReader,
    Description,
    ImageReader,
    Runner,
    TensorSpec,
)
from transferlearn.edge.runtimes import Runtime

SIZE = (8, 8)


class Colours(Runtime):
    """Returns how red and how blue images are; `gate` holds it up until it is set."""

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()

    def run(self, inputs):
        self.gate.wait(20)
        image = inputs["image"].astype(np.float32)
        both = image[..., [0, 2]].mean((1, 2)) + 1
        return {"probabilities": both / both.sum(axis=1, keepdims=True)}


def colours():
    """A runner of photos with the classes red and blue."""
    description = Description(
        format="onnx",
        model="none",
        quantize=None,
        inputs={"image": TensorSpec((None, *SIZE, 3), "float32")},
        outputs={"probabilities": TensorSpec((None, 2), "float32")},
        item_reader={},
        output_reader={},
        model_hash="abc",
        made_by={},
    )
    return Runner.of(description, ImageReader(SIZE), ClassReader(("red", "blue")), Colours())


class Pitches(Runtime):
    """Returns how low and how high recordings are, by how often samples change their sign."""

    def run(self, inputs):
        high = 4 * (np.diff(np.sign(inputs["audio"])) != 0).mean(axis=1)
        return {"probabilities": np.stack([1 - high, high], axis=1).clip(0, 1).astype("float32")}


def pitches(rate=8000, samples=4000):
    """A runner of recordings with the classes low and high."""
    description = Description(
        format="onnx",
        model="none",
        quantize=None,
        inputs={"audio": TensorSpec((None, samples), "float32")},
        outputs={"probabilities": TensorSpec((None, 2), "float32")},
        item_reader={},
        output_reader={},
        model_hash="abd",
        made_by={},
    )
    reader = AudioReader(rate, samples)
    return Runner.of(description, reader, ClassReader(("low", "high")), Pitches())


def photo(colour, size=(20, 10)):
    """The bytes of a PNG file of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()
