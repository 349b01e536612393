"""Many shards under a small limit of open files; what a process reads is not removed by another."""

import os
import signal

import pytest

from tests.features.storing import ITEM_BYTES, add, assert_holds, files, opened, process, storage
from transferlearn.features import Cache, limits
from transferlearn.features.cache import default_directory

pytestmark = [
    pytest.mark.core,
    pytest.mark.skipif(os.name != "posix", reason="Windows has no such locks and limits"),
]

MANY = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
from tests.features.storing import *
from transferlearn.features.shards import ShardWriter, as_bytes
cache = storage(directory=sys.argv[1], memory=0)
folder = opened(cache).home.folder
for item in range(2000):
    writer = ShardWriter(folder, SPECS)
    rows = [as_bytes(array) for array in features([item])]
    writer.add(keys([item]), np.concatenate(rows, axis=1))
    writer.commit()
store = opened(cache)
items = np.random.default_rng(0).permutation(2000)
for found, expected in zip(store.read(store.rows(keys(items))), features(items)):
    assert found.tobytes() == expected.tobytes()
assert len(os.listdir("/dev/fd")) < 400, "files are left for others"
"""

READ = """
import sys, time
from tests.features.storing import *
store = opened(storage(directory=sys.argv[1], memory=0), "aa")
print("open", file=sys.stderr, flush=True)
time.sleep(60)
"""


def test_two_thousand_shards_are_read_with_a_thousand_files(tmp_path):
    reader = process(MANY, tmp_path)
    _, said = reader.communicate(timeout=300)
    assert reader.returncode == 0, said


@pytest.fixture
def reader(tmp_path):
    """Another process that has the store "aa" open."""
    add(opened(storage(directory=tmp_path, memory=0), "aa"), range(40))
    found = process(READ, tmp_path)
    assert any(line == "open\n" for line in iter(found.stderr.readline, ""))
    yield found
    if found.returncode is None:
        found.kill()
        found.communicate()


def test_what_another_process_reads_is_not_removed(tmp_path, reader):
    before = files(tmp_path)
    assert not limits.remove_store(tmp_path / "aa")
    cache = storage(directory=tmp_path, memory=0, disk=60 * ITEM_BYTES)
    assert limits.disk_room(cache, ()) < 20 * ITEM_BYTES
    with pytest.raises(OSError, match="No room for features"):
        add(opened(cache, "bb"), range(40))
    assert set(before) <= set(files(tmp_path))
    assert limits.disk_room(cache, ()) < 20 * ITEM_BYTES


def test_a_killed_reader_leaves_nothing_behind(tmp_path, reader):
    before = files(tmp_path)
    reader.send_signal(signal.SIGKILL)
    reader.communicate()
    assert files(tmp_path) == before
    assert limits.remove_store(tmp_path / "aa")
    assert files(tmp_path) == []


def test_a_store_that_is_not_read_any_more_may_go(tmp_path):
    cache = storage(directory=tmp_path, memory=0)
    add(opened(cache, "aa"), range(40))
    code = "import sys\nfrom pathlib import Path\nfrom transferlearn.features import limits\n"
    code += "sys.exit(limits.remove_store(Path(sys.argv[1])))"
    store = opened(cache, "aa")
    other = process(code, tmp_path / "aa")
    assert other.communicate(timeout=60) == (None, "")
    assert other.returncode == 0
    assert_holds(store, range(40))
    del store
    other = process(code, tmp_path / "aa")
    assert other.communicate(timeout=60) == (None, "")
    assert other.returncode == 1


@pytest.mark.parametrize(
    "address",
    ["s3://bucket/features", "gs://bucket", "hdfs://host/features", "s3:/bucket", "file:///tmp/x"],
)
def test_addresses_are_refused_by_name(tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    scheme = address.partition(":")[0]
    with pytest.raises(ValueError, match=f"directory is a folder.* {scheme}://.*{address}"):
        Cache(directory=address)
    monkeypatch.setenv("TRANSFERLEARN_CACHE", address)
    with pytest.raises(ValueError, match=f"TRANSFERLEARN_CACHE is a folder.*{scheme}://"):
        default_directory()
    assert list(tmp_path.iterdir()) == []


def test_folders_with_a_colon_are_none(tmp_path):
    assert Cache(directory=tmp_path / "a:b").folder == tmp_path / "a:b"
    assert Cache(directory="C:/features").directory == "C:/features"
