"""Items to store: three tensors each, and what a store must give back for them."""

import hashlib
import os
import subprocess
import sys

import numpy as np

from transferlearn.features import Cache, Storage
from transferlearn.features.shards import StoredTensor
from transferlearn.features.store import Store, open_store

SPECS = [StoredTensor((3, 4), "float32"), StoredTensor((5,), "bfloat16"), StoredTensor((), "int32")]
ITEM_BYTES = 3 * 4 * 4 + 5 * 2 + 4


def key(item: int) -> bytes:
    return hashlib.sha256(str(item).encode()).digest()


def keys(items) -> list[bytes]:
    return [key(item) for item in items]


def features(items) -> list[np.ndarray]:
    """Values that say which item they belong to."""
    of_item = np.asarray(items)
    maps = of_item[:, None, None] + np.arange(12).reshape(3, 4) / 16
    return [maps.astype("float32"), (of_item[:, None] % 64 + np.zeros(5)).astype("bfloat16"),
            of_item.astype("int32")]  # fmt: skip


def storage(**limits) -> Storage:
    """Where `fit(cache=tl.Cache(...))` would store."""
    return Storage.of(Cache(**limits))


def opened(cache, name="ab", specs=SPECS) -> Store:
    return open_store(cache, name, specs, "a network up to a layer")


def add(store: Store, items, batch=7) -> None:
    items = list(items)
    new = [items[i] for i in store.missing(keys(items))]
    with store.adding(len(new)) as writer:
        for start in range(0, len(new), batch):
            some = new[start : start + batch]
            writer.add(keys(some), features(some))


def assert_holds(store: Store, items) -> None:
    """Everything is there and right, read in shuffled order and one by one."""
    items = np.random.default_rng(0).permutation(list(items))
    assert store.missing(keys(items)) == []
    for some in (items, items[:1], items[::-1]):
        for found, expected in zip(store.read(store.rows(keys(some))), features(some), strict=True):
            assert found.dtype == expected.dtype
            assert found.tobytes() == expected.tobytes()


def forget() -> None:
    """As if a new process began."""
    from transferlearn.features import memory

    memory._remembered.clear()


def files(folder, pattern="*"):
    return sorted(path for path in folder.rglob(pattern) if path.is_file())


WRITE = """
import sys
from tests.features.storing import add, opened, storage
from transferlearn.features import writing
writing._SHARD_BYTES = 5000
start, stop = int(sys.argv[2]), int(sys.argv[3])
add(opened(storage(directory=sys.argv[1], memory=0)), range(start, stop))
"""


def process(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
