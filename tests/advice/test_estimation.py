"""What a run will take. Nothing here measures time."""

import random
import tempfile
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.advice.estimation import stopwatch as watching
from transferlearn.advice.estimation.stopwatch import Stopwatch
from transferlearn.features import memory
from transferlearn.freezing import FreezeAll
from transferlearn.money import Money

X, Y = pixels(400, 32), np.arange(400) % 3


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """An estimate ends as soon as it may."""
    monkeypatch.setattr(watching, "_PATIENCE", 0.0)


@pytest.fixture(autouse=True)
def temporary(monkeypatch, tmp_path):
    """The folder for temporary files, empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def estimate(backbone, data=(X, Y), validation_data=None, *, fit=None, **options):
    builder = tl.ImageClassifierBuilder(backbone, **{"seed": 0, "freeze": "all", **options})
    return tl.estimate(builder, data, validation_data, **(fit or {}))


FLIP = keras.layers.RandomFlip()
STORED = {"epochs": 2, "cache": True}
RUNS = {
    "stored": ({}, STORED),
    "the default": ({"freeze": None}, STORED),
    "solved": ({}, {"schedule": "probe"}),
    "two phases": ({"freeze": tl.freezing.TrainLastBlocks(1)}, {"schedule": "fine-tune", **STORED}),
    "views and mixup": ({"augmentation": FLIP, "views": 3, "mixup": 0.2}, STORED),
    "half": ({"head": tl.heads.FlattenDense((8,))}, {"cache": tl.Cache(dtype="float16")}),
    "live": ({}, {"cache": False}),
    "live augmentation": ({"augmentation": FLIP}, {}),
    "live and solved": ({}, {"schedule": "probe", "cache": False}),
}


QUICK = ("stored", "solved", "live")


@pytest.mark.full
@pytest.mark.parametrize(
    "run", [run if run in QUICK else pytest.param(run, marks=pytest.mark.full) for run in RUNS]
)
def test_every_way_to_run(backbone, run):
    options, fit = RUNS[run]
    found = estimate(backbone, fit=fit, **options)
    assert found.images == 400
    assert 126 <= found.measured <= 130  # of each class in both parts, rounded
    parts = (found.loading, found.starting, found.features, found.training)
    assert sum(parts) == pytest.approx(found.seconds)
    assert found.training > 0
    assert (found.features == 0) == ("live" in run)
    assert remembered() == 0
    if "live" not in run:
        builder = tl.ImageClassifierBuilder(backbone, **{"seed": 0, "freeze": "all", **options})
        builder.fit((X, Y), **fit, verbose=0)
    assert found.stored_in_memory == pytest.approx(remembered(), rel=0.01)
    assert found.stored_on_disk == 0


def remembered():
    return sum(part.nbytes for parts in memory._remembered.values() for part in parts)


@pytest.mark.full
@pytest.mark.parametrize("given", [True, False])
def test_bytes_on_disk_are_those_of_the_run(backbone, tmp_path, monkeypatch, given):
    folder = tmp_path / "features"
    monkeypatch.setenv("TRANSFERLEARN_CACHE", str(folder))
    room = {"memory": 100_000}  # enough for the part, and not for the whole
    fit = {"epochs": 4, "cache": tl.Cache(directory=folder if given else None, **room)}
    head = {"head": tl.heads.FlattenDense(units=(8,))}
    found = estimate(backbone, fit=fit, **head)
    assert not folder.exists()
    tl.ImageClassifierBuilder(backbone, freeze="all", seed=0, **head).fit((X, Y), **fit, verbose=0)
    assert found.stored_on_disk == sum(x.stat().st_size for x in folder.rglob("rows.bin")) > 0
    assert found.stored_in_memory == 0


def test_without_room_all_is_live(backbone):
    fit = {"epochs": 4, "cache": tl.Cache(memory=1000, disk=1000)}
    found = estimate(backbone, fit=fit)
    assert (found.stored_in_memory, found.stored_on_disk, found.features) == (0, 0, 0.0)


@pytest.mark.full
def test_features_in_memory_are_found(backbone):
    head = tl.heads.FlattenDense(units=(4,))
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", head=head, seed=0)
    builder.fit((X, Y), epochs=2, verbose=0)
    before = remembered()
    found = estimate(backbone, head=tl.heads.FlattenDense(units=(8,)))
    assert (found.features, found.stored_in_memory) == (0.0, 0)
    assert remembered() == before


@pytest.mark.full
@pytest.mark.parametrize(
    ("room", "head"),
    [
        ({}, tl.heads.PooledDense()),
        ({"memory": 0}, tl.heads.FlattenDense(units=(4,))),
        pytest.param({"memory": 0}, tl.heads.PooledDense(), marks=pytest.mark.full),
        pytest.param({}, tl.heads.FlattenDense(units=(4,)), marks=pytest.mark.full),
    ],
)
def test_features_on_disk_are_found(backbone, tmp_path, room, head):
    cache = tl.Cache(directory=tmp_path / "features", **room)
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", seed=0, head=head)
    empty = tl.estimate(builder, (X, Y), epochs=2, cache=cache)
    assert (empty.stored_already, "already" in str(empty)) == (0, False)
    builder.fit((X, Y), epochs=2, cache=cache, verbose=0)
    held = remembered()
    memory._remembered.clear()  # as in a later process
    before = {path: path.stat().st_mtime_ns for path in cache.folder.rglob("*")}
    found = tl.estimate(builder, (X, Y), epochs=2, cache=cache)
    assert (found.features, found.stored_on_disk, found.stored_already) == (0.0, 0, 400)
    assert found.stored_in_memory == pytest.approx(held, rel=1e-3)
    assert "\nFeatures of about 400 of 400 items are stored already.\n" in str(found)
    assert {path: path.stat().st_mtime_ns for path in cache.folder.rglob("*")} == before
    assert remembered() == 0


@pytest.mark.full
def test_of_features_found_in_part_the_rest_is_computed(backbone, tmp_path):
    cache = tl.Cache(directory=tmp_path / "features")
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", seed=0)
    whole = tl.estimate(builder, (X, Y), epochs=2, cache=cache)
    builder.fit((X[::2], Y[::2]), epochs=2, cache=cache, verbose=0)
    found = tl.estimate(builder, (X, Y), epochs=2, cache=cache)
    assert 100 < found.stored_already < 300
    left = 1 - found.stored_already / 400
    assert found.stored_on_disk == pytest.approx(left * whole.stored_on_disk, rel=0.05)
    other = replace(builder, backbone=small_backbone())
    other.backbone.model.layers[1].set_weights(
        [w + 1 for w in other.backbone.model.layers[1].get_weights()]
    )
    assert tl.estimate(other, (X, Y), epochs=2, cache=cache).stored_already == 0


def test_few_epochs_are_run_and_as_in_the_run(backbone, monkeypatch):
    """A callback that saw batches or the beginning of epochs would have steps run one by one."""
    ends, together = [], []
    on_epoch_end, compile_ = Stopwatch.on_epoch_end, keras.Model.compile

    def count(self, epoch, logs=None):
        ends.append(epoch)
        on_epoch_end(self, epoch, logs)

    def spy(self, *args, steps_per_execution=1, **options):
        together.append(steps_per_execution)
        return compile_(self, *args, steps_per_execution=steps_per_execution, **options)

    monkeypatch.setattr(Stopwatch, "on_epoch_end", count)
    monkeypatch.setattr(keras.Model, "compile", spy)
    estimate(backbone, fit={"epochs": 1000})
    assert len(ends) <= 2
    assert max(together) > 1


def test_the_schedule_hears_of_the_whole(backbone):
    heard = []

    @dataclass(frozen=True)
    class Listening(tl.Schedule):
        def phases(self, job):
            heard.append((job.items, job.epochs))
            yield tl.Phase(freeze=FreezeAll(), epochs=job.epochs)

    estimate(backbone, fit={"schedule": Listening(), "epochs": 7})
    assert heard == [(361, 7)]


def test_the_phases_are_those_that_are_planned(backbone, monkeypatch):
    """After so few steps, `auto` would try other phases."""
    begun = []
    begin = Stopwatch.begin
    monkeypatch.setattr(Stopwatch, "begin", lambda self, x: (begun.append(x), begin(self, x)))
    estimate(backbone, fit={"epochs": 40}, freeze=None)
    assert [phase.fit for phase in begun] == ["solve", "gradient"]
    assert begun[1].epochs > 1


def test_nothing_is_changed(backbone, temporary, tmp_path):
    builder = tl.ImageClassifierBuilder(backbone, seed=5, optimizer=keras.optimizers.SGD(0.1))
    before = replace(builder)
    keras.utils.set_random_seed(1)
    drawn = np.asarray(keras.random.uniform((3,)))
    keras.utils.set_random_seed(1)
    weights = [w.copy() for w in backbone.model.get_weights()]
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    cache = tl.Cache(directory=tmp_path / "features")
    found = tl.estimate(builder, (X, Y), cache=cache, price_per_hour="7.2 CHF")
    assert found.money.amount == pytest.approx(found.seconds * 0.002)
    assert found.money.currency == "CHF"
    assert random.getstate() == states[0]
    np.testing.assert_equal(np.random.get_state(), states[1])  # noqa: NPY002
    np.testing.assert_array_equal(keras.random.uniform((3,)), drawn)
    assert builder == before
    assert not builder.optimizer.built
    for a, b in zip(weights, backbone.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not list(temporary.iterdir())
    assert not (tmp_path / "features").exists()
    assert remembered() == 0


@pytest.mark.full
def test_a_run_after_it_is_the_run_without_it(backbone):
    def weights():
        builder = tl.ImageClassifierBuilder(backbone, freeze="all", seed=0)
        return builder.fit((X[:60], Y[:60]), epochs=2, verbose=0).model.get_weights()

    expected = weights()
    memory._remembered.clear()
    estimate(backbone)
    for a, b in zip(expected, weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_is_printed():
    found = tl.Estimate(
        seconds=7300.0,
        loading=20.0,
        starting=30.0,
        features=7200.0,
        training=0.0,
        memory=2_340_000_000,
        stored_in_memory=0,
        stored_on_disk=1_500_000,
        stored_already=2500,
        money=Money(3.456, "EUR"),
        images=5000,
        measured=320,
        took=21.26,
    )
    assert str(found).splitlines() == [
        "Time: 2.0 h (reading 20.0 s, weights and graphs 30.0 s, features 2.0 h)",
        "Memory: 2.34 GB resident at most",
        "Stored features: 1.5 MB on disk",
        "Features of about 2,500 of 5,000 items are stored already.",
        "Money: 3.46 EUR",
        "Measured on 320 of 5,000 items in 21.3 s.",
    ]
    assert "Features of 320 of 320 items" in str(replace(found, stored_already=320, images=320))
    less = replace(found, seconds=600.0, features=0.0, training=570.0, money=None)
    cheap = str(replace(less, stored_on_disk=0, stored_already=0))
    assert cheap.startswith("Time: 10 min (reading")
    assert "weights and graphs 30.0 s, training 10 min)" in cheap
    assert "Stored features: none" in cheap
    assert "Money" not in cheap
    assert "already" not in cheap


def test_a_price_without_a_currency_is_refused(backbone):
    with pytest.raises(ValueError, match=r'Write price_per_hour="0\.5 EUR"'):
        estimate(backbone, fit={"price_per_hour": 0.5})


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        ({"epochs": 0}, "epochs is a whole number"),
        ({"schedule": "prob"}, "Expected one of"),
        ({"validation_split": 2}, "between 0 and 1"),
        ({"cache": True}, "cache=True, but nothing can be stored"),
    ],
)
def test_what_the_run_would_refuse(backbone, fit, message):
    with pytest.raises(ValueError, match=message):
        estimate(backbone, fit=fit, **({"freeze": "none"} if "cache" in fit else {}))


def test_weights_of_unknown_classes_are_refused(backbone):
    with pytest.raises(ValueError, match="not in the data"):
        estimate(backbone, class_weight={"9": 1.0})


class Stream(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X[:8], Y[:8]


def test_a_stream_is_refused(backbone):
    with pytest.raises(ValueError, match="A stream does not give some of its images alone"):
        estimate(backbone, Stream())
    with pytest.raises(ValueError, match="Received: Stream"):
        estimate(backbone, validation_data=Stream())
