"""Texts as numbers: rows of token ids, and their batches."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from transferlearn.data.batches import ItemBatches
from transferlearn.data.contents import ItemContents, read_ahead
from transferlearn.data.items import Items, RawItems

_TOGETHER = 8  # batches
_LENGTHS = 8  # that batches come in, where a network is run once


class TokenItems(RawItems):
    """Rows of token ids, filled up to one length.

    Args:
        ids: Of each row, int32, none longer than `length`.
        length: Of the rows that come out, or with `step` the most.
        padding: The id that they are filled up with.
        step: Rows that come together are filled up to a multiple of this only.
    """

    def __init__(
        self, ids: Sequence[np.ndarray], length: int, padding: int, step: int | None = None
    ) -> None:
        self._ids = ids
        self._length = length
        self._padding = padding
        self._step = step or max(length, 1)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def lengths(self) -> np.ndarray:
        """How many tokens each row has."""
        return np.array([len(row) for row in self._ids])

    @property
    def blank(self) -> np.ndarray:
        """A row of nothing but padding, `(1, length)`."""
        return np.full((1, self._length), self._padding, np.int32)

    @property
    def reading(self) -> str:
        """The length, and what rows are filled up with."""
        return f"{self._length} tokens, padding {self._padding}"

    def content_hashes(self) -> list[str]:
        """Of the ids."""
        return [hashlib.sha256(row.tobytes()).hexdigest() for row in self._ids]

    @property
    def held_bytes(self) -> int:
        """Of the ids."""
        return sum(row.nbytes for row in self._ids)

    def start(self, rows: np.ndarray, epoch: int = 0) -> Callable[[], np.ndarray]:
        """Fills the rows up."""
        longest = max(1, *(len(self._ids[row]) for row in rows))
        length = min(-(-longest // self._step) * self._step, self._length)
        batch = np.full((len(rows), length), self._padding, np.int32)
        for place, row in zip(batch, rows, strict=True):
            place[: len(self._ids[row])] = self._ids[row]
        return lambda: batch

    def subset(self, rows: np.ndarray) -> Self:
        """The rows, in that order."""
        return type(self)([self._ids[i] for i in rows], self._length, self._padding, self._step)

    def of_length(self, length: int, step: int | None = None) -> Self:
        """The same rows, filled up to another length."""
        return type(self)(self._ids, length, self._padding, step)


class TokenBatches(ItemBatches):
    """Batches of rows that are about as long as each other, or of something in their place.

    The order is shuffled; then the rows of eight batches at a time are dealt out by their lengths,
    and those batches are shuffled once more.
    """

    def __init__(self, *args: Any, lengths: np.ndarray, varies: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.varies = varies
        self._lengths = lengths

    def _in_order(self, epoch: int) -> np.ndarray:
        order = super()._in_order(epoch)
        if self._seed is None:
            return order
        random = np.random.default_rng((self._seed, epoch, _TOGETHER))
        size = int(self._ends[0])
        parts = []
        for begin in range(0, len(order), size * _TOGETHER):
            some = order[begin : begin + size * _TOGETHER]
            whole = len(some) // size * size
            by_length = some[np.argsort(self._lengths[some], kind="stable")]
            batches = by_length[:whole].reshape(-1, size)
            parts += [random.permutation(batches).ravel(), by_length[whole:]]
        return np.concatenate(parts)


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenContents(ItemContents):
    """Rows of token ids, to store something of each."""

    items: TokenItems

    @property
    def blank(self) -> np.ndarray:
        """Padding, as long as all rows are once they are filled up."""
        return self.items.blank

    def read(self, rows: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The shortest rows first, filled up as far as those beside them need."""
        length = self.blank.shape[1]
        short = self.items.of_length(length, step=-(-length // _LENGTHS))
        by_length = rows[np.argsort(self.items.lengths[rows], kind="stable")]
        return read_ahead(short.start, by_length, batch_size)

    def batches(self, items: Items, *, seed: int | None = None) -> ItemBatches:
        """See `Contents.batches`."""
        return TokenBatches(
            items,
            self.beside,
            self.batch_size,
            shuffle=self.shuffle,
            seed=seed,
            lengths=self.items.lengths,
            varies=False,
        )
