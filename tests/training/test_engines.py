"""The pass over frozen layers by workers gives the rows of the plain pass, also where some die."""

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.engines.worker import ImageWorker
from transferlearn.extracting.by_engine import _described
from transferlearn.features import memory

pytest.importorskip("pyarrow")


def photos(folder, count):
    for i, image in enumerate(pixels(count, 32)):
        place = folder / ("ant", "bee")[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{i:04}.png")
    (folder / "ant" / "broken.png").write_bytes(b"no photo")
    return folder


@pytest.fixture
def builder():
    return tl.ImageClassifierBuilder(small_backbone(), seed=0)


def rows_in(folder):
    """All rows of the one store in a folder, by key."""
    found = {}
    (store,) = (path.parent for path in folder.glob("*/store.json"))
    for shard in store.iterdir():
        if shard.is_dir() and shard.suffix != ".tmp":  # a killed process leaves a draft
            keys, rows = ((shard / name).read_bytes() for name in ("keys.bin", "rows.bin"))
            count = len(keys) // 32
            size = len(rows) // count
            for i in range(count):
                key = keys[32 * i : 32 * (i + 1)]
                assert key not in found  # computed once
                found[key] = rows[size * i : size * (i + 1)]
    return found


class Here:
    """An engine whose one worker is this process, behind a pickle."""

    def __init__(self):
        self.files = []

    def checks(self, paths, described):
        self.files += paths
        return ImageWorker(pickle.loads(pickle.dumps(described))).checks(paths)


@pytest.mark.filterwarnings("ignore:.*skipped")
@pytest.mark.parametrize("dtype", [None, "bfloat16"])
def test_a_worker_gives_the_rows_of_the_plain_pass(builder, tmp_path, dtype):
    folder, engine = photos(tmp_path / "photos", 70), Here()
    options = {"schedule": "probe", "verbose": 0}
    plain = tl.Cache(directory=tmp_path / "plain", trunk_dtype=dtype)
    assert tl.extract(builder, folder, cache=plain, **options).computed == 70
    memory._remembered.clear()
    cache = replace(plain, directory=tmp_path / "features")
    assert tl.extract(builder, folder, cache=cache, engine=engine, **options).computed == 0
    assert len(engine.files) == 71
    assert rows_in(tmp_path / "features") == rows_in(tmp_path / "plain")
    manifest = tmp_path / "features" / "manifest.parquet"
    assert tl.extract(builder, manifest, cache=cache, engine=engine, **options).computed == 0
    assert len(engine.files) == 71  # all of them are known, and stored
    other = tl.ImageClassifierBuilder(small_backbone(seed=1), seed=0)
    assert tl.extract(other, manifest, cache=cache, engine=engine, **options).computed == 0
    assert len(engine.files) == 71 + 7  # known, but not stored of this network, except a few


def test_what_an_engine_does_not_compute_is_refused(builder, tmp_path):
    folder = photos(tmp_path / "photos", 8)
    (folder / "ant" / "broken.png").unlink()
    cache, flips = (
        tl.Cache(directory=tmp_path / "features"),
        replace(builder, augmentation="light", views=2),
    )
    with pytest.raises(ValueError, match=r'schedule="probe"'):
        tl.extract(flips, folder, cache=cache, schedule="one-phase", engine=Here(), verbose=0)
    described = _described(builder, folder, cache, None, "probe")
    with pytest.raises(RuntimeError, match=r"Keras 0\.1"):
        replace(described.features, versions=("jax", "0.1")).opened()


RAY = """
import sys
import transferlearn as tl
from tests.networks import small_backbone

folder, features = sys.argv[1:]
builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
engine = tl.engines.Ray(workers=2, files=40)
stored = tl.extract(builder, folder, cache=tl.Cache(directory=features), engine=engine,
                    schedule="probe", verbose=0)
print("COMPUTED", stored.computed)
"""


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:.*skipped")
@pytest.mark.parametrize("killed", ["a worker", "the driver"])
def test_ray_loses_nothing_where_a_process_is_killed(builder, tmp_path, killed):
    pytest.importorskip("ray")

    folder, features = photos(tmp_path / "photos", 400), tmp_path / "features"
    plain = tl.Cache(directory=tmp_path / "plain")
    tl.extract(builder, folder, cache=plain, schedule="probe", verbose=0)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "RAY_AUTH_MODE": "disabled",
    }
    command = [sys.executable, "-c", RAY, str(folder), str(features)]
    options = {"env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = subprocess.Popen(command, text=True, start_new_session=True, **options)
    # One shard is of the few images that the driver itself computes.
    while len(list(features.glob("*/[!.]*/rows.bin"))) < 2:
        assert running.poll() is None, running.stderr.read()[-2000:]
        time.sleep(0.05)
    workers = _processes_of(running.pid, b"MapWorker")
    assert workers
    if killed == "a worker":
        os.kill(workers[0], signal.SIGKILL)
    else:
        while processes := _processes_of(running.pid, b""):
            for process in processes:
                os.kill(process, signal.SIGKILL)
            running.poll()
        running.communicate()
        before = rows_in(features)
        running = subprocess.Popen(command, text=True, start_new_session=True, **options)
    out, err = running.communicate(timeout=200)
    assert "COMPUTED 0" in out, err[-3000:]
    found = rows_in(features)
    assert found == rows_in(tmp_path / "plain")
    if killed == "the driver":
        assert before.items() <= found.items()


def _processes_of(driver, name):
    """The processes that a driver, which leads a session, has started under a name."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes()
            session = int((place / "stat").read_text().rsplit(")", 1)[1].split()[3])
        except OSError:
            continue
        if command and name in command and session == driver:  # a dead one has none
            found.append(int(place.name))
    return found
