"""Runs `transferlearn cache`, which lists or removes stored features on disk."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from transferlearn.cli.command import CommandResult
from transferlearn.cli.starting import import_keras
from transferlearn.json_fields import Json
from transferlearn.tables import visible
from transferlearn.wording import counted

NAME = "cache"
HELP = "List or remove the stored output of frozen layers."


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the arguments of `cache`."""
    parser.add_argument("action", choices=("list", "clear"))
    parser.add_argument(
        "--directory", type=Path, help="by default $TRANSFERLEARN_CACHE or ~/.cache/transferlearn"
    )


def run(options: Namespace) -> CommandResult:
    """Lists the stores in a folder, or removes all that no process uses."""
    import_keras()
    from transferlearn.features import Cache

    directory = Cache(directory=options.directory).folder
    return _clear(directory) if options.action == "clear" else _list(directory)


def _list(directory: Path) -> CommandResult:
    """Lists the stores in a folder, the one used last first."""
    from transferlearn.features.limits import stores_in

    stores: list[Json] = [
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
        f"used {store['last_used']}  {visible(store['description'])}"
        for store in stores
    ]
    lines.append(f"{counted(len(stores), 'store')}, {total / 1e6:,.1f} MB in {directory}")
    result = {"directory": str(directory), "stores": stores, "bytes": total}
    return CommandResult(result, "\n".join(lines))


def _clear(directory: Path) -> CommandResult:
    """Removes the stores in a folder, except those that a running process uses."""
    from transferlearn.features.limits import remove_store, stores_in

    stores = stores_in(directory)
    removed = [store.nbytes for store in stores if remove_store(store.folder)]
    kept = len(stores) - len(removed)
    text = (
        f"{counted(len(removed), 'store')} removed, {sum(removed) / 1e6:,.1f} MB, from {directory}"
    )
    if kept:
        text += f"; {kept} kept, which a running process uses"
    result = {"directory": str(directory), "removed": len(removed), "bytes": sum(removed)}
    return CommandResult({**result, "kept": kept}, text)


def _items(folder: Path) -> int:
    """Counts the different items in a store, without those in damaged files."""
    from transferlearn.features.shards import shard_keys, shards

    keys: set[bytes] = set()
    for shard in shards(folder):
        try:
            keys.update(shard_keys(shard))
        except ValueError:  # damaged: its items are computed again when the store is used
            continue
    return len(keys)
