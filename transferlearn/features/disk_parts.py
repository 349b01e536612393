"""Reads the rows of shards on disk, and copies some of them into another store."""

import mmap
import os
import weakref
from collections.abc import Collection, Sequence
from pathlib import Path
from weakref import WeakSet

import numpy as np

from transferlearn.features.shards import (
    ROWS,
    ShardWriter,
    StoredTensor,
    as_bytes,
    read_shard,
    shard_bytes,
    shard_keys,
)

_MANY = 4096  # open shards, however many files a process may have open


class DiskPart:
    """Reads rows from a shard on disk.

    The file stays open, so that on Linux the rows can be read even after the shard is removed. Only
    a share of the files that a process may have open are shards; others are opened for each read.

    Args:
        keys: The keys of the items, in the order of the rows.
        folder: The folder of the shard.
        specs: The shapes and dtypes of the tensors that make one item's row.
    """

    nbytes = 0  # in memory

    def __init__(self, keys: list[bytes], folder: Path, specs: Sequence[StoredTensor]) -> None:
        self.keys = keys
        self.name = folder.name
        self._item_bytes = sum(spec.nbytes for spec in specs)
        self._path = folder / ROWS
        self._kept = _keep_open(self, self._path)

    def is_whole(self, folder: Path) -> bool:
        """Returns whether the shard is still on disk, with all the bytes of its rows."""
        return shard_bytes(folder / self.name) == len(self.keys) * self._item_bytes

    def read(self, rows: np.ndarray, out: Sequence[np.ndarray], at: np.ndarray) -> None:
        """Copies the rows with the numbers `rows` into `out`, at the positions `at`.

        They are read in the order of the file.
        """
        order = np.argsort(rows)
        starts = (rows[order] * self._item_bytes).tolist()
        places = list(zip(starts, at[order].tolist(), strict=True))
        # Reading by position gave about twice the rows a second that a mapping gave.
        read = _read_at if hasattr(os, "preadv") else _copy_mapped
        targets = [as_bytes(array) for array in out]
        if self._kept is not None:
            read(self._kept, places, targets)
            return
        try:
            with self._path.open("rb", buffering=0) as file:
                read(file.fileno(), places, targets)
        except FileNotFoundError as error:
            raise OSError(f"{self._path} was removed; fit again to compute it anew.") from error


_open_files: "WeakSet[DiskPart]" = WeakSet()  # those that keep their file open


def _keep_open(part: DiskPart, path: Path) -> int | None:
    """Opens the file of a part until the part is gone; gives `None` where too many are open."""
    with path.open("rb", buffering=0) as file:  # even where it is not kept: it must be readable
        if len(_open_files) >= _most_open():
            return None
        kept = os.dup(file.fileno())
    _open_files.add(part)
    weakref.finalize(part, os.close, kept)
    return kept


def _most_open() -> int:
    """Counts the shards that may stay open: a quarter of the files that the process may open."""
    if os.name != "posix":
        return 256
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MANY if limit == resource.RLIM_INFINITY else min(_MANY, limit // 4)


def _read_at(file: int, places: list[tuple[int, int]], targets: list[np.ndarray]) -> None:
    """Reads rows straight into `targets`; each place is (start in the file, position there)."""
    item_bytes = sum(target.shape[1] for target in targets)
    if hasattr(os, "posix_fadvise"):  # the disk then fetches all rows at once
        for start, _ in places:
            os.posix_fadvise(file, start, item_bytes, os.POSIX_FADV_WILLNEED)
    for start, at in places:
        if os.preadv(file, [target[at] for target in targets], start) != item_bytes:
            raise OSError("A file of stored features has become shorter; fit again to mend it.")


def _copy_mapped(file: int, places: list[tuple[int, int]], targets: list[np.ndarray]) -> None:
    """Copies rows from a mapping of the file, on Windows, which cannot read by position.

    Each call makes a mapping of its own, since all that was read through one counts as resident
    memory until it is closed.
    """
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as mapped:
        for start, at in places:
            for target in targets:
                stop = start + target.shape[1]
                target[at] = np.frombuffer(mapped[start:stop], np.uint8)
                start = stop


def copy_items(
    shard: Path, folder: Path, specs: Sequence[StoredTensor], items: Collection[bytes]
) -> None:
    """Copies those of `items` that a shard holds into a new shard of another store.

    Args:
        shard: The folder of the shard, which stays as it is; its checksums are not compared.
        folder: The folder of the other store.
        specs: The tensors that the shard is expected to hold.
        items: The keys of the items to copy.

    Raises:
        ValueError: The shard is damaged.
        OSError: The shard cannot be read, or the folder cannot be written to.
    """
    read_shard(shard, specs)
    keys = shard_keys(shard)
    rows = np.array([row for row, key in enumerate(keys) if key in items], np.int64)
    if len(rows):
        arrays = [spec.empty(len(rows)) for spec in specs]
        DiskPart(keys, shard, specs).read(rows, arrays, np.arange(len(rows)))
        writer = ShardWriter(folder, specs)
        writer.add([keys[row] for row in rows], np.concatenate([*map(as_bytes, arrays)], axis=1))
        writer.commit()
