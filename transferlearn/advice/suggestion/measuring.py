"""Runs a network once over some images, and keeps its blocks' pooled outputs and its speed."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

import keras
import numpy as np

from transferlearn.backbones import Backbone
from transferlearn.builders import ImageBuilder
from transferlearn.data import Dataset, Images, LoadedData, Reading
from transferlearn.data.dataset import Request
from transferlearn.data.images import ImageDataset
from transferlearn.data.iterating import iterate, without_retracing_advice
from transferlearn.data.loading import load_pair
from transferlearn.features.extraction import FeatureModel
from transferlearn.freezing import TrainLastBlocks
from transferlearn.money import Money
from transferlearn.progress import stage
from transferlearn.splitting import boundary, count_operations
from transferlearn.tasks import Encoding, Task
from transferlearn.training import set_trainable
from transferlearn.types import Source, Tensor

_BATCH_SIZE = 32  # images; larger batches are no faster on CPUs (docs/performance.md)
_BACKWARD = 2.0  # operations of the backward pass for one of the forward pass
_DEPTHS = 5  # freezings that are measured by default, from all blocks frozen to none


@dataclass(frozen=True, kw_only=True)
class Depth:
    """Describes one way to freeze a network: the last `trained_blocks` blocks are left to train.

    Attributes:
        trained_blocks: The number of blocks that are trained.
        pooled: Float32 `(items, channels)`: the output of the frozen part, each map as its mean.
        operations: Floating-point operations of the frozen part, for one image.
        trained_parameters: The number of weights that are trained, the head's included.
    """

    trained_blocks: int
    pooled: np.ndarray
    operations: float
    trained_parameters: int


@dataclass(frozen=True, kw_only=True)
class MeasuredBackbone:
    """Holds the speed and size of a network, and the ways to freeze it, measured in one pass.

    Attributes:
        backbone: The backbone of the network.
        depths: The ways to freeze it, from the most blocks frozen to the fewest.
        seconds_per_image: Seconds of the network for one image, the median over the batches.
        operations: Floating-point operations of the network for one image.
        parameters: The number of weights of the network with its head.
        nbytes: Bytes of these weights.
    """

    backbone: Backbone
    depths: tuple[Depth, ...]
    seconds_per_image: float
    operations: float
    parameters: int
    nbytes: int


class ImageSample(NamedTuple):
    """Holds a sample of the images with their targets, and the encoding of all targets.

    Attributes:
        images: Raw images with their targets.
        encoding: What was learnt of the targets, such as the names of the classes.
        total: The number of images in the whole data; `None` where a stream does not tell.
    """

    images: ImageDataset
    encoding: Encoding
    total: int | None

    @property
    def targets(self) -> np.ndarray:
        """The targets of the sample, in the form that a linear probe takes."""
        rows = self.images.learnt[np.arange(len(self.images.items))]
        raw = self.encoding.scoring.raw
        return rows if raw is None else np.asarray(raw(rows).targets)


class Budget(NamedTuple):
    """Estimates time and cost of a training, and holds the seed.

    Attributes:
        images: The number of images to train on; `None` where a stream does not tell.
        epochs: The number of epochs to train for.
        price_per_hour: The price of the machine for an hour, or `None`.
        seed: The seed of the cross-validation.
    """

    images: int | None
    epochs: int
    price_per_hour: Money | None
    seed: int

    def seconds(self, measured: MeasuredBackbone, depth: Depth) -> float | None:
        """Estimates the seconds of a training; `None` where the number of images is not known."""
        if self.images is None:
            return None
        # The frozen part runs once, the rest forward and back in each epoch.
        behind = measured.operations - depth.operations
        operations = depth.operations + self.epochs * (1 + _BACKWARD) * behind
        return self.images * measured.seconds_per_image * operations / measured.operations

    def seconds_of_recipe(self, measured: MeasuredBackbone, depth: Depth) -> float | None:
        """Estimates the seconds of the default recipe where a head is no solved layer.

        It trains the head on the frozen network in half of the epochs, then everything.
        """
        frozen = self.seconds(measured, depth)
        if frozen is None or self.images is None:
            return None
        whole = self.images * measured.seconds_per_image * self.epochs * (1 + _BACKWARD)
        return (frozen + whole) / 2

    def cost(self, seconds: float | None) -> Money | None:
        """Returns what so many seconds cost; `None` where the time or the price is not known."""
        if seconds is None or self.price_per_hour is None:
            return None
        return self.price_per_hour.times(seconds / 3600)


def read_sample(
    train: Source, task: Task, reading: Reading, *, items: int, seed: int
) -> ImageSample:
    """Loads images as `fit` would, and takes at most `items` of them, each class in proportion.

    Of a stream, which cannot be read by item, the beginning is taken.

    Args:
        train: Images with targets, from any source that `fit` takes.
        task: What is to be learnt of the images.
        reading: How the source is read.
        items: The largest number of images to take.
        seed: The seed by which images are chosen.

    Raises:
        ValueError: A class has no image at a stream's beginning.
    """
    dataset = _loaded(train, reading)
    total, encoding = dataset.size, task.learn(dataset.learnt)
    if not isinstance(dataset, ImageDataset):
        # A stream's batches are raw pixels in [0, 255] already, whatever the source held.
        kind = Images(image_size=(dataset.shape[0], dataset.shape[1]), value_range=(0, 255))
        as_read = replace(reading, kind=kind, target=encoding.target)
        dataset = _loaded(_beginning(dataset, items), as_read)
    assert isinstance(dataset, ImageDataset)
    known = len(dataset.items)
    some = dataset.sample(items, seed) if known > items else dataset
    return ImageSample(some, encoding, total)


def pixels(builder: ImageBuilder) -> float:
    """Returns what an image costs a candidate beside others whose networks are not built yet."""
    return float(prod(builder.kind.size))


def _loaded(train: Source, reading: Reading) -> Dataset:
    """Loads a whole source to train on; nothing is held out."""
    return load_pair(train, None, reading, validation_split=0.0).train


def _beginning(stream: Dataset, items: int) -> tuple[np.ndarray, ...]:
    """Reads the first items of a stream: their images, their targets and what else it gives."""
    parts: list[tuple[np.ndarray, ...]] = []
    for part in iterate(stream.batches(batch_size=_BATCH_SIZE)):
        parts.append(part)
        if sum(len(x) for x, *_ in parts) >= items:
            break
    return tuple(np.concatenate(column)[:items] for column in zip(*parts, strict=True))


def measure(
    builder: ImageBuilder,
    sample: ImageDataset,
    counts: Sequence[int] | None,
) -> MeasuredBackbone:
    """Runs a candidate's network once over the images, for its speed, size and pooled outputs.

    Args:
        builder: The builder of the candidate.
        sample: The images, of the size to measure at.
        counts: The numbers of last blocks that may be trained; `None`: five of them, spread evenly
            from none to all.
    """
    # The builder's seed would set the backend's random state, which cannot be put back.
    training = replace(builder, seed=None).prepare(LoadedData(sample, None), cache=False)
    backbone, network, layers = training.backbone, training.network, training.layers
    blocks = len(backbone.blocks)
    if counts is None:
        counts = [round(part * blocks / (_DEPTHS - 1)) for part in range(_DEPTHS)]
    counts = sorted({min(count, blocks) for count in counts})
    masks = [layers.frozen_by(TrainLastBlocks(count)) for count in counts]
    cuts = [boundary(network, mask) for mask in masks]
    pooled = [_Pooled(name=f"pooled_{i}_of_suggest")(cut.tensors) for i, cut in enumerate(cuts)]
    values, seconds = _run(keras.Model(network.items[0], pooled), sample, backbone.name)
    depths = []
    for count, mask, cut, value in zip(counts, masks, cuts, values, strict=True):
        set_trainable(network, mask, batch_norm=training.settings.batch_norm)
        depths.append(
            Depth(
                trained_blocks=count,
                pooled=value,
                operations=cut.operations,
                trained_parameters=_parameters(network.model.trainable_weights),
            )
        )
    return MeasuredBackbone(
        backbone=backbone,
        depths=tuple(depths),
        seconds_per_image=seconds,
        operations=count_operations(network.model),
        parameters=_parameters(network.model.weights),
        nbytes=sum(prod(w.shape) * np.dtype(w.dtype).itemsize for w in network.model.weights),
    )


class _Pooled(keras.Layer):
    """Averages maps over their places, and joins their channels.

    It is a layer, since operations take their names themselves, and the network may have those.
    """

    def call(self, tensors: Sequence[Tensor]) -> Tensor:
        """Returns float32 `(batch, channels)`."""
        return keras.ops.concatenate([*map(_pool, tensors)], axis=-1)


def _pool(tensor: Tensor) -> Tensor:
    """Averages a map over its places, in float32; a tensor without places stays as it is."""
    places = tuple(range(1, len(tensor.shape) - 1))
    values = keras.ops.cast(tensor, "float32")
    return keras.ops.mean(values, axis=places) if places else values


@without_retracing_advice()
def _run(model: keras.Model, sample: ImageDataset, name: str) -> tuple[list[np.ndarray], float]:
    """Returns the model's outputs for all images, and the median of the seconds for one image."""
    items = len(sample.items)
    size = min(_BATCH_SIZE, items)
    height, width = sample.image_size
    words = f"{name} at {height}x{width}"
    predictor = FeatureModel(model)
    parts: list[list[np.ndarray]] = []
    seconds: list[float] = []
    batches = sample.contents(Request(size)).read(np.arange(items), batch_size=size)
    with stage(words, items, sample.noun, cost=float(height * width)) as shown:
        for rows, images in batches:
            if not parts:
                predictor(images, len(rows))  # compiles the model, outside of the time measured
            begun = time.perf_counter()
            parts.append(predictor(images, len(rows)))
            seconds.append((time.perf_counter() - begun) / size)
            shown.advance(len(rows))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return columns, statistics.median(seconds)


def _parameters(weights: Sequence[keras.Variable]) -> int:
    """Counts the numbers that weights hold."""
    return sum(prod(w.shape) for w in weights)
