"""Stores for a run on a share of the items, apart from all others and gone afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transferlearn.features import limits, memory
from transferlearn.features.cache import Cache
from transferlearn.features.shards import shard_bytes, shards


@dataclass(frozen=True, kw_only=True)
class Trial(Cache):
    """Takes in a small run the decisions that `mode` takes in the large one.

    Attributes:
        mode: What `fit(cache=...)` is in the large run.
        place: The folder to write to, whether `mode` names one or not.
        found: Bytes of what was in memory before.
    """

    mode: Any
    place: Path
    found: int

    @property
    def folder(self) -> Path:
        """Where stores lie that are written to disk."""
        return self.place

    def added(self) -> tuple[int, int]:
        """Bytes of what is stored by now, in memory and on disk."""
        folders = [path for path in self.place.iterdir() if path.is_dir()]
        written = sum(shard_bytes(shard) for folder in folders for shard in shards(folder))
        return memory.held() - self.found, written


@contextmanager
def trial(mode: Any, share: float) -> Iterator[Trial]:
    """Gives a cache for a run on a share of the items.

    Choices between memory, disk and nothing compare bytes, and all bytes grow alike with the items:
    so where the limits are the same share of the large run's, the choices are the same.

    Args:
        mode: What `fit(cache=...)` is in the large run: `"auto"`, `True` or a `Cache`.
        share: In (0, 1].
    """
    cache = mode if isinstance(mode, Cache) else Cache()
    with memory.lock:
        room = max(0, memory.memory_room(cache, 0, cache.folder))
        disk = limits.disk_room(cache, memory.in_use())
    with (
        tempfile.TemporaryDirectory(prefix="transferlearn-") as name,
        memory.apart(cache.folder, Path(name)) as found,
    ):
        yield Trial(
            directory=None if cache.directory is None else name,
            memory=int(room * share) + found,
            disk=max(int(disk * share), int(cache.directory is not None)),
            dtype=cache.dtype,
            trunk_dtype=cache.trunk_dtype,
            mode=mode,
            place=Path(name),
            found=found,
        )
