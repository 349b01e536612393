"""Defines `Cache`: where a user wants features stored, in how many bytes, and how precisely."""

import os
from dataclasses import dataclass
from pathlib import Path

from transferlearn.checks import refuse_address, whole

DTYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Describes where and how the output of frozen layers is stored, for `fit(cache=...)`.

    Use it where the defaults of `cache="auto"` do not fit: to find the features again in later
    processes (`directory`), to bound what they take, or to store them in half the bytes.

    Args:
        directory: The folder to write features to; it is made where it does not exist. Later
            processes find what it holds, and read it into memory if there is room.
            `None` keeps the features in memory for later fits of this process or, where memory is
            too small, on disk in `$TRANSFERLEARN_CACHE`, by default `~/.cache/transferlearn`.
        memory: The bytes that all stored features of this process may take in memory; 0 stores
            nothing there. `None` allows half of the memory that is free.
        disk: The bytes that all stored features in the directory may take; the stores used longest
            ago are removed first. 0 stores nothing there. `None` allows half of the sum of what is
            free there and what they take already.
        dtype: The type in which features are stored: `"float32"` (exact), `"float16"` (largest
            value 65504) or `"bfloat16"` (3 digits); the last two take half the bytes.
        trunk_dtype: The type in which the frozen layers compute for the store, one of the same
            names; `None` computes as in training.
        any_head: Whether to store what comes out of the backbone, where other heads find it. By
            default what a head makes of it before its first weights is stored, such as an average
            over all places, if that is at most half as large: of a ResNet50 2,048 numbers an image
            instead of 100,352.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A number of bytes is negative or not whole, a dtype is unknown, the directory
            is empty, an address such as `s3://...` or no possible path, or there is a directory and
            `disk=0`.

    Example:
        ```python
        cache = tl.Cache(directory="features", disk=20e9, dtype="float16")
        builder.fit("photos", cache=cache)
        ```
    """

    directory: str | os.PathLike[str] | None = None
    memory: int | None = None
    disk: int | None = None
    dtype: str = "float32"
    trunk_dtype: str | None = None
    any_head: bool = False

    def __post_init__(self) -> None:
        """Checks every field, and turns whole floats such as 2e9 into ints."""
        if self.directory is not None and not isinstance(self.directory, str | os.PathLike):
            raise TypeError(f"directory is a path or None. Received: directory={self.directory!r}")
        if self.directory == "":
            raise ValueError("directory is empty; '.' is the current folder. Received: ''")
        if self.directory is not None:
            _check_path(self.directory)
        for name in ("memory", "disk"):
            object.__setattr__(self, name, _whole_bytes(name, getattr(self, name)))
        _check_dtype("dtype", self.dtype)
        if self.trunk_dtype is not None:
            _check_dtype("trunk_dtype", self.trunk_dtype)
        if not isinstance(self.any_head, bool):
            raise TypeError(f"any_head is True or False. Received: any_head={self.any_head!r}")
        if self.directory is not None and self.disk == 0:
            raise ValueError(
                "disk=0 lets nothing be written to the directory; leave one of them out. "
                f"Received: directory={str(self.directory)!r}, disk=0"
            )

    @property
    def folder(self) -> Path:
        """The folder that holds the stores on disk."""
        if self.directory is not None:
            return Path(self.directory).expanduser().absolute()
        return default_directory()


def default_directory() -> Path:
    """Returns `$TRANSFERLEARN_CACHE`, or else the folder `transferlearn` in the user's caches."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    named = os.environ.get("TRANSFERLEARN_CACHE") or Path(caches) / "transferlearn"
    refuse_address("TRANSFERLEARN_CACHE", named)
    return Path(named).expanduser().absolute()


def _check_path(directory: str | os.PathLike[str]) -> None:
    """Refuses a directory that cannot be a path: an address, or one with an unknown `~user`."""
    refuse_address("directory", directory)
    try:  # "~name" raises RuntimeError where there is no user of that name
        Path(directory).expanduser().exists()
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{error} Received: directory={directory!r}") from None


def _whole_bytes(name: str, value: float | None) -> int | None:
    """Returns a number of bytes, which may be written as 2e9, as an int; `None` stays `None`."""
    is_whole_float = isinstance(value, float) and value.is_integer()
    return None if value is None else whole(name, int(value) if is_whole_float else value, least=0)


def _check_dtype(name: str, value: object) -> None:
    """Refuses anything but a name in `DTYPES`."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is a name such as 'float16'. Received: {name}={value!r}")
    if value not in DTYPES:
        raise ValueError(f"{name} is one of {', '.join(DTYPES)}. Received: {name}={value!r}")
