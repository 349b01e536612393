"""Makes batches in an order that can be repeated, decoded ahead of the training step."""

import copy
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import keras
import numpy as np

from transferlearn.data.items import Items
from transferlearn.data.targets.base import Encoded, Encoder, Weigh
from transferlearn.data.transforms import Transform

Beside = Callable[[np.ndarray], Encoded]
"""Returns what batches hold beside the items `rows`: targets, weights and further inputs."""


class Request(NamedTuple):
    """Holds the arguments of `Dataset.batches`, where they are described, and how items vary.

    Attributes:
        transform: Makes views of each item, of which each epoch draws one; `None`: items are as
            they are.
    """

    batch_size: int
    encode: Encoder | None = None
    weigh: Weigh | None = None
    shuffle: bool = False
    seed: int | None = None
    transform: Transform | None = None


# Two batches keep every core decoding during a training step, at little memory.
AHEAD = 2


def epoch_order(size: int, seed: int, epoch: int) -> np.ndarray:
    """Returns the order of `size` items in one epoch: the same for the same arguments.

    Args:
        size: How many items there are.
        seed: A whole number that is not negative.
        epoch: The number of the epoch, counted from 0.

    Returns:
        A permutation of `range(size)`, int64.
    """
    return np.random.default_rng((seed, epoch)).permutation(size)


