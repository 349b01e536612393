"""Stores on disk: kills, damage, two processes at once."""

import os
import signal
import time

import numpy as np
import pytest

from tests.features.storing import (
    ITEM_BYTES,
    SPECS,
    WRITE,
    add,
    assert_holds,
    features,
    files,
    forget,
    keys,
    opened,
    process,
    storage,
)
from transferlearn import atomic_files
from transferlearn.features import limits, shards, writing
from transferlearn.features.shards import ShardWriter

pytestmark = pytest.mark.core


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(writing, "_SHARD_BYTES", 20 * ITEM_BYTES)


@pytest.fixture(params=[0, 10**6], ids=["read from disk", "read from memory"])
def cache(request, tmp_path):
    return storage(directory=tmp_path / "d", memory=request.param)


@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_a_killed_process_leaves_whole_shards_only(cache):
    writer = process(WRITE, cache.folder, 0, 200_000)
    deadline = time.monotonic() + 30
    while len(shards.shards(cache.folder / "ab")) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    store = opened(cache)
    assert not list(store.home.folder.glob(".*"))
    assert len(store) > 0
    assert_holds(store, range(len(store)))
    add(store, range(len(store) + 20))
    assert_holds(opened(cache), range(len(store)))


def test_two_processes_at_once_are_both_right(cache):
    writers = [process(WRITE, cache.folder, 0, 3000), process(WRITE, cache.folder, 1000, 4000)]
    for writer in writers:
        _, said = writer.communicate(timeout=60)
        assert writer.returncode == 0, said
    assert_holds(opened(cache), range(4000))


def test_a_store_opened_before_another_process_added_stays_right(cache):
    store = opened(cache)
    add(store, range(30))
    process(WRITE, cache.folder, 30, 60).communicate(timeout=60)
    assert store.missing(keys(range(60))) == list(range(30, 60))
    add(store, range(60))
    assert_holds(store, range(60))
    assert len(opened(cache)) == 90
    assert_holds(opened(cache), range(60))


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["rows.bin", "keys.bin", "shard.json"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: flip(path, 3),
        lambda path: flip(path, path.stat().st_size - 3),
        lambda path: os.truncate(path, path.stat().st_size - 1),
        lambda path: os.truncate(path, 0),
        lambda path: path.unlink(),
        lambda path: path.write_text("{}"),
        lambda path: path.write_bytes(path.read_bytes() * 2),
    ],
)
def test_a_damaged_shard_is_noticed_and_rebuilt(cache, name, damage):
    add(opened(cache), range(100), batch=20)
    forget()
    damaged = files(cache.folder, name)[2]
    damage(damaged)
    with pytest.warns(UserWarning, match="1 of 5 shards .* damaged"):
        store = opened(cache)
    assert not damaged.parent.exists()
    assert len(store) == 80
    there = sorted(set(range(100)) - set(store.missing(keys(range(100)))))
    assert_holds(store, there)
    add(store, range(100))
    assert_holds(opened(cache), range(100))


@pytest.mark.parametrize("content", ["", "[]", '{"kind": 1}', "\x00"])
def test_a_damaged_description_of_the_store_is_written_anew(cache, content):
    add(opened(cache), range(30))
    forget()
    (cache.folder / "ab" / limits.STORE).write_text(content)
    assert limits.stores_in(cache.folder) == []
    assert_holds(opened(cache), range(30))
    assert [store.description for store in limits.stores_in(cache.folder)] == [
        "a network up to a layer"
    ]


def test_files_of_others_are_left_alone(cache):
    store = opened(cache)
    others = [store.home.folder / "notes.txt", store.home.folder / "mine" / "x.bin",
              cache.folder / "project" / limits.STORE, cache.folder / "readme"]  # fmt: skip
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
    add(store, range(30))
    assert_holds(opened(cache), range(30))
    for found in limits.stores_in(cache.folder):
        assert limits.remove_store(found.folder)
    assert files(cache.folder) == sorted(others)


def test_drafts_of_dead_processes_are_removed_and_those_of_living_ones_kept(cache, monkeypatch):
    folder = opened(cache).home.folder
    dead = process("pass")
    dead.communicate()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: dead.pid)
        ShardWriter(folder, SPECS)._file.close()
        patch.setattr(atomic_files, "_here", lambda: "elsewhere")
        for _ in range(2):
            ShardWriter(folder, SPECS)._file.close()
    old = next(folder.glob(".elsewhere.*"))
    for path in (*old.iterdir(), old):
        os.utime(path, (time.time() - 3601,) * 2)
    living = ShardWriter(folder, SPECS)
    opened(cache)
    left = sorted(path.name.split(".")[1] for path in folder.glob(".*"))
    assert left == sorted(["elsewhere", atomic_files._here()])
    assert not old.exists()
    assert not limits.remove_store(folder)
    living.discard()


def test_an_interrupt_keeps_what_is_whole(cache, monkeypatch):
    store = opened(cache)
    monkeypatch.setattr(writing, "_SHARD_BYTES", 2**30)

    def interrupt(self, *_):
        self._file.write(b"part of a row")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), store.adding(100) as writer:  # noqa: PT012
        writer.add(keys(range(30)), features(range(30)))
        monkeypatch.setattr(ShardWriter, "add", interrupt)
        writer.add(keys(range(30, 40)), features(range(30, 40)))
    assert_holds(store, range(30))
    forget()
    assert len(opened(cache)) == 30
    assert_holds(opened(cache), range(30))


def test_shards_are_committed_as_time_passes(cache, monkeypatch):
    monkeypatch.setattr(writing, "_SHARD_BYTES", 2**30)
    now = [0.0]
    monkeypatch.setattr(writing.time, "monotonic", lambda: now[0])
    with opened(cache).adding(2000) as writer:
        for item in range(2000):
            now[0] += 10
            writer.add(keys([item]), features([item]))
    counts = [len(part.keys) for part in opened(cache).parts]
    assert sum(counts) == 2000
    assert min(sorted(counts)[1:]) == 6
    assert len(counts) < 60  # an hour's worth by the minute would be 333


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps open files")
def test_a_store_that_is_removed_while_it_is_read_stays_readable(cache):
    store = opened(cache)
    add(store, range(30))
    assert limits.remove_store(store.home.folder)
    assert_holds(store, range(30))
    assert len(opened(cache)) == 0


def test_other_tensors_under_the_same_key_are_not_mistaken_for_these(cache):
    add(opened(cache), range(10))
    forget()
    with pytest.warns(UserWarning, match="damaged"):
        assert len(opened(cache, specs=SPECS[:2])) == 0


def test_reading_from_disk_takes_no_memory_and_opens_few_files(tmp_path):
    store = opened(storage(directory=tmp_path, memory=0))
    add(store, range(2000))
    assert len(store.parts) < 50
    assert all(part.nbytes == 0 for part in store.parts)
    assert np.all(store.read(store.rows(keys([1500])))[2] == 1500)
