"""Runners whose network is a few lines of NumPy."""

import io
import threading

import numpy as np
from PIL import Image

from transferlearn.edge import (
    AudioReader,
    BoxReader,
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


class Finder(Runtime):
    """Finds one object in each image that is not black, and a cat of which it is not sure."""

    def run(self, inputs):
        found = np.zeros((len(inputs["image"]), 100, 6), np.float32)
        found[..., 5] = -1
        seen = inputs["image"].max(axis=(1, 2, 3)) > 130  # bars are 127
        found[seen, 0] = [0.25, 0.25, 0.75, 0.5, 0.75, 1]
        found[seen, 1] = [0.5, 0.5, 0.75, 0.75, 0.25, 0]
        return {"detections": found}


def finder():
    """A runner of photos that finds cats and `<b>`, with a threshold of 0.5."""
    description = Description(
        format="onnx",
        model="none",
        quantize=None,
        inputs={"image": TensorSpec((None, *SIZE, 3), "float32")},
        outputs={"detections": TensorSpec((None, 100, 6), "float32")},
        item_reader={},
        output_reader={},
        model_hash="abf",
        made_by={},
    )
    reader = BoxReader(("cat", "<b>"), (0.5, 0.5), SIZE, True)
    return Runner.of(description, ImageReader(SIZE, fit="letterbox"), reader, Finder())


def photo(colour, size=(20, 10)):
    """The bytes of a PNG file of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()
