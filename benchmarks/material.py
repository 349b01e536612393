"""Photos, networks and stopwatches that the benchmarks share."""

import time
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from PIL import Image

import transferlearn as tl
from transferlearn.demos import photos as demo

SEED = 0
Photos = tuple[list[str], list[str]]


def photos(count: int | None = None, *, start: int = 0) -> Photos:
    """Paths and class names of the demo's photos, in the demo's order."""
    labelled = demo.photos()
    order = np.random.default_rng(demo.SEED).permutation(len(labelled))[start:][:count]
    paths, names = zip(*(labelled[i] for i in order), strict=True)
    return list(paths), list(names)


def pixels(paths: list[str], size: int) -> np.ndarray:
    """Photos as raw RGB, uint8 `(n, size, size, 3)`."""
    opened = (Image.open(path).convert("RGB").resize((size, size)) for path in paths)
    return np.stack([np.asarray(image) for image in opened])


def backbone(name: str, size: int) -> Any:
    """EfficientNetLite0 with its weights, another network with random ones that act like trained.

    Random weights give features near zero, on which nothing can be shown; so BatchNorm gets the
    statistics of photos, and the network counts as pretrained.
    """
    keras.utils.set_random_seed(SEED)
    if name == "EfficientNetLite0":
        return tl.backbones.get(name, image_size=(size, size))
    random = tl.backbones.get(name, weights=None, image_size=(size, size))
    norms = [x for x in random.model.layers if isinstance(x, keras.layers.BatchNormalization)]
    if not norms:
        return replace(random, pretrained=True)
    image = keras.Input((size, size, 3))
    some = pixels(photos(16)[0], size).astype("float32")
    prepared = keras.Model(image, random.prepare(image)[0])(some)
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    random.model(prepared, training=True)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    return replace(random, pretrained=True)


class EpochTimes(keras.callbacks.Callback):
    """The seconds of each epoch; training ends after `most` of them."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Keras's hook."""
        self._begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keras's hook."""
        self.seconds.append(time.perf_counter() - self._begun)
        self.model.stop_training = len(self.seconds) == self._most


def cache_note(phase: tl.schedules.PhaseResult) -> str:
    """Describes what of a phase was computed once, or why nothing was."""
    return str(phase.stored or f"nothing is stored: {phase.not_stored}")
