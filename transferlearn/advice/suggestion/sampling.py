"""Reads the same sample of items for each candidate, as `fit` would read them for it."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from transferlearn.builders import Builder, ImageBuilder
from transferlearn.data import Dataset, Images, Reading
from transferlearn.data.dataset import ItemDataset
from transferlearn.data.images import ImageDataset
from transferlearn.data.iterating import iterate
from transferlearn.data.kind import Kind
from transferlearn.data.loading import load_pair
from transferlearn.tasks import Encoding, Task
from transferlearn.types import Source

_BATCH_SIZE = 32  # items of a stream that are read at a time


class ItemSample(NamedTuple):
    """Holds a sample of the items with their targets, and the encoding of all targets.

    Attributes:
        items: Raw items with their targets; long texts and recordings may have several rows.
        encoding: What was learnt of the targets, such as the names of the classes.
        total: The number of rows in the whole data; `None` where a stream does not tell.
    """

    items: ItemDataset
    encoding: Encoding
    total: int | None

    @property
    def targets(self) -> np.ndarray:
        """The targets of the sample, in the form that a linear probe takes."""
        rows = self.items.learnt[np.arange(len(self.items.items))]
        raw = self.encoding.scoring.raw
        return rows if raw is None else np.asarray(raw(rows).targets)


class Sampler:
    """Reads the same items of a source for each candidate, as `fit` would read them for it.

    Args:
        train: Items with targets, from any source that `fit` takes.
        items: The largest number of items to take, of each class in proportion. Of a stream, which
            cannot be read by item, the beginning is taken.
        seed: The seed by which items are chosen.
    """

    def __init__(self, train: Source, *, items: int, seed: int) -> None:
        self._train, self._items, self._seed = train, items, seed
        self._read: list[tuple[Kind, ItemSample]] = []
        self._chosen: np.ndarray | None = None

    def read(self, task: Task, reading: Reading) -> ItemSample:
        """Returns the sample as candidates of this kind read it; a kind is read once.

        Raises:
            ValueError: A class has no image at a stream's beginning.
        """
        for kind, sample in self._read:
            if kind == reading.kind:
                return sample
        dataset = _loaded(self._train, reading)
        total, encoding = dataset.size, task.learn(dataset.learnt)
        if not isinstance(dataset, ItemDataset):
            # A stream's batches are raw pixels in [0, 255] already, whatever the source held.
            kind = Images(image_size=(dataset.shape[0], dataset.shape[1]), value_range=(0, 255))
            as_read = replace(reading, kind=kind, target=encoding.target)
            dataset = _loaded(_beginning(dataset, self._items), as_read)
        assert isinstance(dataset, ItemDataset)
        found = ItemSample(self._some(dataset), encoding, total)
        self._read.append((reading.kind, found))
        return found

    def _some(self, dataset: ItemDataset) -> ItemDataset:
        """Returns the items that were chosen when the first candidate's kind was read."""
        if self._chosen is None:
            self._chosen = dataset.chosen(self._items, self._seed)
        return dataset.of(self._chosen)


def read_samples(builders: Sequence[Builder], sampler: Sampler) -> list[ItemSample]:
    """Reads the sample for each candidate; images once, so large that none has to enlarge them."""
    kinds = list(dict.fromkeys(type(builder.kind).__name__ for builder in builders))
    if len(kinds) > 1:
        raise ValueError(
            f"All candidates look at the same items. Received: builders for {' and '.join(kinds)}"
        )
    samples = [sampler.read(one.task, _reading(one, builders)) for one in builders]
    return [
        sample._replace(items=_of_its_size(builder, sample.items))
        for builder, sample in zip(builders, samples, strict=True)
    ]


def _reading(builder: Builder, builders: Sequence[Builder]) -> Reading:
    """Returns how the source is read for a candidate."""
    if not isinstance(builder, ImageBuilder):
        return builder.reading()
    degradation = builder.kind.settings().get("degradation")
    if any(other.kind.settings().get("degradation") != degradation for other in builders):
        raise ValueError("Candidates see the same images, so they must have one degradation.")
    sizes = [one.kind.size for one in builders if isinstance(one, ImageBuilder)]
    kind = replace(builder.kind, image_size=None, default_image_size=max(sizes, key=prod))
    return replace(builder.reading(), kind=kind)


def _of_its_size(builder: Builder, items: ItemDataset) -> ItemDataset:
    """Resizes images as `fit` would: arrays keep their size if the builder has no `image_size`."""
    if not isinstance(builder, ImageBuilder) or not isinstance(items, ImageDataset):
        return items
    if items.names is None and builder.image_size is None:
        return items
    return items.resized(builder.kind.size)


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
