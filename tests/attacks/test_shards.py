"""Folders of stored features that somebody else can write to."""

import json
import os
import resource
import time

import numpy as np
import pytest

from tests.features.storing import add, assert_holds, files, forget, keys, opened, storage
from transferlearn.features import limits
from transferlearn.features.store import stored_keys

pytestmark = [
    pytest.mark.core,
    pytest.mark.filterwarnings("ignore:.*stored features in .* damaged"),
]


@pytest.fixture(params=[0, 10**6], ids=["read from disk", "read from memory"])
def cache(request, tmp_path):
    cache = storage(directory=tmp_path / "d", memory=request.param)
    add(opened(cache), range(30))
    forget()
    return cache


def assert_computed_again(cache):
    """No error, no hang: what was damaged is removed, and the store works."""
    begun = time.monotonic()
    store = opened(cache)
    assert len(store) == 0
    assert limits.stores_in(cache.folder)
    add(store, range(30))
    assert_holds(store, range(30))
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        '{"count": Infinity, "crc32": {}}',
        '{"count": -1, "crc32": {}}',
        '{"count": 1e300, "crc32": 7}',
        json.dumps({"count": "9" * 5000, "crc32": {}}),
        "\udcff",
        "null",
    ],
)
def test_descriptions_that_are_none(cache, content):
    (file,) = files(cache.folder, "shard.json")
    file.write_text(content, "utf-8", errors="surrogateescape")
    assert_computed_again(cache)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes among files")
@pytest.mark.parametrize("name", ["shard.json", "keys.bin", "rows.bin"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_pipes_and_folders_in_the_place_of_files(cache, name, make):
    (file,) = files(cache.folder, name)
    file.unlink()
    make(file)
    assert_computed_again(cache)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pipes among files")
def test_a_pipe_in_the_place_of_a_store_s_description(cache):
    file = cache.folder / "ab" / limits.STORE
    file.unlink()
    os.mkfifo(file)
    assert limits.stores_in(cache.folder) == []
    assert_holds(opened(cache), range(30))


@pytest.mark.parametrize("content", ["[" * 100_000, '"' + "x" * 2**21 + '"'])
def test_a_store_s_description_that_is_too_deep_or_too_long(cache, content):
    (cache.folder / "ab" / limits.STORE).write_text(content)
    assert limits.stores_in(cache.folder) == []
    assert_holds(opened(cache), range(30))


def test_files_that_claim_to_be_huge_take_no_memory(cache):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in ("shard.json", "keys.bin", "rows.bin"):
        for file in files(cache.folder, name):
            os.truncate(file, 2**34)  # 16 GB, of which the disk holds nothing
        assert stored_keys(cache, "ab") <= set(keys(range(30)))
        assert_computed_again(cache)
        forget()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18  # kilobytes


@pytest.mark.full
def test_ten_thousand_mutations(cache):
    (folder,) = {file.parent for file in files(cache.folder, "shard.json")}
    whole = {file: file.read_bytes() for file in files(folder)}
    random = np.random.default_rng(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(10_000):
        folder.mkdir(exist_ok=True)
        for file, content in whole.items():
            file.write_bytes(content)
        file = random.choice(sorted(whole))
        content = bytearray(whole[file])
        for _ in range(random.integers(1, 9)):
            content[random.integers(len(content))] = random.integers(256)
        file.write_bytes(content[: random.choice([len(content), random.integers(len(content))])])
        begun = time.monotonic()
        store = opened(cache)
        assert time.monotonic() - begun < 5
        assert len(store) in (0, 30)
        assert_holds(store, range(len(store)))
        del store
        forget()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kilobytes