class ItemBatches(keras.utils.PyDataset):
    """Yields `(x,)`, `(x, y)` or `(x, y, sample_weight)`, one batch at a time.

    It decodes ahead in threads of its own and leaves Keras's `workers` at 1: Keras's queue keeps
    batches of an epoch that was broken off, and gives them in the next one in place of others. Its
    symbolic build on JAX and PyTorch breaks an epoch off, and so does `stop_training`.

    Pass `shuffle=False` to `model.fit`: by default Keras asks for the batches in an order of its
    own, drawn by Python's `random`.

    Attributes:
        epoch: The number of the epoch whose batches are given, counted from 0; it decides the
            order. Keras's hooks count it up after each whole epoch; set it to go on from a later
            one.
        by_epoch: Whether `epoch` alone decides the order.
        failure: The last exception that was raised while a batch was loaded, or `None`; TensorFlow
            raises one of its own in its place.
    """

    by_epoch = True

    def __init__(
        self,
        items: Items,
        beside: Beside | None,
        batch_size: int | Sequence[int],
        *,
        shuffle: bool = False,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.epoch = 0
        self.failure: Exception | None = None
        self._items = items
        self._beside = beside
        self._ends = _ends(len(items), batch_size)
        # The order of an epoch must come out the same each time it is asked for.
        if shuffle and seed is None:
            seed = int(np.random.default_rng().integers(2**31))
        self._seed = seed if shuffle else None
        self._share = (0, 1)  # the number of this process, and how many there are
        self._lock = threading.Lock()
        self._pending: dict[tuple[int, int], Callable[[], Any]] = {}  # by epoch and batch
        self._orders: dict[int, np.ndarray] = {}
        self._last = -1
        self._seen: set[int] | None = None  # batches of the epoch that Keras has begun
        # Broken EXIF is no news in the middle of training, and `catch_warnings` is not for threads.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> tuple[object, ...]:
        with self._lock:
            epoch = self.epoch
            # Under `fit(shuffle=True)`, nobody knows which batch comes after this one.
            ahead = AHEAD if index in (0, self._last + 1) else 0
            wanted = {(epoch, i) for i in range(index, min(index + ahead + 1, len(self)))}
            self._pending = {key: self._pending[key] for key in wanted & self._pending.keys()}
            for key in sorted(wanted - self._pending.keys()):
                self._pending[key] = self._items.start(self._rows(*key), key[0])
            x = self._pending.pop((epoch, index))
            self._last = index
            if self._seen is not None:
                self._seen.add(index)
            rows = self._rows(epoch, index)
        try:
            beside = Encoded(None) if self._beside is None else self._beside(rows)
            beside = self._items.as_seen(beside, rows, epoch)
            rest = [part for part in (beside.targets, beside.weights) if part is not None]
            return _all_inputs(x(), beside.inputs), *rest
        except Exception as error:
            self.failure = error
            raise

    @property
    def varies(self) -> tuple[bool, ...]:
        """Returns whether the second axis of each array of x differs from batch to batch."""
        return self._items.varies

    @property
    def aligned(self) -> bool:
        """Returns whether the second axis of the targets is the length of the items."""
        return self._beside is not None and self._beside(np.arange(1)).aligned

    def rows(self, index: int) -> np.ndarray:
        """Returns the numbers of the items in batch `index` of the epoch that `epoch` names."""
        return self._rows(self.epoch, index)

    def in_random_order(self, seed: int) -> Self:
        """Returns batches of the same items in a random order, which does not depend on `epoch`."""
        other = copy.copy(self)
        other.__dict__.update(_seed=seed, _orders={}, _pending={}, _lock=threading.Lock())
        return other

    def size(self, index: int) -> int:
        """Returns the number of items in a batch, all shares of it together."""
        return int(self._ends[index] - (self._ends[index - 1] if index else 0))

    def share(self, number: int, count: int) -> Self | None:
        """Returns batches of the share of each batch that one of several processes reads.

        `None` where the length of the longest item in the batch decides its shape.
        """
        if any(self.varies):
            return None
        other = copy.copy(self)
        other.__dict__.update(_share=(number, count), _pending={}, _lock=threading.Lock())
        return other

    def _rows(self, epoch: int, index: int) -> np.ndarray:
        """Returns the numbers of the items in a batch of an epoch, or in the share of it."""
        if epoch not in self._orders:
            self._orders = {epoch: self._in_order(epoch)}
        start = self._ends[index - 1] if index else 0
        rows = self._orders[epoch][start : self._ends[index]]
        number, count = self._share
        return np.array_split(rows, count)[number]

    def _in_order(self, epoch: int) -> np.ndarray:
        """Returns the numbers of all items in the order of an epoch."""
        size = len(self._items)
        return np.arange(size) if self._seed is None else epoch_order(size, self._seed, epoch)

    def on_epoch_begin(self) -> None:
        """Begins to note which batches of the epoch are read; Keras calls this."""
        # Batches that Keras looks at before the first call do not count.
        self._seen = set()

    def on_epoch_end(self) -> None:
        """Goes on to the next epoch if all batches were read; Keras calls this."""
        # Keras calls it before the first epoch too, when nothing has been seen.
        if self._seen is not None and len(self._seen) == len(self):
            self.epoch += 1
        self._seen = None


def _all_inputs(x: object, inputs: tuple[np.ndarray, ...]) -> Any:
    """Returns all inputs of a network: the items, and the inputs that come with their targets."""
    return (*(x if isinstance(x, tuple) else (x,)), *inputs) if inputs else x


def arrays_beside(parts: Sequence[np.ndarray]) -> Beside:
    """Makes a `Beside` that takes its rows from `[targets, weights]`, `[targets]` or `[]`."""

    def beside(rows: np.ndarray) -> Encoded:
        targets, weights, *_ = *(part[rows] for part in parts), None, None
        return Encoded(targets, weights)

    return beside


def joined_weights(
    raw: np.ndarray, given: np.ndarray | None, weigh: Weigh | None, encoded: np.ndarray | None
) -> np.ndarray | None:
    """Multiplies the weights that a batch's items have; `None` if there are none."""
    parts = [None if weigh is None else weigh(raw), given, encoded]
    present = [part for part in parts if part is not None]
    if not present:
        return None
    joined, *others = present
    for part in others:
        joined = _times(joined, part)
    return joined


def _times(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Multiplies weights of items, or finer ones of pixels or tokens, with others."""
    most = max(one.ndim, other.ndim)
    first, second = (part.reshape(*part.shape, *[1] * (most - part.ndim)) for part in (one, other))
    return first * second


def _ends(size: int, batch_size: int | Sequence[int]) -> np.ndarray:
    """Returns where each batch ends; `batch_size` is the size of all, or lists that of each."""
    if isinstance(batch_size, Sequence):
        return np.cumsum(batch_size)
    if batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more. Received: batch_size={batch_size!r}")
    return np.minimum(np.arange(0, size, batch_size) + batch_size, size)
