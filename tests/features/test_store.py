"""Rows come back as they went in, from memory and from disk."""

import threading

import numpy as np
import pytest

from tests.features.storing import (
    ITEM_BYTES,
    add,
    assert_holds,
    features,
    forget,
    key,
    keys,
    opened,
    storage,
)
from transferlearn.features import disk_parts, limits, memory, writing
from transferlearn.features.shards import StoredTensor
from transferlearn.features.store import place, stored_keys

pytestmark = pytest.mark.core


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(writing, "_SHARD_BYTES", 20 * ITEM_BYTES)


@pytest.fixture(params=["memory", "disk", "both", "default disk"])
def cache(request, tmp_path, small_shards):
    return {
        "memory": storage(memory=10**6),
        "disk": storage(directory=tmp_path / "d", memory=0),
        "both": storage(directory=tmp_path / "d", memory=10**6),
        "default disk": storage(memory=0),
    }[request.param]


def test_what_is_added_comes_back_now_and_later(cache):
    store = opened(cache)
    assert store.item_bytes == ITEM_BYTES
    assert store.missing(keys([3, 1, 3, 2, 1])) == [0, 1, 3]
    add(store, range(100))
    assert_holds(store, range(100))
    assert store.in_memory == (cache.memory > 0)
    assert store.where == ("memory" if cache.memory else str(cache.folder))
    assert_holds(opened(cache), range(100))
    add(opened(cache), range(60, 150))
    assert_holds(opened(cache), range(150))
    assert len(opened(cache)) == 150
    forget()
    found = opened(cache)
    assert len(found) == len(stored_keys(cache, "ab")) == (150 if cache.folder.exists() else 0)
    if len(found):
        assert_holds(found, range(150))


def test_stored_keys_are_found_before_a_store_is_opened(cache):
    assert stored_keys(cache, "ab") == frozenset()
    add(opened(cache), range(30))
    assert stored_keys(cache, "ab") == set(keys(range(30)))
    assert stored_keys(cache, "cd") == frozenset()


def test_rows_keep_their_place_while_others_are_added(cache):
    store = opened(cache)
    add(store, range(30))
    rows = store.rows(keys(range(30)))
    add(store, range(30, 60))
    np.testing.assert_array_equal(store.read(rows)[2], np.arange(30))


def test_windows_reads_by_a_mapping(tmp_path, monkeypatch):
    store = opened(storage(directory=tmp_path, memory=0))
    add(store, range(40))
    monkeypatch.delattr(disk_parts.os, "preadv")
    assert_holds(store, range(40))


def test_threads_read_at_once(cache):
    store, wrong = opened(cache), []
    add(store, range(200))

    def read(seed):
        for items in np.random.default_rng(seed).integers(0, 200, (50, 32)):
            found = store.read(store.rows(keys(items)))[2]
            wrong.extend(items[found != items])

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_unknown_items_and_rows_are_refused(cache):
    store = opened(cache)
    add(store, range(3))
    with pytest.raises(KeyError, match="not stored"):
        store.rows([key(4)])
    for rows in ([3], [-1]):
        with pytest.raises(IndexError, match="row"):
            store.read(np.array(rows))
    assert [array.shape for array in store.read(np.array([], int))] == [(0, 3, 4), (0, 5), (0,)]


def test_wrong_rows_are_refused_and_what_was_added_before_stays(cache):
    store = opened(cache)
    with pytest.raises(ValueError, match=r"shapes .*\(2, 3, 4\)"), store.adding(9) as writer:  # noqa: PT012
        writer.add(keys(range(5)), features(range(5)))
        writer.add(keys([6, 7]), features(range(3)))
    with pytest.raises(ValueError, match="at most"), store.adding(1) as writer:
        writer.add(keys([8, 9]), features([8, 9]))
    with pytest.raises(ValueError, match="32 bytes"), store.adding(1) as writer:
        writer.add([b"short"], features([8]))
    assert_holds(opened(cache), range(5))
    assert opened(cache).missing(keys(range(10))) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_round_to_nearest_and_say_what_does_not_fit(tmp_path, dtype):
    store = opened(storage(directory=tmp_path), specs=[StoredTensor((2,), dtype)])
    with store.adding(2) as writer:
        writer.add([key(1)], [np.array([[1.0009765625, np.inf]], "float32")])
    (found,) = store.read(np.array([0]))
    assert found[0, 0] == (1.0009765625 if dtype == "float16" else 1.0)
    assert np.isinf(found[0, 1])
    if dtype == "float16":
        with pytest.raises(ValueError, match=r"7e\+04 .*bfloat16"), store.adding(1) as writer:
            writer.add([key(2)], [np.array([[7e4, 0]], "float32")])


