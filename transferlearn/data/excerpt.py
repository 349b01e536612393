"""A few items in the place of many, to find out what a run on the many takes."""

import abc
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from .batches import ItemBatches
from .contents import ItemContents
from .dataset import ItemDataset, Request
from .items import Items
from .listing import Listing
from .options import Options

_SPREAD = 0.3  # of the noise that makes copies differ, in standard deviations


class Observer(abc.ABC):
    """Says how long an epoch of a `Sample` is, and sees how it is read."""

    def now(self) -> float:
        """Seconds on some clock."""
        return time.perf_counter()

    @abc.abstractmethod
    def length(self, sample: "Sample", item_bytes: int | None) -> int:
        """How many items an epoch has; `item_bytes` of stored features, `None` for raw ones."""

    @property
    @abc.abstractmethod
    def wants_variety(self) -> bool:
        """Whether stored features that come again are to be others."""

    @abc.abstractmethod
    def computing(self, sample: "Sample", items: int) -> None:
        """So many items are about to go through the frozen part; 0: the last ones have."""

    @abc.abstractmethod
    def asked(self, sample: "Sample", batch: int) -> None:
        """Somebody waits for a batch."""


@dataclass(eq=False)
class Excerpt:
    """Data to train and to validate on, of which a few items are opened only.

    `load_pair` takes it in the place of `train`, and gives two `Sample`s.

    Attributes:
        train: Files or arrays, as of `load`.
        validation_data: Likewise, or `None`.
        share: Which part of so many items to open, in (0, 1].
        observer: Of the samples.
        pair: The samples, once they are there; later calls give the same.
    """

    train: Any
    validation_data: Any
    share: Callable[[int], float]
    observer: Observer
    pair: "tuple[Sample, Sample | None] | None" = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample(ItemDataset):
    """Says what the whole dataset would say, and gives a few of its items over and over.

    Attributes:
        few: What is opened.
        training: Whether it is to train on, or else to validate on.
        seconds: That it took to open.
        held_bytes: Of their pixels, besides what the source itself holds.
        observer: Sees how it is read.
    """

    few: ItemDataset
    training: bool
    seconds: float
    held_bytes: int
    observer: Observer

    def _batches(self, request: Request) -> ItemBatches:
        return self.again(self.few.items, request, self.observer.length(self, None))

    def again(
        self, items: Items, request: Request, length: int, *, spread: float = 0.0
    ) -> ItemBatches:
        """Batches of `length` items: those given, one for each of the few, over and over."""
        rows = np.arange(length) % len(items)
        targets, weights = (
            None if values is None else values[rows] for values in self.few._targets(request)
        )
        return _ObservedBatches(
            _Again(items, length, spread),
            targets,
            weights,
            request.batch_size,
            shuffle=request.shuffle,
            seed=request.seed,
            asked=lambda batch: self.observer.asked(self, batch),
        )

    def _contents(self, request: Request) -> "_SampleContents":
        few = self.few._contents(request)
        return _SampleContents(**vars(few), few=few, sample=self, request=request)


@dataclass(frozen=True, kw_only=True, eq=False)
class _SampleContents(ItemContents):
    few: ItemContents
    sample: Sample
    request: Request

    @property
    def blank(self) -> np.ndarray | None:
        return self.few.blank

    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        observer = self.sample.observer
        for part, values in self.few.read(rows, batch_size):
            observer.computing(self.sample, len(part))
            yield part, values
        observer.computing(self.sample, 0)

    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        observer = self.sample.observer
        one = keras.tree.flatten(items.start(np.array([0]))())
        length = observer.length(self.sample, sum(tensor.nbytes for tensor in one))
        spread = _SPREAD if observer.wants_variety else 0.0
        return self.sample.again(items, self.request._replace(seed=seed), length, spread=spread)


class _Again(Items):
    def __init__(self, items: Items, length: int, spread: float) -> None:
        self._items = items
        self._length = length
        self._spread = spread

    def __len__(self) -> int:
        return self._length

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], Any]:
        load = self._items.start(rows % len(self._items), epoch)
        return (lambda: keras.tree.map_structure(self._varied, load())) if self._spread else load

    def _varied(self, values: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng().standard_normal(values.shape, "float32")
        return values + (self._spread * values.std(0) * noise).astype(values.dtype)


class _ObservedBatches(ItemBatches):
    def __init__(self, *args: Any, asked: Callable[[int], None], **options: Any) -> None:
        super().__init__(*args, **options)
        self._asked = asked

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        self._asked(index)
        return super().__getitem__(index)


def take_sample(
    listing: Listing,
    rows: np.ndarray,
    options: Options,
    *,
    training: bool,
    share: float,
    observer: Observer,
) -> Sample:
    """Opens a share of the items `rows` of a source."""
    count = math.ceil(share * len(rows))
    chosen = np.sort(np.random.default_rng(0).choice(rows, count, replace=False))
    listing.take(chosen[:1]).open(options)  # begins threads, loads codecs
    begun = observer.now()
    few = listing.take(chosen).open(options, share=count / len(listing))
    few.content_hashes()
    seconds = observer.now() - begun
    given = isinstance(listing.items, np.ndarray)
    return Sample(
        items=few.items,
        shape=few.shape,
        interpolation=few.interpolation,
        multi_label=few.multi_label,
        skipped=few.skipped,
        class_names=listing.class_names,
        labels=listing.labels[rows],
        size=round(len(rows) * len(few.items) / (few.count or 1)),  # of a text there may be pieces
        few=few,
        training=training,
        seconds=seconds,
        held_bytes=0 if given else few.items.held_bytes,
        observer=observer,
    )
