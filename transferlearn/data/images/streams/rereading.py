"""Reads a stream of images twice, to find out whether it gives the same items each time."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from transferlearn.data.batches import ItemBatches, arrays_beside
from transferlearn.data.contents import Contents, UnsteadyData
from transferlearn.data.images.pixels import fingerprint
from transferlearn.data.items import Items
from transferlearn.data.messages import notice

_PATIENCE = 60.0  # seconds before it is said that a stream is long
# Of unknown length, a stream counts as endless once it gave more items than the first number,
# each of them as many times, on average, as the second.
_ENDLESS = (1_000, 20)
_CHANGED = (
    "the data gave other images or labels when it was read again: it seems to change them at "
    "random, or to leave others out"
)

Batch = tuple[np.ndarray, ...]
Item = tuple[str, int]
_Some = TypeVar("_Some", bound=Sized)


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamContents(Contents):
    """Holds the hashes, targets and weights that a stream gave when it was first read.

    Attributes:
        epoch: Reads the stream once: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        rest: The targets and weights of all items, if any.
        sizes: The number of items in each batch.
        shuffle: Whether the items came in another order when the stream was read again.
    """

    epoch: Callable[[], Iterator[Batch]]
    rest: list[np.ndarray]
    sizes: list[int]
    shuffle: bool

    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Reads the stream once more, and gives the items `rows` in the stream's order."""
        places = defaultdict(list)
        for row in rows[::-1]:  # so that of equal items the first is popped first
            places[self.hashes[row]].append(row)
        known, missing = set(self.hashes), len(rows)
        numbers: list[int] = []
        images: list[np.ndarray] = []
        for image in (image for batch in self.epoch() for image in batch[0]):
            content = fingerprint(image)
            if content not in known:
                raise UnsteadyData(_CHANGED)
            if not places[content]:
                continue
            numbers.append(places[content].pop())
            images.append(image)
            missing -= 1
            if len(numbers) == batch_size or not missing:
                yield np.array(numbers), np.stack(images)
                numbers, images = [], []
            if not missing:
                return
        if missing:
            raise UnsteadyData(_CHANGED)

    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        """Makes batches in the order of both readings; if they differed, shuffles each epoch."""
        sizes = self.sizes[0] if self.shuffle else self.sizes
        beside = arrays_beside(self.rest)
        return ItemBatches(items, beside, sizes, shuffle=self.shuffle, seed=seed)


def read_twice(epoch: Callable[[], Iterator[Batch]], *, may_be_endless: bool) -> StreamContents:
    """Reads a stream twice, and keeps hashes, targets and weights in memory, but no images.

    Args:
        epoch: Reads the stream once.
        may_be_endless: Whether the length of the stream is unknown.

    Raises:
        UnsteadyData: The second reading differs in more than the order, or the first has no end.
    """
    items: list[Item] = []
    distinct: set[Item] = set()
    sizes: list[int] = []
    rests: list[Batch] = []
    for batch in patiently(epoch(), lambda batch: len(batch[0])):
        new = _items(batch)
        items += new
        distinct.update(new)
        sizes.append(len(new))
        rests.append(batch[1:])
        count, least = _ENDLESS
        if may_be_endless and len(items) > count and len(items) >= least * len(distinct):
            raise UnsteadyData(
                f"the data seems never to end: of {len(items):,} images that came only "
                f"{len(distinct):,} differ (if so, add .take(n))"
            )
    return StreamContents(
        hashes=[content for content, _ in items],
        reading="as hashed",
        epoch=epoch,
        rest=[np.concatenate(part) for part in zip(*rests, strict=True)],
        sizes=sizes,
        shuffle=_order_differs(items, epoch()),
    )


def _items(batch: Batch) -> list[Item]:
    """Returns a hash of each image, and one of its targets and weight."""
    x, *rest = batch
    return [
        (fingerprint(image), hash(tuple(part[i].tobytes() for part in rest)))
        for i, image in enumerate(x)
    ]


def _order_differs(first: list[Item], again: Iterable[Batch]) -> bool:
    """Returns whether the second reading came in another order, and refuses other items."""
    left = Counter(first)
    second: list[Item] = []
    for batch in again:
        for item in _items(batch):
            if not left[item]:
                raise UnsteadyData(_CHANGED)
            left[item] -= 1
            second.append(item)
    if len(second) < len(first):
        raise UnsteadyData(_CHANGED)
    return second != first


def patiently(batches: Iterable[_Some], count: Callable[[_Some], int] = len) -> Iterator[_Some]:
    """Yields the batches; warns once, after a minute, how many items have come so far."""
    start, items, said = time.monotonic(), 0, False
    for batch in batches:
        items += count(batch)
        seconds = time.monotonic() - start
        if not said and seconds > _PATIENCE:
            said = True
            notice(
                f"Reading the data has taken {seconds:.0f} seconds so far, for {items:,} items. "
                "If it never ends, add .take(n) to it."
            )
        yield batch
