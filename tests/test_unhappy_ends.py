"""Ends that nobody wishes for: full disks, signals, kills within an epoch, and jumping clocks."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests import made, texts
from tests.masks import scenes
from tests.networks import pixels, small_backbone
from tests.training.test_resume import Gone, KillWithin
from transferlearn import atomic_files as naming
from transferlearn.data import DataWarning
from transferlearn.training import recording

ROOT = pathlib.Path(__file__).parent.parent
X, Y = pixels(32, 32), np.arange(32) % 2
DECODER = tl.heads.SegFormerDecoder(width=8, features=("stride_2", "stride_4"))


def masks():
    """A segmenter, and photos with masks."""
    settings = {"head": DECODER, "image_size": (32, 32), "batch_size": 4}
    return tl.ImageSegmenterBuilder(small_backbone(), seed=0, **settings), scenes(16)


def numbers():
    """A regressor, and photos with numbers."""
    return tl.ImageRegressorBuilder(small_backbone(), batch_size=8, seed=0), (X, X.mean((1, 2, 3)))


def words():
    """A classifier of texts, and texts."""
    from transferlearn.backbones.keras_hub import HubTokenizer

    backbone = tl.backbones.from_encoder(texts.encoder(), HubTokenizer(texts.tokenizer()))
    builder = tl.TextClassifierBuilder(backbone, sequence_length=32, batch_size=8, seed=0)
    return builder, texts.reviews(32)


JOBS = {"masks": masks, "numbers": numbers, "words": words}


def equal(one, other):
    """Requires the same weights, to the bit."""
    for a, b in zip(one.model.weights, other.model.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.full
@pytest.mark.parametrize("job", ["masks", "words"])
def test_a_kill_within_an_epoch_changes_nothing(job, tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "_EVERY", 0.0)
    builder, data = JOBS[job]()
    options = {"schedule": "one-phase", "epochs": 2, "validation_split": 0.25, "verbose": 0}

    def fit(folder, *kill):
        return builder.fit(data, resume=folder, callbacks=[KillWithin(*kill)], **options)

    whole = fit(tmp_path / "whole", -1, 0)
    for kill in ((0, 2), (1, 1)):
        with pytest.raises(Gone):
            fit(tmp_path / "run", *kill)
    newest = sorted((tmp_path / "run").glob("epoch-*.npz"))[-1]
    assert not newest.stem.endswith("-000000000")  # it lies within an epoch
    equal(fit(tmp_path / "run", -1, 0), whole)


_FIT = """
import hashlib, sys
from tests.test_unhappy_ends import JOBS
builder, data = JOBS[sys.argv[1]]()
fitted = builder.fit(data, epochs=2, verbose=0)
print(hashlib.sha256(b"".join(w.tobytes() for w in fitted.model.get_weights())).hexdigest())
"""


@pytest.mark.full
@pytest.mark.parametrize("job", list(JOBS))
def test_two_processes_come_to_the_same_weights(job):
    found = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", _FIT, job],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout.split()[-1])
    assert len(found) == 1


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 kB, which states of runs do not fit into."""
    place = tmp_path / "disk"
    place.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if not mount or subprocess.run([mount, *options], check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run([unmount, str(place)], check=True)


@pytest.mark.full
def test_a_run_on_a_full_disk_trains_to_its_end(small_disk):
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", batch_size=8, seed=0)
    builder = replace(builder, head=tl.heads.FlattenDense((512,)))
    options = {"epochs": 2, "validation_split": 0.25, "verbose": 0}
    with pytest.warns(DataWarning, match="No state can be written to .*No space left"):
        fitted = builder.fit((X, Y), resume=small_disk / "run", **options)
    equal(fitted, builder.fit((X, Y), **options))
    assert not list((small_disk / "run").glob("*.npz"))
    assert not list((small_disk / "run").glob(".*.tmp"))
    with pytest.raises(OSError, match="has no room for the model"):
        fitted.save(small_disk / "model")
    assert [path.name for path in small_disk.iterdir()] == ["run"]


def interrupted(work, seconds):
    """Runs something, and sends it Ctrl-C after some time; says whether it came in time."""

    def stop(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        work()
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False


def shown(folder):
    """What a folder shows; the next process removes hidden drafts of this one."""
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")]


def rounds(work, count):
    """How often work was interrupted, at random times within it."""
    work()  # the first time is slow, since it imports and traces
    begun = time.perf_counter()
    work()
    took, generator = time.perf_counter() - begun, random.Random(0)
    return sum(interrupted(work, generator.uniform(0.01, 1) * took) for _ in range(count))


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")  # of objects that an interrupt leaves half made
def test_interrupts_during_a_save_leave_one_that_is_whole(tmp_path):
    sources = [
        tl.ImageClassifierBuilder(small_backbone(seed), seed=seed).fit(
            (X, Y), schedule="probe", verbose=0
        )
        for seed in range(2)
    ]
    place, turn = tmp_path / "saves" / "model", [0]

    def save():
        turn[0] += 1
        sources[turn[0] % 2].save(place)

    assert rounds(save, 40) > 10
    found = tl.load(place).model.get_weights()
    assert any(all(map(np.array_equal, found, x.model.get_weights())) for x in sources)
    save()
    assert shown(place.parent) == ["model"]


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
def test_interrupts_during_an_export_leave_one_that_is_whole(tmp_path):
    pytest.importorskip("tf2onnx")
    fitted = made.of_colours([[4.0, -4.0], [0, 0], [-4, 4]])
    data = pixels(24, 8, seed=3), np.array(["red", "blue"] * 12)
    place = tmp_path / "exports" / "colours"
    assert rounds(lambda: tl.export(fitted, place, data), 8) > 2
    assert tl.edge.Runner(place).predict(data[0][0]).class_name in ("red", "blue")
    tl.export(fitted, place, data)
    assert shown(place.parent) == ["colours"]


def test_a_clock_that_jumps_makes_no_living_draft_an_abandoned_one(tmp_path, monkeypatch):
    draft = naming.new_draft(tmp_path)
    draft.mkdir()
    jumped = time.time() + 10 * 24 * 3600
    monkeypatch.setattr(naming.time, "time", lambda: jumped)
    assert naming.drafts(tmp_path) == [draft]


@pytest.mark.full
def test_a_fit_and_a_save_do_not_mind_a_clock_that_jumps(tmp_path, monkeypatch):
    builder = tl.ImageClassifierBuilder(small_backbone(), batch_size=8, seed=0)
    whole = builder.fit((X, Y), epochs=2, verbose=0)
    real, generator = time.time, random.Random(0)
    monkeypatch.setattr(time, "time", lambda: real() + generator.uniform(-1e6, 1e6))
    fitted = builder.fit((X, Y), epochs=2, verbose=0, resume=tmp_path / "run")
    equal(fitted, whole)
    assert all(phase.seconds >= 0 for phase in fitted.phases)
    for _ in range(3):
        fitted.save(tmp_path / "model")
    equal(tl.load(tmp_path / "model"), whole)


@pytest.mark.full
@pytest.mark.parametrize("job", ["images", "words"])
def test_streams_without_an_end_are_refused(job):
    tf = pytest.importorskip("tensorflow")
    builder, (items, labels) = JOBS["words"]() if job == "words" else (None, (X, Y))
    if job == "words":
        labels = np.array(labels) == "good"
    builder = builder or tl.ImageClassifierBuilder(small_backbone(), seed=0)
    pairs = tf.data.Dataset.from_tensor_slices((items, labels.astype(int)))
    fitted = builder.fit(pairs.batch(8), schedule="probe", validation_split=0, verbose=0)
    endless = pairs.repeat().batch(8)
    with pytest.raises(ValueError, match="never ends"):
        builder.fit(endless, verbose=0)
    with pytest.raises(ValueError, match="never ends"):
        fitted.evaluate(endless)
    with pytest.raises(ValueError, match="never ends"):
        fitted.predict(endless.map(lambda x, y: x))


def changed(content, generator):
    """Changes some bytes of a file, or cuts it."""
    content = bytearray(content)
    if generator.random() < 0.2:
        del content[generator.integers(len(content)) :]
    for _ in range(generator.integers(1, 9)):
        if content:
            content[generator.integers(min(len(content), 4096))] = generator.integers(256)
    return bytes(content)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", [".h5", ".weights.h5"])
def test_changed_weight_files_are_read_or_refused(ending, tmp_path):
    model = keras.applications.MobileNetV3Small(
        weights=None, include_top=False, minimalistic=True, alpha=0.75, input_shape=(32, 32, 3)
    )
    honest, file = tmp_path / f"honest{ending}", tmp_path / f"changed{ending}"
    (model.save_weights if ending == ".weights.h5" else model.save)(honest)
    content, generator = honest.read_bytes(), np.random.default_rng(0)
    refused = []
    for _ in range(100):
        file.write_bytes(changed(content, generator))
        try:
            tl.backbones.weights.load_file(model, file, "MobileNetV3Small")
        except ValueError as error:
            refused.append(str(error))
    assert len(refused) > 10
    assert all(str(file) in said for said in refused)


@pytest.mark.full
@pytest.mark.filterwarnings("ignore")
def test_changed_presets_are_read_or_refused(tmp_path):
    texts.folder_of(tmp_path / "preset", layers=1)
    files = [path for path in (tmp_path / "preset").rglob("*") if path.is_file()]
    generator, refused = np.random.default_rng(0), 0
    for number in range(60):
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "preset", folder)
        file = folder / files[number % len(files)].relative_to(tmp_path / "preset")
        file.write_bytes(changed(file.read_bytes(), generator))
        try:
            tl.backbones.get_text(f"keras_hub:{folder}")
        except (ValueError, OSError):
            refused += 1
    assert refused > 10
