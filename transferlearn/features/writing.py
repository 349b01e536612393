"""Adds items to a store: to memory, to shards on disk, or to both."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from transferlearn.features import limits, memory
from transferlearn.features.disk_parts import DiskPart
from transferlearn.features.memory import Home, MemoryPart, Part
from transferlearn.features.shards import KEY_BYTES, ShardWriter, as_bytes

# A shard is finished after so many bytes or seconds: if the process is killed, less is lost.
_SHARD_BYTES = 2**30
_SHARD_SECONDS = 60.0


class Writer:
    """Adds items to a store; `Store.adding` makes it.

    Args:
        home: What the rows are, and where they lie.
        count: The largest number of items that will be added; room is made for so many.
        append: Takes each part as soon as it is whole.
    """

    parts: tuple[Part, ...] = ()

    def __init__(self, home: Home, count: int, append: Callable[[Part], None]) -> None:
        self.home = home
        self._append = append
        self._left = count
        self._keys: list[bytes] = []  # those in no part yet
        self._shard: ShardWriter | None = None
        nbytes = count * home.item_bytes
        with memory.lock:
            in_memory = memory.make_memory_room(home.storage, nbytes, home.folder)
            self._on_disk = count > 0 and (home.storage.on_disk or not in_memory)
            if self._on_disk:
                limits.make_folder(home.folder, home.description)
                limits.make_disk_room(home.storage, nbytes, memory.in_use() | {home.folder})
                memory.forget_removed()
            self._arrays = [spec.empty(count) for spec in home.specs] if in_memory else []
            self.reserved = nbytes if in_memory else 0
            memory.users.add(self)
        self._begun = self._committed = time.monotonic()
        self._start = 0

    def add(self, keys: Sequence[bytes], arrays: Sequence[np.ndarray]) -> None:
        """Adds items, and finishes the current shard once it is large or old enough.

        Args:
            keys: The keys of the items.
            arrays: For each tensor its rows, in the order of `keys`.

        Raises:
            ValueError: Keys or shapes are not those expected, or values are too large for float16.
            OSError: The disk is full; the shards that are whole stay.
        """
        rows = self._checked(keys, arrays)
        if self._on_disk and keys:
            with self._discarded_on_error():
                self._shard = self._shard or ShardWriter(self.home.folder, self.home.specs)
                self._shard.add(keys, np.concatenate([as_bytes(array) for array in rows], axis=1))
        done = self._start + len(self._keys)
        for array, new in zip(self._arrays, rows, strict=False):
            array[done : done + len(keys)] = new
        self._keys += keys
        self._left -= len(keys)
        if self._on_disk and self._due():
            self._commit()

    def finish(self) -> None:
        """Commits the items that are in no part yet, and releases the memory that is reserved."""
        try:
            if self._keys:
                self._commit()
        finally:
            if self._shard:
                self._shard.discard()
            with memory.lock:
                memory.users.discard(self)

    def _checked(self, keys: Sequence[bytes], arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Checks keys, shapes and numbers, and gives the arrays in the store's dtypes."""
        specs = self.home.specs
        expected = [(len(keys), *spec.shape) for spec in specs]
        received = [array.shape for array in arrays]
        if received != expected:
            raise ValueError(f"Expected arrays of the shapes {expected}. Received: {received}")
        if len(keys) > self._left:
            raise ValueError(f"Expected at most {self._left} more items. Received: {len(keys)}")
        if any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"A key has {KEY_BYTES} bytes. Received: {list(keys)!r:.80}")
        return [_cast(array, spec.dtype) for array, spec in zip(arrays, specs, strict=True)]

    def _due(self) -> bool:
        """Returns whether the current shard is large or old enough to be finished."""
        # Never less than a tenth of what is done: a long run makes some dozens of shards, each of
        # them an open file, and not thousands.
        items = max(_SHARD_BYTES // self.home.item_bytes, self._start // 10, 1)
        seconds = max(_SHARD_SECONDS, (self._committed - self._begun) / 10)
        is_late = time.monotonic() - self._committed >= seconds
        return len(self._keys) >= items or (bool(self._keys) and is_late)

    def _commit(self) -> None:
        """Finishes the current shard, if any, and hands the new items to the store as a part."""
        name = None
        if self._shard:
            with self._discarded_on_error():
                name = self._shard.commit()
                self._shard = None
        stop = self._start + len(self._keys)
        part: Part
        if name is None or self._arrays:
            rows = [array[self._start : stop] for array in self._arrays]
            part = MemoryPart(self._keys, rows, name)
        else:
            part = DiskPart(self._keys, self.home.folder / name, self.home.specs)
        with memory.lock:
            self._append(part)
            memory.remember(self.home.folder, [*memory.remembered(self.home.folder), part])
            self.reserved = max(0, self.reserved - part.nbytes)
        self._keys, self._start = [], stop
        self._committed = time.monotonic()

    @contextmanager
    def _discarded_on_error(self) -> Iterator[None]:
        """Discards the shard if writing fails, and says in the error how many bytes are needed."""
        try:
            yield
        except OSError as error:
            if self._shard:
                self._shard.discard()
            needed = (self._left + len(self._keys)) * self.home.item_bytes
            self._keys, self._shard = [], None
            directory = self.home.storage.folder
            raise OSError(
                f"Writing features to {directory} failed: {error.strerror}. {needed:,} bytes are "
                f"still needed, {limits.free_disk(directory):,} are free. Give another directory "
                'with tl.Cache(directory=...), a smaller disk=..., or dtype="float16".'
            ) from error


def _cast(array: np.ndarray, dtype: str) -> np.ndarray:
    """Casts features to the dtype of a store, and refuses values that float16 cannot hold."""
    with np.errstate(over="ignore"):
        cast = np.asarray(array, dtype, order="C")
    if dtype == "float16" and not np.array_equal(np.isinf(cast), np.isinf(array)):
        raise ValueError(
            f"Features up to {np.abs(array).max():.3g} are too large for float16 (65504). "
            'Store them with tl.Cache(dtype="bfloat16") or "float32".'
        )
    return cast
