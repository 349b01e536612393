"""What `fit(cache=...)` means for one training: when features are stored, where, and how."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from transferlearn.features.cache import Cache

When = Literal["auto", "possible", "always", "never"]


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Says when features are stored, where, and how precisely.

    Attributes:
        when: `"auto"`: where it saves time; `"possible"`: wherever it can be done; `"always"`: an
            error says why where it cannot; `"never"`.
        folder: Where stores lie that are written to disk.
        on_disk: Whether all is written there, or only what is too large for memory.
        memory: As of a `Cache`.
        disk: As of a `Cache`.
        dtype: As of a `Cache`.
        trunk_dtype: As of a `Cache`.
    """

    when: When
    folder: Path
    on_disk: bool = False
    memory: int | None = None
    disk: int | None = None
    dtype: str = "float32"
    trunk_dtype: str | None = None

    @classmethod
    def of(cls, cache: str | bool | Cache) -> "Storage":
        """Makes it of what `fit(cache=...)` takes: `"auto"`, `True`, `False` or a `Cache`."""
        named: dict[Any, When] = {"auto": "auto", True: "always", False: "never"}
        given = cache if isinstance(cache, Cache) else Cache()
        return cls(
            when="possible" if isinstance(cache, Cache) else named[cache],
            folder=given.folder,
            on_disk=given.directory is not None,
            memory=given.memory,
            disk=given.disk,
            dtype=given.dtype,
            trunk_dtype=given.trunk_dtype,
        )
