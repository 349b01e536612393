"""Changes items and their targets together, so that one item gives several views."""

import abc
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from transferlearn.data.items import Items, RawItems
from transferlearn.data.targets.base import Encoded
from transferlearn.data.targets.moving import Geometry, Mirror

_MIRROR = Mirror()


class Transform(abc.ABC):
    """Makes views of items, and changes their encoded targets in the same way.

    A view of an item is the same whenever it is made: it follows from the item's key, which is made
    of its content, and from the number of the view. So features of views can be stored.

    Attributes:
        name: The words for what it does, by which stored features of its views are known.
        views: How many views of each item there are, of which each epoch draws one; with 1, each
            epoch has a new view, and nothing can be stored.
        first_is_raw: Whether the first view is the item as it is.
        others: Of how many other items each view is made besides its own; where there are some,
            `items` and `targets` are given arrays `(batch, 1 + others, ...)`, the view's own first.
            Which items they are follows from the key and the view's number, too.
    """

    name: str
    views: int
    first_is_raw: ClassVar[bool] = False
    others: ClassVar[int] = 0

    @abc.abstractmethod
    def items(self, batch: np.ndarray, keys: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Changes a batch of raw items; gives new arrays.

        Args:
            batch: The items, which stay as they are.
            keys: A whole number for each item, int64 `(batch,)`, made of its content.
            views: The number of the view to make of each item, int64 `(batch,)`.
        """

    def geometry(self, key: int, view: int) -> Geometry | None:
        """Returns where the places of one view come from; by default they are those of the item.

        Targets that lie somewhere in an item, such as masks and boxes, are moved by it.

        Args:
            key: The key of the item, as for `items`.
            view: The number of the view.
        """
        return None

    def targets(
        self, encoded: Encoded, keys: np.ndarray, views: np.ndarray, shape: tuple[int, ...]
    ) -> Encoded:
        """Moves the encoded targets of a batch, and their weights, as `items` moves the items.

        Args:
            encoded: The targets of the batch, which stay as they are, and how they move.
            keys: As for `items`.
            views: As for `items`.
            shape: The shape of an item.
        """
        pairs = zip(keys, views, strict=True)
        geometries = [self.geometry(int(key), int(view)) for key, view in pairs]
        targets, weights = encoded.moves(encoded.targets, encoded.weights, geometries, shape)
        return encoded._replace(targets=targets, weights=weights)


class Mirrored(Transform):
    """Turns the left and the right side of photos round: in the second of two views."""

    name = "mirrored"
    views = 2
    first_is_raw = True

    def items(self, batch: np.ndarray, keys: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Mirrors images `(batch, height, width, channels)`."""
        changed = batch.copy()
        changed[views == 1] = batch[views == 1, :, ::-1]
        return changed

    def geometry(self, key: int, view: int) -> Geometry | None:
        """Exchanges left and right in the second view."""
        return _MIRROR if view == 1 else None


def keys_of(hashes: Sequence[str]) -> np.ndarray:
    """Makes a whole number of each item's hash, int64 `(n,)`."""
    return np.array([int(text[:12], 16) for text in hashes], np.int64)


class OneView(RawItems):
    """Returns one view of raw items.

    Args:
        items: The items.
        transform: Makes the view.
        view: The number of the view.
        rows: The numbers of the items that have views; by default all.
    """

    def __init__(
        self, items: RawItems, transform: Transform, view: int, rows: np.ndarray | None = None
    ) -> None:
        self._items = items
        self._transform = transform
        self._view = view
        self._rows = np.arange(len(items)) if rows is None else rows
        self._keys = keys_of(items.content_hashes())

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def reading(self) -> str:
        """Returns how the items are read, and which view this is."""
        return f"{self._items.reading}, {self._transform.name} {self._view}"

    @property
    def held_bytes(self) -> int:
        """Counts no bytes: the items hold them."""
        return 0

    def content_hashes(self) -> list[str]:
        """Returns the hash of what each view is made of: the item, and others with it."""
        views = np.full(len(self), self._view)
        joined = _joined(self._transform, self._rows, self._keys, views)
        hashes = np.array(self._items.content_hashes())[joined].reshape(len(self), -1)
        if not self._transform.others:
            return hashes[:, 0].tolist()
        return [hashlib.sha256("".join(parts).encode()).hexdigest() for parts in hashes]

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], Any]:
        """Begins to load the items, and gives a function that waits for their view."""
        views = np.full(len(rows), self._view)
        return _start(self._items, self._transform, self._rows[rows], self._keys, views, epoch)

    def subset(self, rows: np.ndarray) -> "OneView":
        """Returns the view of the items `rows`."""
        return OneView(self._items, self._transform, self._view, self._rows[rows])


