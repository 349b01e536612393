"""`transferlearn cache`: lists or removes what is stored on disk."""

from pathlib import Path
from typing import Any

from transferlearn.features.cache import Cache
from transferlearn.features.limits import remove_store, stores_in
from transferlearn.features.shards import shard_keys, shards


def run(action: str, directory: Path | None) -> tuple[dict[str, Any], str]:
    """Does `action`, `"list"` or `"clear"`, and gives its result, and that as text."""
    directory = Cache(directory=directory).folder
    return _clear(directory) if action == "clear" else _list(directory)


def _list(directory: Path) -> tuple[dict[str, Any], str]:
    stores: list[dict[str, Any]] = [
        {
            "key": store.folder.name,
            "description": store.description,
            "items": _items(store.folder),
            "bytes": store.nbytes,
            "last_used": store.last_used,
        }
        for store in reversed(stores_in(directory))
    ]
    total = sum(store["bytes"] for store in stores)
    lines = [
        f"{store['key'][:12]}  {store['items']:>9,} items  {store['bytes'] / 1e6:>10,.1f} MB  "
        f"used {store['last_used']}  {store['description']}"
        for store in stores
    ]
    lines.append(f"{len(stores)} stores, {total / 1e6:,.1f} MB in {directory}")
    return {"directory": str(directory), "stores": stores, "bytes": total}, "\n".join(lines)


def _clear(directory: Path) -> tuple[dict[str, Any], str]:
    stores = stores_in(directory)
    removed = [store.nbytes for store in stores if remove_store(store.folder)]
    kept = len(stores) - len(removed)
    text = f"{len(removed)} stores removed, {sum(removed) / 1e6:,.1f} MB, from {directory}"
    if kept:
        text += f"; {kept} kept, which a running process writes to"
    result = {"directory": str(directory), "removed": len(removed), "bytes": sum(removed)}
    return {**result, "kept": kept}, text


def _items(folder: Path) -> int:
    """Items in a store; one that two processes added counts once."""
    found: set[bytes] = set()
    for shard in shards(folder):
        try:
            found.update(shard_keys(shard))
        except ValueError:  # damaged: mended when the store is opened
            continue
    return len(found)
