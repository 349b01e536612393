"""Stores for a run on a share of the items."""

import pytest

from tests.features.storing import (
    ITEM_BYTES,
    add,
    assert_holds,
    files,
    forget,
    keys,
    opened,
    storage,
)
from transferlearn.advice.estimation.rehearsal import rehearsal
from transferlearn.features import Storage, limits, memory
from transferlearn.features.store import place, stored_keys

pytestmark = pytest.mark.core


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("room", [{}, {"memory": 0}, {"memory": 300}, {"memory": 0, "disk": 300}])
def test_a_share_of_the_items_goes_where_all_would(tmp_path, monkeypatch, given, room):
    monkeypatch.setenv("TRANSFERLEARN_CACHE", str(tmp_path / "default"))
    cache = storage(directory=tmp_path / "d" if given else None, **room)
    with rehearsal(cache, 0.1) as small:
        for items in (4, 6, 40, 60, 2000):
            expected = place(cache, "ab", items * ITEM_BYTES)
            assert place(small.storage, "ab", items * ITEM_BYTES // 10) == expected
        assert small.storage.when == cache.when


def test_nothing_is_left_of_it(tmp_path):
    cache = storage(directory=tmp_path / "d", memory=0)
    with rehearsal(cache, 0.5) as small:
        store = opened(small.storage)
        add(store, range(20))
        assert_holds(store, range(20))
        assert small.added() == (0, 20 * ITEM_BYTES)
        written = small.storage.folder
    assert not written.exists()
    assert not (tmp_path / "d").exists()
    assert not memory._remembered


def test_nothing_that_was_there_goes_for_it(tmp_path):
    cache = storage(directory=tmp_path / "d", disk=50 * ITEM_BYTES + 2000, memory=30 * ITEM_BYTES)
    add(opened(cache, "aa"), range(30))
    before = files(tmp_path), list(memory._remembered)
    with rehearsal(cache, 0.5) as small:
        add(opened(small.storage, "bb"), range(20))
    assert (files(tmp_path), list(memory._remembered)) == before
    forget()
    assert len(stored_keys(cache, "aa")) == 30


def test_what_is_in_memory_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFERLEARN_CACHE", str(tmp_path / "default"))
    add(opened(storage(), "aa"), range(20))
    monkeypatch.setattr(limits, "free_memory", lambda: 100 * ITEM_BYTES)
    with rehearsal(Storage.of("auto"), 0.1) as small:
        store = opened(small.storage, "aa")
        assert store.missing(keys(range(25))) == [20, 21, 22, 23, 24]
        add(store, range(25))
        assert_holds(store, range(25))
        assert small.added() == (5 * ITEM_BYTES, 0)
    assert len(stored_keys(storage(), "aa")) == 20
    with rehearsal(storage(directory=tmp_path / "elsewhere"), 0.1) as other:
        assert len(stored_keys(other.storage, "aa")) == 0


@pytest.mark.parametrize("room", [{}, {"memory": 0}])
def test_what_is_on_disk_of_its_items_is_found(tmp_path, room):
    cache = storage(directory=tmp_path / "d", **room)
    store = opened(cache, "aa")
    add(store, range(20))
    add(store, range(20, 40))
    forget()
    before = files(tmp_path)
    items = set(keys([3, 30, 50]))
    with rehearsal(cache, 0.1) as small:
        for _ in range(2):  # what is there already is not copied again
            small.storage.expect("aa", store.home.specs, items)
        assert stored_keys(small.storage, "aa") == set(keys([3, 30]))
        assert small.added() == (0, 0)
        found = opened(small.storage, "aa")
        assert found.missing(keys([3, 30, 50])) == [2]
        assert_holds(found, [3, 30])
        assert len(found) == 2
        add(found, [50])
        in_memory = 0 if room else 3 * ITEM_BYTES
        assert small.added() == (in_memory, ITEM_BYTES)
    assert files(tmp_path) == before


def test_a_damaged_shard_is_not_found_and_stays(tmp_path):
    cache = storage(directory=tmp_path / "d")
    store = opened(cache, "aa")
    add(store, range(20))
    forget()
    for file in (tmp_path / "d").rglob("shard.json"):
        file.write_text("{")
    before = files(tmp_path)
    with rehearsal(cache, 0.1) as small:
        small.storage.expect("aa", store.home.specs, set(keys(range(5))))
        assert stored_keys(small.storage, "aa") == set()
    assert files(tmp_path) == before
