"""What stores may take on disk, full disks, directories that cannot be written."""

import errno
import os

import pytest

from tests.features.storing import (
    ITEM_BYTES,
    WRITE,
    add,
    assert_holds,
    files,
    keys,
    opened,
    process,
    storage,
)
from transferlearn.features import limits, writing
from transferlearn.features.shards import ShardWriter
from transferlearn.features.store import place, stored_keys

pytestmark = pytest.mark.core


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(writing, "_SHARD_BYTES", 20 * ITEM_BYTES)


@pytest.fixture(params=[0, 10**6], ids=["read from disk", "read from memory"])
def cache(request, tmp_path):
    return storage(directory=tmp_path / "d", memory=request.param)


def test_the_oldest_stores_go_when_the_limit_is_reached(tmp_path, monkeypatch):
    unlimited = storage(directory=tmp_path, memory=0)
    for i, name in enumerate(("aa", "bb", "cc")):
        add(opened(unlimited, name), range(40))
        os.utime(tmp_path / name / limits.STORE, (1000 + i,) * 2)
    used = opened(unlimited, "aa")
    assert limits.stores_in(tmp_path)[-1].folder == used.home.folder
    os.utime(used.home.folder / limits.STORE, (999, 999))  # in use all the same
    size = max(store.nbytes for store in limits.stores_in(tmp_path))
    cache = storage(directory=tmp_path, memory=0, disk=3 * size)
    new = opened(cache, "dd")
    add(new, range(40))
    left = [store.folder.name for store in limits.stores_in(tmp_path)]
    assert left == ["aa", "cc", "dd"]
    assert_holds(used, range(40))
    assert_holds(new, range(40))
    assert sum(store.nbytes for store in limits.stores_in(tmp_path)) <= 3 * size


def test_what_cannot_fit_is_refused_before_anything_is_removed_or_written(tmp_path):
    add(opened(storage(directory=tmp_path, memory=0), "aa"), range(40))
    cache = storage(directory=tmp_path, memory=0, disk=50 * ITEM_BYTES)
    assert place(cache, "bb", 51 * ITEM_BYTES) is None
    store = opened(cache, "bb")
    with pytest.raises(OSError, match=r"3,162 bytes are needed, .* limit is 3,100"):
        add(store, range(51))
    assert stored_keys(cache, "aa") == set(keys(range(40)))


def test_by_default_half_of_the_free_disk_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "free_disk", lambda folder: 1000)
    cache = storage(directory=tmp_path, memory=0)
    assert (place(cache, "ab", 500), place(cache, "ab", 501)) == ("disk", None)
    capped = storage(directory=tmp_path, memory=0, disk=5000)
    assert (place(capped, "ab", 1000), place(capped, "ab", 1001)) == ("disk", None)


class Full:
    """A file on a disk with so many bytes left."""

    left = 0

    def __init__(self, file):
        self._file = file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, content):
        if not Full.left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        some = content[: Full.left]
        Full.left -= len(some)
        return self._file.write(some)


def test_a_full_disk_is_one_clear_error_and_leaves_no_rubbish(cache, monkeypatch):
    store = opened(cache)
    Full.left = 55 * ITEM_BYTES + 3
    made = ShardWriter.__init__

    def on_a_full_disk(self, *arguments):
        made(self, *arguments)
        self._file = Full(self._file)

    monkeypatch.setattr(ShardWriter, "__init__", on_a_full_disk)
    with pytest.raises(OSError, match="No space left") as told:
        add(store, range(100), batch=10)
    assert str(cache.folder) in str(told.value)
    assert f"{60 * ITEM_BYTES:,} bytes are still needed" in str(told.value)
    assert 'dtype="float16"' in str(told.value)
    assert not list(store.home.folder.glob(".*"))
    assert_holds(store, range(40))
    monkeypatch.undo()
    assert_holds(opened(storage(directory=cache.folder)), range(40))


LIMITED = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
"""


@pytest.mark.skipif(os.name != "posix", reason="RLIMIT_FSIZE")
def test_a_file_that_may_not_grow_leaves_no_rubbish(cache):
    writer = process(LIMITED + WRITE, cache.folder, 0, 200)
    _, said = writer.communicate(timeout=60)
    assert writer.returncode == 1
    assert f"Writing features to {cache.folder} failed" in said.splitlines()[-1]
    assert [path.name for path in files(cache.folder)] == [limits.STORE]


def test_a_directory_that_cannot_be_made_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file.*tl\.Cache\(directory="):
        opened(storage(directory=tmp_path / "file" / "d"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_write_permission_is_told_at_once(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="Permission denied"):
        opened(storage(directory=tmp_path / "d"))
    assert place(storage(directory=tmp_path / "d", memory=0), "ab", 1) is None
