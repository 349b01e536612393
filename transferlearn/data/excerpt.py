"""Opens a few items in the place of all, to measure how long a training on all would take."""

import abc
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from transferlearn.data.batches import Beside, ItemBatches
from transferlearn.data.contents import ItemContents
from transferlearn.data.dataset import ItemDataset, Request
from transferlearn.data.items import Items
from transferlearn.data.listed import Listed
from transferlearn.data.targets.base import Targets
from transferlearn.data.transforms import Transform

_SPREAD = 0.3  # noise that makes copies differ, in standard deviations of the features
Open = Callable[[Listed, Targets, float], ItemDataset]
"""Opens listed items with their targets, which are this share of all items; see `Kind.open`."""


class Observer(abc.ABC):
    """Decides how many items an epoch of a `Sample` has, and is told when they are asked for."""

    def now(self) -> float:
        """Returns the time in seconds; only differences mean something."""
        return time.perf_counter()

    @abc.abstractmethod
    def length(self, sample: "Sample", item_bytes: int | None) -> int:
        """Decides how many items each epoch has; is asked whenever batches are made.

        Args:
            sample: The sample that is read.
            item_bytes: The bytes of the stored features of an item; `None` for raw items.
        """

    @property
    @abc.abstractmethod
    def wants_variety(self) -> bool:
        """Whether the copies of a stored feature must differ from each other."""

    @abc.abstractmethod
    def computing(self, sample: "Sample", items: int) -> None:
        """Is told that `items` items begin to go through the frozen layers; 0: all have."""

    @abc.abstractmethod
    def asked(self, sample: "Sample", batch: int) -> None:
        """Is told that training or validation asks for the batch with this number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample(ItemDataset):
    """Has the targets and the size of a whole dataset, but repeats a few of its items.

    Attributes:
        few: The items that were opened.
        training: Whether the items are to train on; else they are to validate on.
        seconds: How long it took to open the few items, with hashing.
        held_bytes: The bytes of the few items in memory, besides what the source itself holds.
        observer: Decides how many items an epoch has, and is told when they are asked for.
    """

    few: ItemDataset
    training: bool
    seconds: float
    held_bytes: int
    observer: Observer

    def requested(self, request: Request) -> ItemBatches:
        """Makes batches of as many items as the observer decides, by repeating the few."""
        return self.again(self.few.items, request, self.observer.length(self, None))

    def again(
        self, items: Items, request: Request, length: int, *, spread: float = 0.0
    ) -> ItemBatches:
        """Makes batches of `length` items, by repeating `items`: the few, or features of them."""
        beside = self.few.beside(request)
        assert beside is not None
        return _ObservedBatches(
            _RepeatedItems(items, length, spread),
            _repeated_beside(beside, len(items)),
            request.batch_size,
            shuffle=request.shuffle,
            seed=request.seed,
            asked=lambda batch: self.observer.asked(self, batch),
        )

    def at_most(self, count: int) -> ItemDataset:
        """Returns a sample of the few items, which alone were opened."""
        return self.few.at_most(count)

    def contents(self, request: Request) -> "_SampleContents":
        """Returns the few items for storing their features, of which the observer is told."""
        few = self.few.contents(request)
        return _SampleContents(**vars(few), few=few, sample=self, request=request)


@dataclass(frozen=True, kw_only=True, eq=False)
class _SampleContents(ItemContents):
    """Reads the few items and tells the observer, who decides how many the batches repeat."""

    few: ItemContents
    sample: Sample
    request: Request

    @property
    def blank(self) -> np.ndarray | None:
        return self.few.blank

    @property
    def lengths(self) -> np.ndarray | None:
        return self.few.lengths

    def view(self, transform: Transform, number: int) -> "_SampleContents":
        """Returns one view of the few items, of which the observer is told, too."""
        few = self.few.view(transform, number)
        return replace(self, items=few.items, reading=few.reading, few=few)

    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        observer = self.sample.observer
        for part, values in self.few.read(rows, batch_size):
            observer.computing(self.sample, len(part))
            yield part, values
        observer.computing(self.sample, 0)

    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        observer = self.sample.observer
        first_item = keras.tree.flatten(items.start(np.array([0]))())
        length = observer.length(self.sample, sum(tensor.nbytes for tensor in first_item))
        # On copies of a few items a head is solved far too fast.
        spread = _SPREAD if observer.wants_variety else 0.0
        return self.sample.again(items, self.request._replace(seed=seed), length, spread=spread)


class _RepeatedItems(Items):
    """Repeats items until there are `length`; noise of a `spread` above 0 makes them differ."""

    def __init__(self, items: Items, length: int, spread: float) -> None:
        self._items = items
        self._length = length
        self._spread = spread
        self.varies = items.varies

    def __len__(self) -> int:
        return self._length

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], Any]:
        load = self._items.start(rows % len(self._items), epoch)
        return (lambda: keras.tree.map_structure(self._varied, load())) if self._spread else load

    def _varied(self, values: np.ndarray) -> np.ndarray:
        """Adds noise, with `spread` times the standard deviation that the values have."""
        noise = np.random.default_rng().standard_normal(values.shape, "float32")
        return values + (self._spread * values.std(0) * noise).astype(values.dtype)


def _repeated_beside(beside: Beside, count: int) -> Beside:
    """Makes a `Beside` that begins again at the first of `count` rows after the last."""
    return lambda rows: beside(rows % count)


class _ObservedBatches(ItemBatches):
    """Yields batches, and calls `asked` with the number of each that is asked for."""

    def __init__(self, *args: Any, asked: Callable[[int], None], **options: Any) -> None:
        super().__init__(*args, **options)
        self._asked = asked

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        self._asked(index)
        return super().__getitem__(index)


def take_sample(
    listed: Listed,
    targets: Targets,
    rows: np.ndarray,
    open_items: Open,
    *,
    training: bool,
    share: float,
    observer: Observer,
) -> Sample:
    """Opens a random share of the items `rows`, and measures how long that takes.

    Args:
        listed: All items of the source.
        targets: What is to be learnt of them.
        rows: The items that are trained or validated on.
        open_items: Opens some of the items.
        training: Whether the items are trained on; else they are validated on.
        share: The share of `rows` to open, in (0, 1].
        observer: Decides how many items an epoch has, and is told when they are asked for.
    """
    count = math.ceil(share * len(rows))
    chosen = np.sort(np.random.default_rng(0).choice(rows, count, replace=False))
    first = chosen[:1]
    open_items(listed.take(first), targets.take(first), 1.0)  # begins threads, loads codecs
    begun = observer.now()
    few = open_items(listed.take(chosen), targets.take(chosen), count / len(listed))
    few.content_hashes()  # `fit` asks for them too, so they are part of the time
    seconds = observer.now() - begun
    in_memory = isinstance(listed.items, np.ndarray)
    return Sample(
        items=few.items,
        shape=few.shape,
        noun=few.noun,
        skipped=few.skipped,
        targets=targets.take(rows).as_opened(few.learnt, few.shape),
        size=round(len(rows) * len(few.items) / (few.count or 1)),  # a text may have several rows
        few=few,
        training=training,
        seconds=seconds,
        held_bytes=0 if in_memory else few.items.held_bytes,
        observer=observer,
    )