class AnyView(Items):
    """Draws for each item, in each epoch, in which view it is seen.

    Only the seed and the epoch decide it, so stored features and raw items have the same views.

    Args:
        sources: The raw items, of which views are made as they are needed; or the stored features
            of each view.
        transform: Makes the views, and moves the targets.
        keys: The key of each item, as `keys_of` makes it.
        shape: The shape of a raw item.
        beside: Gives the targets of the other items of which a view is made.
        seed: The seed; `None` takes a random one.
    """

    def __init__(
        self,
        sources: Sequence[Items],
        transform: Transform,
        keys: np.ndarray,
        shape: tuple[int, ...],
        seed: int | None,
        beside: Callable[[np.ndarray], Encoded] | None = None,
    ) -> None:
        self._sources = sources
        self._transform = transform
        self._keys = keys
        self._shape = shape
        self._beside = beside
        self._seed = int(np.random.default_rng(seed).integers(2**31))
        self.varies = sources[0].varies

    def __len__(self) -> int:
        return len(self._sources[0])

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], Any]:
        """Begins to load a batch, each item in the view that this epoch has of it."""
        views = self._views(epoch)[rows]
        if len(self._sources) == 1:
            return _start(self._sources[0], self._transform, rows, self._keys, views, epoch)
        places = [np.flatnonzero(views == view) for view in range(len(self._sources))]
        pairs = zip(self._sources, places, strict=True)
        waiting = [view.start(rows[which], epoch) for view, which in pairs if len(which)]
        order = np.concatenate(places).argsort()

        def join(*parts: np.ndarray) -> np.ndarray:
            return np.concatenate(parts)[order]

        return lambda: keras.tree.map_structure(join, *(wait() for wait in waiting))

    def as_seen(self, encoded: Encoded, rows: np.ndarray, epoch: int) -> Encoded:
        """Returns a batch's targets as the items of this epoch show them."""
        keys, views = self._keys[rows], self._views(epoch)[rows]
        if (others := self._transform.others) and self._beside is not None:
            joined = _joined(self._transform, rows, self._keys, views)
            encoded = encoded._replace(targets=_parted(self._beside(joined).targets, 1 + others))
        return self._transform.targets(encoded, keys, views, self._shape)

    def _views(self, epoch: int) -> np.ndarray:
        """Returns the number of the view that an epoch has of each item, int64 `(n,)`."""
        draw = np.random.default_rng((self._seed, epoch))
        if self._transform.views == 1:
            return np.full(len(self), draw.integers(2**31))
        return draw.integers(self._transform.views, size=len(self))


def _start(
    items: Items,
    transform: Transform,
    rows: np.ndarray,
    keys: np.ndarray,
    views: np.ndarray,
    epoch: int,
) -> Callable[[], np.ndarray]:
    """Begins to load items, and gives a function that waits for these views of them."""
    wait, own = items.start(_joined(transform, rows, keys, views), epoch), keys[rows]
    if not transform.others:
        return lambda: transform.items(wait(), own, views)
    return lambda: transform.items(_parted(wait(), 1 + transform.others), own, views)


def _joined(
    transform: Transform, rows: np.ndarray, keys: np.ndarray, views: np.ndarray
) -> np.ndarray:
    """Returns the numbers of the items of which views are made, one after another."""
    if not transform.others:
        return rows
    pairs = zip(keys[rows], views, strict=True)
    draws = [np.random.default_rng((key, view, 1)) for key, view in pairs]
    others = [draw.integers(len(keys), size=transform.others) for draw in draws]
    return np.column_stack([rows, others]).ravel()


def _parted(values: np.ndarray, count: int) -> np.ndarray:
    """Puts each `count` rows that follow each other into one."""
    return values.reshape(-1, count, *values.shape[1:])


def varied(
    items: RawItems,
    transform: Transform | None,
    shape: tuple[int, ...],
    seed: int | None,
    beside: Callable[[np.ndarray], Encoded] | None,
) -> Items:
    """Returns items of which each epoch sees another view; without a transform, as they are."""
    if transform is None:
        return items
    return AnyView([items], transform, keys_of(items.content_hashes()), shape, seed, beside)