def test_memory_stays_within_the_budget_and_the_oldest_goes_first():
    cache = storage(memory=100 * ITEM_BYTES, disk=0)
    for name in ("aa", "bb"):
        add(opened(cache, name), range(40))
    opened(cache, "aa")
    assert place(cache, "cc", 40 * ITEM_BYTES) == "memory"
    add(opened(cache, "cc"), range(40))
    assert [len(stored_keys(cache, name)) for name in ("aa", "bb", "cc")] == [40, 0, 40]


def test_what_is_in_use_is_not_forgotten():
    cache = storage(memory=100 * ITEM_BYTES, disk=0)
    used = opened(cache, "aa")
    add(used, range(60))
    assert place(cache, "bb", 40 * ITEM_BYTES) == "memory"
    assert place(cache, "bb", 41 * ITEM_BYTES) is None
    with pytest.raises(OSError, match="No room"):
        add(opened(cache, "bb"), range(41))
    assert_holds(used, range(60))
    del used
    assert place(cache, "bb", 41 * ITEM_BYTES) == "memory"


def test_rows_being_added_count_as_held():
    cache = storage(memory=100 * ITEM_BYTES, disk=0)
    with opened(cache, "aa").adding(60):
        assert place(cache, "bb", 41 * ITEM_BYTES) is None
    assert place(cache, "bb", 41 * ITEM_BYTES) == "memory"


def test_stores_that_only_a_circle_holds_are_collected():
    cache = storage(memory=100 * ITEM_BYTES, disk=0)
    store = opened(cache, "aa")
    add(store, range(60))
    store.circle = store
    del store
    assert place(cache, "bb", 60 * ITEM_BYTES) == "memory"


def test_what_passes_memory_goes_to_disk_beside_it(tmp_path):
    cache = storage(memory=50 * ITEM_BYTES)
    store = opened(cache)
    add(store, range(40))
    assert store.in_memory
    assert place(cache, "ab", 20 * ITEM_BYTES) == "disk"
    add(store, range(60))
    assert not store.in_memory
    assert_holds(store, range(60))
    assert_holds(opened(cache), range(60))


def test_place_says_where_rows_are_read_from(tmp_path):
    cache = storage(directory=tmp_path, memory=50, disk=100)
    assert [place(cache, "ab", size) for size in (50, 51, 100, 101)] == [
        "memory", "disk", "disk", None]  # fmt: skip
    add(opened(storage(directory=tmp_path / "d", memory=0)), range(10))
    cache = storage(directory=tmp_path / "d", memory=15 * ITEM_BYTES)
    assert [place(cache, "ab", count * ITEM_BYTES) for count in (5, 6)] == ["memory", "disk"]
    assert place(storage(memory=0, disk=0), "ab", 1) is None
    assert place(storage(memory=10, disk=0), "ab", 10) == "memory"


def test_a_store_on_disk_is_read_into_memory_where_all_of_it_fits(tmp_path, small_shards):
    add(opened(storage(directory=tmp_path, memory=0)), range(50))
    assert not opened(storage(directory=tmp_path, memory=49 * ITEM_BYTES)).in_memory
    store = opened(storage(directory=tmp_path, memory=50 * ITEM_BYTES))
    assert store.in_memory
    assert_holds(store, range(50))
    del store
    store = opened(storage(directory=tmp_path, memory=0))
    assert not store.in_memory
    assert memory._held(lambda _: True) == 0
    assert_holds(store, range(50))


def test_without_items_nothing_is_written(tmp_path):
    with opened(storage(memory=0)).adding(0):
        pass
    assert not (tmp_path / "default").exists()


def test_free_memory_decides_by_default(monkeypatch):
    monkeypatch.setattr(limits, "free_memory", lambda: 20 * ITEM_BYTES)
    assert place(storage(disk=0), "ab", 10 * ITEM_BYTES) == "memory"
    assert place(storage(disk=0), "ab", 11 * ITEM_BYTES) is None
