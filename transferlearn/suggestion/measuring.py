"""One pass of a network over some images: what its blocks give, pooled, and how long it takes."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import keras
import numpy as np

from transferlearn import training
from transferlearn.backbones import Backbone
from transferlearn.builders import ImageClassifierBuilder
from transferlearn.data import Dataset, ImageDataset, load_pair, without_retracing_advice
from transferlearn.features.extraction import Predictor
from transferlearn.freezing import Layers, TrainLastBlocks
from transferlearn.splitting import boundary, count_operations

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


def read_sample(
    train: Any, *, items: int, seed: int, **options: Any
) -> tuple[ImageDataset, int | None]:
    """Loads what `fit` would, and takes some of it, each class in its proportion.

    Of a stream, which cannot be read by item, the beginning is taken.

    Args:
        train: Labelled images.
        items: The most to take.
        seed: Of the choice.
        **options: Of `data.load`.

    Returns:
        The sample, and how many images there are in all; `None` where a stream does not tell.

    Raises:
        ValueError: A class has no image at a stream's beginning.
    """
    found, _ = load_pair(train, validation_split=0.0, **options)
    size = found.size
    if not isinstance(found, ImageDataset):
        as_read = {**options, "class_names": found.class_names, "value_range": (0, 255)}
        found, _ = load_pair(_beginning(found, items), validation_split=0.0, **as_read)
    assert isinstance(found, ImageDataset)
    known = len(found.items)
    return (found.split(items / known, seed)[1] if known > items else found), size


def _beginning(stream: Dataset, items: int) -> tuple[np.ndarray, ...]:
    batches = stream.batches(batch_size=_BATCH_SIZE)
    if isinstance(batches, keras.utils.PyDataset):
        read = (batches[i] for i in range(len(batches)))
    else:
        read = batches.as_numpy_iterator()
    parts: list[tuple[np.ndarray, ...]] = []
    for part in read:
        parts.append(part)
        if sum(len(x) for x, *_ in parts) >= items:
            break
    return tuple(np.concatenate(column)[:items] for column in zip(*parts, strict=True))


def measure(
    builder: ImageClassifierBuilder,
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
    backbone = builder._backbone(sample.shape)
    network = builder._assemble(backbone, len(sample.class_names), sample.shape)
    if verbose:
        height, width = sample.image_size
        print(f"{backbone.name} at {height}x{width}: one pass over {len(sample.items):,} images")
    layers, blocks = Layers.of(backbone), len(backbone.blocks)
    if counts is None:
        counts = [round(part * blocks / (_DEPTHS - 1)) for part in range(_DEPTHS)]
    counts = sorted({min(count, blocks) for count in counts})
    masks = [layers.frozen_by(TrainLastBlocks(count)) for count in counts]
    cuts = [boundary(network, mask) for mask in masks]
    pooled = [keras.ops.concatenate([*map(_pool, cut.tensors)], axis=-1) for cut in cuts]
    values, seconds = _run(keras.Model(network.model.inputs[0], pooled), sample, verbose)
    depths = []
    for count, mask, cut, value in zip(counts, masks, cuts, values, strict=True):
        training.set_trainable(network, mask, batch_norm=builder.batch_norm)
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
    progress = keras.utils.Progbar(items, unit_name="image", verbose=int(verbose not in (0, 2)))
    predictor = Predictor(model)
    parts: list[list[np.ndarray]] = []
    seconds: list[float] = []
    batches = sample.contents(batch_size=size).read(np.arange(items), batch_size=size)
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
