"""Finds the places in an image that speak for an answer, by Grad-CAM."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
from PIL import Image

from transferlearn.backbones.pyramid import last_map
from transferlearn.data.dataset import Dataset
from transferlearn.data.iterating import iterate
from transferlearn.explaining.answers import Answers, answers_to_explain
from transferlearn.fitted import FittedModel
from transferlearn.json_fields import Json
from transferlearn.types import Tensor

_ROUNDING = 1e-5  # of a sum of float32 numbers, as a share of their sizes
_AT_ONCE = 8  # images; all maps of the network's end are in memory with their gradients


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HeatMap:
    """Describes where in an image a network sees what speaks for an answer.

    Attributes:
        answer: The class or the number that is explained.
        values: How much each place speaks for the answer, float32 `(rows, columns)` of the
            network's last feature map, from 0 to 1 at the strongest place; 0 everywhere if no place
            does.
        image: The image as the network got it, `(height, width, 3)` in [0, 255].
        path: The path of the image's file, if it has one.
    """

    answer: str
    values: np.ndarray
    image: np.ndarray
    path: str | None = None

    def __repr__(self) -> str:
        rows, columns = self.values.shape
        return f"HeatMap({self.answer!r}, {rows}x{columns}, {self.path or 'no file'})"

    def to_dict(self) -> Json:
        """Returns the answer, and the values as `heat`, row by row, as JSON can hold them."""
        return {"answer": self.answer, "heat": np.round(self.values.astype(float), 3).tolist()}

    def resized(self) -> np.ndarray:
        """Returns the values at the size of the image, float32 `(height, width)`, interpolated."""
        height, width = self.image.shape[:2]
        small = Image.fromarray(self.values.astype(np.float32))
        return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))


def heat_maps(fitted: FittedModel, images: object, answer: str | None = None) -> list[HeatMap]:
    """Explains what a model says of images by the places that speak for it.

    Reference: [Grad-CAM](https://arxiv.org/abs/1610.02391). What is explained is the log-odds of a
    class or the value of a number; places that speak against it count as 0. The map is the last one
    of the network that tells places apart. A random network has such maps, too: they show what the
    network looks at, and not that it is right.

    Args:
        fitted: A model of images, of any network but a SavedModel.
        images: Whatever `predict` takes: a path, a folder, arrays, Pillow images.
        answer: The class or the number to explain; `None`: the class that the model says, or the
            first number.

    Raises:
        ValueError: There is no such answer, or the network has no feature map that can be seen.

    Example:
        found = tl.explaining.heat_maps(fitted, "photo.jpg")[0]
        found.values  # 7 x 7 numbers in [0, 1]
    """
    front, back = _halves(fitted.model)
    dataset: Dataset = fitted.kind.unlabelled(images)
    found: list[HeatMap] = []
    for batch, *_ in iterate(dataset.batches(batch_size=_AT_ONCE)):
        maps = front(keras.ops.convert_to_tensor(batch), training=False)
        outputs = keras.ops.convert_to_numpy(back(maps, training=False))
        answers, which = answers_to_explain(fitted, outputs, answer)

        def score(maps: Tensor, answers: Answers = answers, which: np.ndarray = which) -> Tensor:
            return answers.evidence(back(maps, training=False), which)

        values = _weighted(keras.ops.convert_to_numpy(maps), gradient(score, maps))
        names = [answers.names[i] for i in which]
        for name, value, image in zip(names, values, np.asarray(batch), strict=True):
            path = dataset.names[len(found)] if dataset.names else None
            found.append(HeatMap(answer=name, values=value, image=image, path=path))
    return found


def _halves(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Cuts a network behind its last feature map: images to maps, and maps to outputs."""
    found = last_map(model)
    if found is None:
        raise ValueError(
            f"{model.name} has no feature map to look at: none that all of its later layers read "
            "has several rows and columns. (A SavedModel is one layer whose inside is not seen. "
            'Take the same network from keras.applications, such as "MobileNetV2".)'
        )
    return keras.Model(model.inputs, found), keras.Model(found, model.outputs[0])


def _weighted(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Adds the channels of maps up, by their mean gradients, and scales them to at most 1."""
    weights = gradients.astype(np.float32).mean(axis=(1, 2), keepdims=True)
    parts = weights * maps.astype(np.float32)
    heat = np.maximum(parts.sum(axis=-1), 0)
    peak = heat.max(axis=(1, 2), keepdims=True)
    # Channels that cancel each other out leave a rounding error, which is no heat.
    rounding = _ROUNDING * np.abs(parts).sum(axis=-1).max(axis=(1, 2), keepdims=True)
    return np.divide(heat, peak, out=np.zeros_like(heat), where=peak > rounding)


def gradient(score: Callable[[Tensor], Tensor], inputs: Tensor) -> np.ndarray:
    """Returns the gradient of the sum of scores by the inputs, float32 in the shape of the inputs.

    Args:
        score: Takes the inputs and gives a score for each row, `(rows,)`, by Keras's operations.
        inputs: A tensor or an array.
    """
    inputs = keras.ops.convert_to_tensor(inputs)
    moved = _Moved(score, tuple(inputs.shape))
    model = keras.Sequential([keras.Input(batch_shape=inputs.shape, dtype=inputs.dtype), moved])
    # Keras has no gradients of its own, but on every backend a step of SGD: from 0, at the rate 1,
    # it leads to the negative gradient.
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True, auto_scale_loss=False)
    model.train_on_batch(inputs)
    return -keras.ops.convert_to_numpy(moved.move)


class _Moved(keras.Layer):
    """Scores its inputs moved by a weight of 0, whose gradient is that by the inputs."""

    def __init__(self, score: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
        super().__init__(dtype="float32")
        self.score = score
        self.move = self.add_weight(shape=shape, initializer="zeros")

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the scores, and adds their sum to the loss."""
        scores = self.score(inputs + self.move)
        self.add_loss(keras.ops.sum(scores))
        return scores
