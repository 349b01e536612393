"""Changes items and their targets together, so that one item gives several views."""

import abc
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from transferlearn.data.items import Items, RawItems
from transferlearn.data.targets.base import Encoded


class Transform(abc.ABC):
    """Makes a second view of items, and changes their encoded targets in the same way.

    Attributes:
        name: The word for what it does, by which stored features of the view are known.
    """

    name: ClassVar[str]

    @abc.abstractmethod
    def items(self, batch: np.ndarray) -> np.ndarray:
        """Changes a batch of raw items; gives new arrays."""

    @abc.abstractmethod
    def targets(self, encoded: Encoded, which: np.ndarray) -> Encoded:
        """Changes the encoded targets, and weights, of those items of a batch that `which` names.

        Args:
            encoded: The targets of the batch, which stay as they are.
            which: Whether each item is seen in its second view, bool `(batch,)`.
        """


class Mirrored(Transform):
    """Turns the left and the right side of images and masks round."""

    name: ClassVar[str] = "mirrored"

    def items(self, batch: np.ndarray) -> np.ndarray:
        """Mirrors images `(batch, height, width, channels)`."""
        return np.ascontiguousarray(batch[:, :, ::-1])

    def targets(self, encoded: Encoded, which: np.ndarray) -> Encoded:
        """Mirrors masks `(batch, height, width)`, and the weights of their pixels."""

        def turned(part: np.ndarray) -> np.ndarray:
            if part.ndim < 3:  # a weight for the whole image
                return part
            whole = part.copy()
            whole[which] = part[which, :, ::-1]
            return whole

        weights = encoded.weights
        return encoded._replace(
            targets=turned(encoded.targets), weights=None if weights is None else turned(weights)
        )


class SecondView(RawItems):
    """Gives the second view of raw items.

    Args:
        items: The items.
        transform: Makes the view.
    """

    def __init__(self, items: RawItems, transform: Transform) -> None:
        self._items = items
        self._transform = transform

    def __len__(self) -> int:
        return len(self._items)

    @property
    def reading(self) -> str:
        """Says how the items are read, and which view this is."""
        return f"{self._items.reading}, {self._transform.name}"

    @property
    def held_bytes(self) -> int:
        """Counts no bytes: the items hold them."""
        return 0

    def content_hashes(self) -> list[str]:
        """Gives the hash of each item as it is."""
        return self._items.content_hashes()

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Begins to load the items, and gives a function that waits for their second view."""
        wait = self._items.start(rows, epoch)
        return lambda: self._transform.items(wait())

    def subset(self, rows: np.ndarray) -> "SecondView":
        """Gives the second view of the items `rows`."""
        return SecondView(self._items.subset(rows), self._transform)


class EitherView(Items):
    """Draws for each item, in each epoch, whether it is seen as it is or in its second view.

    Only the seed and the epoch decide it, so stored features and raw items have the same views.

    Args:
        views: The items as they are, and in their second view: both raw, or both stored features.
        transform: Changes the targets.
        seed: The seed; `None` takes a random one.
    """

    def __init__(self, views: Sequence[Items], transform: Transform, seed: int | None) -> None:
        self._views = views
        self._transform = transform
        self._seed = int(np.random.default_rng(seed).integers(2**31))
        self.varies = views[0].varies

    def __len__(self) -> int:
        return len(self._views[0])

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], Any]:
        """Begins to load a batch, each item in the view that this epoch has of it."""
        second = self._second(epoch)[rows]
        places = [np.flatnonzero(~second), np.flatnonzero(second)]
        pairs = zip(self._views, places, strict=True)
        waiting = [view.start(rows[which], epoch) for view, which in pairs if len(which)]
        order = np.concatenate(places).argsort()

        def join(*parts: np.ndarray) -> np.ndarray:
            return np.concatenate(parts)[order]

        return lambda: keras.tree.map_structure(join, *(wait() for wait in waiting))

    def as_seen(self, encoded: Encoded, rows: np.ndarray, epoch: int) -> Encoded:
        """Gives a batch's targets as the items of this epoch show them."""
        return self._transform.targets(encoded, self._second(epoch)[rows])

    def _second(self, epoch: int) -> np.ndarray:
        """Draws for all items whether an epoch has the second view, bool `(n,)`."""
        return np.random.default_rng((self._seed, epoch)).random(len(self)) < 0.5


def varied(items: RawItems, transform: Transform | None, seed: int | None) -> Items:
    """Gives items of which each epoch sees some in their second view; without a transform, none."""
    if transform is None:
        return items
    return EitherView((items, SecondView(items, transform)), transform, seed)
