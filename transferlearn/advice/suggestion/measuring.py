"""One pass of a network over some images: what its blocks give, pooled, and how long it takes."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

import keras
import numpy as np

from transferlearn.backbones import Backbone
from transferlearn.builders import ImageBuilder
from transferlearn.data import Dataset, Images, LoadedData, Reading
from transferlearn.data.dataset import Request
from transferlearn.data.images import ImageDataset
from transferlearn.data.iterating import iterate, without_retracing_advice
from transferlearn.data.loading import load_pair
from transferlearn.features.extraction import Predictor
from transferlearn.freezing import TrainLastBlocks
from transferlearn.progress import as_verbosity
from transferlearn.splitting import boundary, count_operations
from transferlearn.tasks import Encoding, Task
from transferlearn.training import set_trainable

_BATCH_SIZE = 32
_DEPTHS = 5


@dataclass(frozen=True, kw_only=True)
class Depth:
    """One way to freeze a network: the last `trained_blocks` blocks are left to train.

    Attributes:
        trained_blocks: How many.
        pooled: Float32 `(items, channels)`: the mean over each map that crosses where the frozen
            part ends.
        operations: Of one image, up to there.
        trained_parameters: The head's included.
    """

    trained_blocks: int
    pooled: np.ndarray
    operations: float
    trained_parameters: int


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one pass gives.

    Attributes:
        backbone: The network.
        depths: From the whole backbone frozen on.
        seconds_per_image: Median over the batches.
        operations: Of one image.
        parameters: Of the network with its head.
        nbytes: Of its weights.
    """

    backbone: Backbone
    depths: tuple[Depth, ...]
    seconds_per_image: float
    operations: float
    parameters: int
    nbytes: int


class ImageSample(NamedTuple):
    """Some images with their targets, and what is to be learnt of them.

    Attributes:
        images: Raw images.
        encoding: What was learnt of the targets.
        total: How many images there are in all; `None` where a stream does not tell.
    """

    images: ImageDataset
    encoding: Encoding[Any]
    total: int | None

    @property
    def targets(self) -> np.ndarray:
        """Gives the targets in the form that a probe takes."""
        rows = self.images.learnt[np.arange(len(self.images.items))]
        return rows if self.encoding.raw is None else np.asarray(self.encoding.raw(rows).targets)


def read_sample(
    train: Any, task: Task[Any], reading: Reading, *, items: int, seed: int
) -> ImageSample:
    """Loads what `fit` would, and takes some of it, each class in its proportion.

    Of a stream, which cannot be read by item, the beginning is taken.

    Args:
        train: Images with targets.
        task: What is learnt of them.
        reading: How they are read.
        items: The most to take.
        seed: Of the choice.

    Raises:
        ValueError: A class has no image at a stream's beginning.
    """
    found = _loaded(train, reading)
    total, encoding = found.size, task.learn(found.learnt)
    if not isinstance(found, ImageDataset):
        kind = Images(image_size=(found.shape[0], found.shape[1]), value_range=(0, 255))
        as_read = replace(reading, kind=kind, target=encoding.target)
        found = _loaded(_beginning(found, items), as_read)
    assert isinstance(found, ImageDataset)
    known = len(found.items)
    some = found.split(items / known, seed)[1] if known > items else found
    return ImageSample(some, encoding, total)


def _loaded(train: Any, reading: Reading) -> Dataset:
    return load_pair(train, None, reading, validation_split=0.0).train


def _beginning(stream: Dataset, items: int) -> tuple[np.ndarray, ...]:
    parts: list[tuple[np.ndarray, ...]] = []
    for part in iterate(stream.batches(batch_size=_BATCH_SIZE)):
        parts.append(part)
        if sum(len(x) for x, *_ in parts) >= items:
            break
    return tuple(np.concatenate(column)[:items] for column in zip(*parts, strict=True))


def measure(
    builder: ImageBuilder[Any],
    sample: ImageDataset,
    counts: Sequence[int] | None,
    *,
    verbose: Any,
) -> Measured:
    """Runs the network once over the images.

    Args:
        builder: Of the candidate.
        sample: The images, of the size to measure at.
        counts: Of blocks that may be trained; `None`: spread evenly from none to all.
        verbose: As for `model.fit`.
    """
    # The builder's seed would set the backend's random state, which cannot be put back.
    training = replace(builder, seed=None).prepare(LoadedData(sample, None), cache=False)
    backbone, network, layers = training.backbone, training.network, training.layers
    if verbose:
        height, width = sample.image_size
        print(f"{backbone.name} at {height}x{width}: one pass over {len(sample.items):,} images")
    blocks = len(backbone.blocks)
    if counts is None:
        counts = [round(part * blocks / (_DEPTHS - 1)) for part in range(_DEPTHS)]
    counts = sorted({min(count, blocks) for count in counts})
    masks = [layers.frozen_by(TrainLastBlocks(count)) for count in counts]
    cuts = [boundary(network, mask) for mask in masks]
    pooled = [keras.ops.concatenate([*map(_pool, cut.tensors)], axis=-1) for cut in cuts]
    values, seconds = _run(keras.Model(network.items[0], pooled), sample, verbose)
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
    return Measured(
        backbone=backbone,
        depths=tuple(depths),
        seconds_per_image=seconds,
        operations=count_operations(network.model),
        parameters=_parameters(network.model.weights),
        nbytes=sum(prod(w.shape) * np.dtype(w.dtype).itemsize for w in network.model.weights),
    )


def _pool(tensor: Any) -> Any:
    places = tuple(range(1, len(tensor.shape) - 1))
    values = keras.ops.cast(tensor, "float32")
    return keras.ops.mean(values, axis=places) if places else values


@without_retracing_advice()
def _run(model: keras.Model, sample: ImageDataset, verbose: Any) -> tuple[list[np.ndarray], float]:
    """What the model gives for all images, and the seconds for one."""
    items = len(sample.items)
    size = min(_BATCH_SIZE, items)
    shown = int(as_verbosity(verbose) not in (0, 2))
    progress = keras.utils.Progbar(items, unit_name="image", verbose=shown)
    predictor = Predictor(model)
    parts: list[list[np.ndarray]] = []
    seconds: list[float] = []
    batches = sample.contents(Request(size)).read(np.arange(items), batch_size=size)
    for rows, images in batches:
        if not parts:
            predictor(images, len(rows))  # it is compiled
        begun = time.perf_counter()
        parts.append(predictor(images, len(rows)))
        seconds.append((time.perf_counter() - begun) / size)
        progress.add(len(rows))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return columns, statistics.median(seconds)


def _parameters(weights: Sequence[Any]) -> int:
    return sum(prod(w.shape) for w in weights)
