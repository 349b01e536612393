"""Where memory is too small for a batch, smaller steps come to the same."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.data import DataWarning
from transferlearn.data.batches import ItemBatches, arrays_beside
from transferlearn.training import stand_in
from transferlearn.training.memory import PartedBatches

pytestmark = pytest.mark.core
X = pixels(45, 32)
Y = np.arange(45) % 2


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


class OutOfMemoryError(RuntimeError):
    pass


@pytest.fixture
def small(monkeypatch):
    """Lets no step of more than ten items be taken."""
    fit = stand_in.fit

    def fit_small(model, fitted, batches, **options):
        if batches.batch_size > 10:
            raise OutOfMemoryError("OOM when allocating tensor")
        return fit(model, fitted, batches, **options)

    monkeypatch.setattr("transferlearn.training.phases.fit", fit_small)


def fit(backbone, **options):
    given = {name: options.pop(name) for name in [*options] if name in ("callbacks", "resume")}
    settings = {"batch_size": 20, "seed": 0, "head": tl.heads.PooledDense(dropout=0.0), **options}
    builder = tl.ImageClassifierBuilder(backbone, **settings)
    schedule = tl.FineTune(warm_up=0.2, decay="cosine", weight_decay=0.01)
    return builder.fit((X, Y), epochs=4, schedule=schedule, validation_split=0, verbose=0, **given)


@pytest.mark.parametrize(
    "freeze", ["dense_dropout", pytest.param("top_bn", marks=pytest.mark.full)]
)
def test_smaller_steps_come_to_the_same(backbone, small, monkeypatch, freeze):
    with pytest.warns(DataWarning, match=r"of 20\. Steps are taken of 10 items, and .* of 2 such"):
        parted = fit(backbone, freeze=freeze)
    monkeypatch.undo()
    whole = fit(backbone, freeze=freeze)
    moved = [
        np.abs(np.asarray(a) - np.asarray(b)).max()
        for a, b in zip(whole.model.weights, backbone_weights(backbone, whole), strict=True)
    ]
    for a, b in zip(parted.model.weights, whole.model.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4)
    assert max(moved) > 5e-3
    assert parted.history.epoch == whole.history.epoch


def test_weights_decay_in_parts_as_in_whole_batches(backbone, small, monkeypatch):
    def last(strength):
        optimizer = keras.optimizers.SGD(0.01, weight_decay=strength)
        return fit(backbone, freeze="dense_dropout", optimizer=optimizer).model.weights

    with pytest.warns(DataWarning, match="Steps are taken of 10"):
        parted = last(5.0)
    monkeypatch.undo()
    whole, free = last(5.0), last(0.0)
    for a, b in zip(parted, whole, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert max(np.abs(np.subtract(a, b)).max() for a, b in zip(whole, free, strict=True)) > 5e-3


def backbone_weights(backbone, fitted):
    start = tl.ImageClassifierBuilder(
        backbone, seed=0, head=tl.heads.PooledDense(dropout=0.0)
    ).build(2)
    assert len(start.weights) == len(fitted.model.weights)
    return start.weights


@pytest.mark.full
def test_a_run_goes_on_in_parts(backbone, small, tmp_path):
    class Gone(BaseException):
        pass

    class Stop(keras.callbacks.Callback):
        active = True

        def get_state(self):
            return None

        def set_state(self, state):
            pass

        def on_epoch_end(self, epoch, logs=None):
            if self.active and epoch == 2:
                raise Gone

    stop = Stop()
    Stop.active = False
    with pytest.warns(DataWarning, match="Steps are taken of 10"):
        whole = fit(backbone, resume=tmp_path / "whole", callbacks=stop)
    Stop.active = True
    with pytest.warns(DataWarning, match="Steps are taken of 10"), pytest.raises(Gone):
        fit(backbone, resume=tmp_path / "run", callbacks=stop)
    Stop.active = False
    taken_up = fit(backbone, resume=tmp_path / "run", callbacks=stop)
    for a, b in zip(taken_up.model.weights, whole.model.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_errors_of_other_kinds_and_single_items_are_raised(backbone, monkeypatch):
    def fail(*_, **__):
        raise OutOfMemoryError("out of memory")

    monkeypatch.setattr("transferlearn.training.phases.fit", fail)
    with pytest.raises(OutOfMemoryError):
        fit(backbone, batch_size=1)


def test_parts_have_the_gradient_of_the_batch():
    x, y, w = np.arange(11.0)[:, None], np.arange(11) % 2, np.linspace(1, 2, 11)

    class Items:
        varies = ()

        def __len__(self):
            return 11

        def start(self, rows, epoch=0):
            return lambda: x[rows]

        def as_seen(self, encoded, rows, epoch):
            return encoded

    source = ItemBatches(Items(), arrays_beside([y, w]), 5, shuffle=True, seed=0)
    batches = PartedBatches(source, 4)
    # JAX reads a batch before an epoch begins, which does not count as one of its batches.
    read = [batches[0], batches.on_epoch_begin(), *map(batches.__getitem__, range(12))]
    batches.on_epoch_end()
    assert (len(read), batches.epoch) == (14, 1)
    assert len(batches) == 12
    for number in range(3):
        values, _, weights = source[number]
        whole = (values[:, 0] * weights).mean()
        parts = [batches[4 * number + part] for part in range(4)]
        assert np.mean([(v[:, 0] * w).mean() for v, _, w in parts]) == pytest.approx(whole)
        assert {len(v) for v, _, _ in parts} <= {1, 2}
