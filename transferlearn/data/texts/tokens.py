"""Holds texts as rows of token ids, and makes batches of them."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from transferlearn.data.batches import ItemBatches
from transferlearn.data.contents import ItemContents, read_ahead
from transferlearn.data.items import Items, RawItems

# Tokens. Batches to train on are filled up to a multiple of this: a network is compiled once for
# each length, so few lengths save time.
STEP = 8
_TOGETHER = 8  # batches whose rows are sorted by their lengths together
_LENGTHS = 8  # different lengths of batches, at most, where a network is run once over all rows


class TokenItems(RawItems):
    """Holds rows of token ids, and fills them up to one length.

    Args:
        ids: The ids of each row, int32, none longer than `length`.
        length: The length of the rows that come out; with `step`, the greatest length.
        padding: The id that rows are filled up with.
        step: Rows that come together are filled up only to the next multiple of this that holds the
            longest of them; `None`: to `length`.
    """

    def __init__(
        self, ids: Sequence[np.ndarray], length: int, padding: int, step: int | None = None
    ) -> None:
        self._ids = ids
        self._length = length
        self._padding = padding
        self._step = step or max(length, 1)
        self.varies = (step is not None,)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def lengths(self) -> np.ndarray:
        """Counts the tokens of each row, int64 `(n,)`."""
        return np.array([len(row) for row in self._ids])

    @property
    def blank(self) -> np.ndarray:
        """A row of nothing but padding, `(1, length)`."""
        return np.full((1, self._length), self._padding, np.int32)

    @property
    def reading(self) -> str:
        """Describes to which length rows are filled up, and with which id."""
        return f"{self._length} tokens, padding {self._padding}"

    def content_hashes(self) -> list[str]:
        """Returns the SHA-256 of the ids of each row."""
        return [hashlib.sha256(row.tobytes()).hexdigest() for row in self._ids]

    @property
    def held_bytes(self) -> int:
        """Counts the bytes of the ids."""
        return sum(row.nbytes for row in self._ids)

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Fills the rows up at once: they are in memory, so there is nothing to wait for."""
        longest = max(1, *(len(self._ids[row]) for row in rows))
        length = min(-(-longest // self._step) * self._step, self._length)
        batch = np.full((len(rows), length), self._padding, np.int32)
        for place, row in zip(batch, rows, strict=True):
            place[: len(self._ids[row])] = self._ids[row]
        return lambda: batch

    def subset(self, rows: np.ndarray) -> Self:
        """Returns these rows, in that order."""
        return type(self)([self._ids[i] for i in rows], self._length, self._padding, self._step)

    def of_length(self, length: int, step: int | None = None) -> Self:
        """Returns the same rows, filled up to another length."""
        return type(self)(self._ids, length, self._padding, step)


class TokenBatches(ItemBatches):
    """Makes batches of rows, or of their features; where shuffled, of rows of about one length.

    Rows are shuffled; then those of eight batches at a time are sorted by their lengths and cut
    into batches, which are shuffled once more. Without shuffling, the order is kept.
    """

    def __init__(self, *args: Any, lengths: np.ndarray, **options: Any) -> None:
        super().__init__(*args, **options)
        self._lengths = lengths

    def _in_order(self, epoch: int) -> np.ndarray:
        """Returns the numbers of all rows in the order of an epoch."""
        order = super()._in_order(epoch)
        if self._seed is None:
            return order
        # The third number gives other draws than those that made the order.
        random = np.random.default_rng((self._seed, epoch, _TOGETHER))
        size = int(self._ends[0])
        parts = []
        for begin in range(0, len(order), size * _TOGETHER):
            group = order[begin : begin + size * _TOGETHER]
            whole = len(group) // size * size
            by_length = group[np.argsort(self._lengths[group], kind="stable")]
            batches = by_length[:whole].reshape(-1, size)
            # Rows that fill no batch go last, or they would move the borders of the batches.
            parts += [random.permutation(batches).ravel(), by_length[whole:]]
        return np.concatenate(parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenContents(ItemContents):
    """Holds rows of token ids, so that features of each can be stored."""

    items: TokenItems

    @property
    def blank(self) -> np.ndarray:
        """A row of padding, as long as all rows are once they are filled up."""
        return self.items.blank

    @property
    def lengths(self) -> np.ndarray:
        """Each row's tokens, rounded up so that few lengths of batches come out."""
        rounded = -(-self.items.lengths // STEP) * STEP
        return np.minimum(rounded, self.blank.shape[1])

    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Reads the shortest rows first, so that each batch is filled up little."""
        length = self.blank.shape[1]
        short = self.items.of_length(length, step=-(-length // _LENGTHS))
        by_length = rows[np.argsort(self.items.lengths[rows], kind="stable")]
        return read_ahead(short.start, by_length, batch_size)

    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        """Makes batches of `items` in the place of the rows; where shuffled, of similar lengths."""
        return TokenBatches(
            items,
            self.beside,
            self.batch_size,
            shuffle=self.shuffle,
            seed=seed,
            lengths=self.items.lengths,
        )
