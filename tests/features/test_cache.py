"""The settings: what is refused, and what the defaults are."""

from pathlib import Path

import numpy as np
import pytest

from transferlearn.features import Storage, limits
from transferlearn.features.cache import Cache

pytestmark = pytest.mark.core


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"directory": 3}, TypeError, "directory=3"),
        ({"directory": ""}, ValueError, "empty"),
        ({"memory": "2GB"}, ValueError, "memory='2GB'"),
        ({"memory": True}, ValueError, "memory=True"),
        ({"memory": -1}, ValueError, "memory=-1"),
        ({"memory": 1.5}, ValueError, "memory=1.5"),
        ({"disk": float("inf")}, ValueError, "disk=inf"),
        ({"disk": float("nan")}, ValueError, "disk=nan"),
        ({"dtype": "float64"}, ValueError, "bfloat16"),
        ({"dtype": None}, TypeError, "dtype=None"),
        ({"dtype": ["float32"]}, TypeError, "dtype="),
        ({"trunk_dtype": "int8"}, ValueError, "trunk_dtype='int8'"),
        ({"directory": "x", "disk": 0}, ValueError, "disk=0"),
        ({"any_head": 1}, TypeError, "any_head=1"),
    ],
)
def test_a_wrong_setting_is_refused(fields, error, said):
    with pytest.raises(error, match=said):
        Cache(**fields)


def test_whole_floats_are_bytes():
    cache = Cache(memory=2e9, disk=np.int64(5))
    assert (cache.memory, cache.disk) == (2_000_000_000, 5)
    assert type(cache.memory) is type(cache.disk) is int


def test_the_default_directory_follows_the_environment(monkeypatch):
    monkeypatch.setenv("TRANSFERLEARN_CACHE", "/a/b")
    assert Cache().folder == Path("/a/b").absolute()
    monkeypatch.delenv("TRANSFERLEARN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert Cache().folder == Path("/xdg/transferlearn").absolute()
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert Cache().folder == Path.home() / ".cache" / "transferlearn"
    assert Cache(directory="~/x").folder == Path.home() / "x"


def test_the_default_memory_is_half_of_what_is_free_with_what_is_held(monkeypatch):
    monkeypatch.setattr(limits, "free_memory", lambda: 100)
    assert limits.memory_limit(Storage.of(Cache()), held=20) == 60
    assert limits.memory_limit(Storage.of(Cache(memory=7)), held=20) == 7


@pytest.mark.parametrize(
    ("root", "names"),
    [
        ("cgroup", ("memory.max", "memory.current", "inactive_file")),
        ("memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")),
    ],
)
def test_the_limits_of_all_cgroups_count(tmp_path, root, names):
    group = tmp_path / root / "outer" / "inner"
    group.mkdir(parents=True)
    for folder, limit, used in ((group, "max", 10), (group.parent, "1000", 900)):
        (folder / names[0]).write_text(f"{limit}\n")
        (folder / names[1]).write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 5\n{names[2]} 50\n")
    assert limits._cgroup_memory(tmp_path / root, "outer/inner") == [150]


def test_free_memory_is_a_number_of_bytes_here():
    assert 2**20 < limits.free_memory() < 2**50
