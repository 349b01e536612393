"""Runs a network once over some items, and keeps its blocks' pooled outputs and its speed."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

import keras
import numpy as np

from transferlearn.backbones import Backbone
from transferlearn.backbones.graph import of_any_length
from transferlearn.builders import Builder
from transferlearn.data import LoadedData
from transferlearn.data.dataset import ItemDataset, Request
from transferlearn.data.iterating import without_retracing_advice
from transferlearn.features.extraction import FeatureModel
from transferlearn.freezing import TrainLastBlocks
from transferlearn.money import Money
from transferlearn.progress import stage
from transferlearn.splitting import Cut, boundary, count_operations
from transferlearn.training import set_trainable
from transferlearn.types import Tensor

_BATCH_SIZE = 32  # items; larger batches are no faster on CPUs (docs/performance.md)
_BACKWARD = 2.0  # operations of the backward pass for one of the forward pass
_DEPTHS = 5  # freezings that are measured by default, from all blocks frozen to none


@dataclass(frozen=True, kw_only=True)
class Depth:
    """Describes one way to freeze a network: the last `trained_blocks` blocks are left to train.

    Attributes:
        trained_blocks: The number of blocks that are trained.
        pooled: Float32 `(rows, channels)`: the output of the frozen part, each map as its mean.
        operations: Floating-point operations of the frozen part, for one row.
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
        seconds_per_item: Seconds of the network for one row, the median over the batches.
        operations: Floating-point operations of the network for one row.
        parameters: The number of weights of the network with its head.
        nbytes: Bytes of these weights.
    """

    backbone: Backbone
    depths: tuple[Depth, ...]
    seconds_per_item: float
    operations: float
    parameters: int
    nbytes: int


class Budget(NamedTuple):
    """Estimates time and cost of a training, and holds the seed.

    Attributes:
        rows: The number of rows to train on; `None` where a stream does not tell.
        epochs: The number of epochs to train for.
        price_per_hour: The price of the machine for an hour, or `None`.
        seed: The seed of the cross-validation.
    """

    rows: int | None
    epochs: int
    price_per_hour: Money | None
    seed: int

    def seconds(self, measured: MeasuredBackbone, depth: Depth) -> float | None:
        """Estimates the seconds of a training; `None` where the number of rows is not known."""
        if self.rows is None:
            return None
        # The frozen part runs once, the rest forward and back in each epoch.
        behind = measured.operations - depth.operations
        operations = depth.operations + self.epochs * (1 + _BACKWARD) * behind
        return self.rows * measured.seconds_per_item * operations / measured.operations

    def seconds_of_recipe(self, measured: MeasuredBackbone, depth: Depth) -> float | None:
        """Estimates the seconds of the default recipe where a head is no solved layer.

        It trains the head on the frozen network in half of the epochs, then everything.
        """
        frozen = self.seconds(measured, depth)
        if frozen is None or self.rows is None:
            return None
        whole = self.rows * measured.seconds_per_item * self.epochs * (1 + _BACKWARD)
        return (frozen + whole) / 2

    def cost(self, seconds: float | None) -> Money | None:
        """Returns what so many seconds cost; `None` where the time or the price is not known."""
        if seconds is None or self.price_per_hour is None:
            return None
        return self.price_per_hour.times(seconds / 3600)


def measure(
    builder: Builder,
    sample: ItemDataset,
    counts: Sequence[int] | None,
) -> MeasuredBackbone:
    """Runs a candidate's network once over the items, for its speed, size and pooled outputs.

    Args:
        builder: The builder of the candidate.
        sample: The items, of the size to measure at.
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
    (item,) = network.items
    pooled = [_pooled(cut, item, f"pooled_{i}_of_suggest") for i, cut in enumerate(cuts)]
    words = f"{backbone.name} at {training.kind.size_in_words(sample.shape)}"
    probed = keras.Model(item, pooled)
    if any(None in spec.shape for spec in training.kind.inputs().values()):
        probed = of_any_length(probed)  # batches of short texts are filled up little
    values, seconds = _run(probed, sample, words)
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
        seconds_per_item=seconds,
        operations=count_operations(network.model),
        parameters=_parameters(network.model.weights),
        nbytes=sum(prod(w.shape) * np.dtype(w.dtype).itemsize for w in network.model.weights),
    )


def _pooled(cut: Cut, item: Tensor, name: str) -> Tensor:
    """Returns what a probe reads at a cut, float32 `(batch, channels)`.

    A row of samples or token ids itself is no feature. Beside the states of a text or recording
    stands a mask: what only fills a row up does not count.
    """
    tensors = [x for x in cut.tensors if x is not item or len(x.shape) > 2]
    lengths = {x.shape[1] for x in tensors if len(x.shape) == 3}
    masks = [x for x in tensors if len(x.shape) == 2 and x.shape[1] in lengths]
    maps = [x for x in tensors if not any(x is mask for mask in masks)]
    return _Pooled(name=name)(maps or [item[:, :0]], masks[:1])


class _Pooled(keras.Layer):
    """Averages maps over their places, and joins their channels.

    It is a layer, since operations take their names themselves, and the network may have those.
    """

    def call(self, maps: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
        """Returns float32 `(batch, channels)`."""
        return keras.ops.concatenate([_pool(tensor, *masks) for tensor in maps], axis=-1)


def _pool(tensor: Tensor, mask: Tensor | None = None) -> Tensor:
    """Averages a map over its places, in float32; a tensor without places stays as it is."""
    places = tuple(range(1, len(tensor.shape) - 1))
    values = keras.ops.cast(tensor, "float32")
    if mask is None or len(places) != 1:
        return keras.ops.mean(values, axis=places) if places else values
    counts = keras.ops.cast(mask, "float32")[:, :, None]
    return keras.ops.sum(values * counts, axis=1) / keras.ops.sum(counts, axis=1)


@without_retracing_advice()
def _run(model: keras.Model, sample: ItemDataset, words: str) -> tuple[list[np.ndarray], float]:
    """Returns the model's outputs for all rows, and the median of the seconds for one row."""
    items = len(sample.items)
    size = min(_BATCH_SIZE, items)
    predictor = FeatureModel(model)
    order, parts = list[np.ndarray](), list[list[np.ndarray]]()
    seconds, compiled = list[float](), set[tuple[int, ...]]()
    batches = sample.contents(Request(size)).read(np.arange(items), batch_size=size)
    with stage(words, items, sample.noun, cost=float(prod(sample.shape))) as shown:
        for rows, read in batches:
            if read.shape[1:] not in compiled:  # outside of the time measured
                predictor(read, len(rows))
                compiled.add(read.shape[1:])
            begun = time.perf_counter()
            parts.append(predictor(read, len(rows)))
            seconds.append((time.perf_counter() - begun) / size)
            order.append(rows)
            shown.advance(len(rows))
    back = np.argsort(np.concatenate(order))  # short texts are read first
    columns = [np.concatenate(column)[back] for column in zip(*parts, strict=True)]
    return columns, statistics.median(seconds)


def _parameters(weights: Sequence[keras.Variable]) -> int:
    """Counts the numbers that weights hold."""
    return sum(prod(w.shape) for w in weights)
