"""Translates `fit(cache=...)` into when, where and how precisely features are stored."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from transferlearn.features.cache import Cache
from transferlearn.features.shards import StoredTensor

When = Literal["auto", "possible", "always", "never"]


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Describes when features are stored, where, and how precisely.

    Attributes:
        when: When features are stored: `"auto"` where it saves time, `"possible"` wherever it can
            be done, `"always"` (an error says why it cannot be done), or `"never"`.
        folder: The folder that holds the stores on disk.
        on_disk: Whether all features are written there, or only what is too large for memory.
        memory: The limit in bytes of what is stored in memory, see `Cache`.
        disk: The limit in bytes of what is stored on disk, see `Cache`.
        dtype: The type in which features are stored, see `Cache`.
        trunk_dtype: The type in which the frozen layers compute for the store, see `Cache`.
        any_head: Whether features are stored as they come out of the backbone, see `Cache`.
    """

    when: When
    folder: Path
    on_disk: bool = False
    memory: int | None = None
    disk: int | None = None
    dtype: str = "float32"
    trunk_dtype: str | None = None
    any_head: bool = False

    @classmethod
    def of(cls, cache: str | bool | Cache) -> "Storage":
        """Makes a storage from what `fit` takes: `"auto"`, `True`, `False` or a `Cache`."""
        named: dict[str | bool, When] = {"auto": "auto", True: "always", False: "never"}
        given = cache if isinstance(cache, Cache) else Cache()
        return cls(
            when="possible" if isinstance(cache, Cache) else named[cache],
            folder=given.folder,
            on_disk=given.directory is not None,
            memory=given.memory,
            disk=given.disk,
            dtype=given.dtype,
            trunk_dtype=given.trunk_dtype,
            any_head=given.any_head,
        )

    def expect(self, key: str, specs: Sequence[StoredTensor], items: Set[bytes]) -> None:
        """Is told which items a store will be searched for, before it is; here, nothing is done.

        Args:
            key: The key of the store.
            specs: The tensors that make one item's row there.
            items: The keys of the items.
        """
