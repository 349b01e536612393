"""Training on stored features equals training on the images."""

import functools
from collections import Counter
from dataclasses import dataclass

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from tests.phase_words import cache_of
from transferlearn.features import preparing
from transferlearn.freezing import FreezeMatching

STORED = "computed once"


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def labelled(count=70, seed=1):
    return pixels(count, 32, seed=seed), np.arange(count) % 3


def fit(backbone, cache, *, epochs=4, schedule="one-phase", callbacks=None, verbose=0, **options):
    options = {"head": tl.heads.PooledDense(dropout=0.3), "seed": 0, **options}
    builder = tl.ImageClassifierBuilder(backbone, **options)
    return builder.fit(
        labelled(),
        labelled(24, seed=2),
        epochs=epochs,
        schedule=schedule,
        cache=cache,
        callbacks=callbacks,
        verbose=verbose,
    )


def check_equal(stored, live, tolerance=1e-5):
    moved = 0
    for a, b in zip(stored.model.weights, live.model.weights, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert np.linalg.norm(a - b) <= tolerance * max(np.linalg.norm(b), 1e-6), b.shape
        moved += a.size
    assert moved
    for name, values in live.history.history.items():
        np.testing.assert_allclose(stored.history.history[name], values, rtol=1e-3, atol=1e-4)
    images = pixels(40, 32, seed=3)
    answers = [m.model.predict(images, verbose=0).argmax(1) for m in (stored, live)]
    assert np.mean(answers[0] == answers[1]) >= 0.99


@pytest.mark.core
@pytest.mark.parametrize(
    ("freeze", "schedule"),
    [("all", None), ("residual_conv", "fine-tune"), (FreezeMatching("image|stem|top_bn"), None)],
    ids=str,
)
def test_stored_equals_live(backbone, freeze, schedule):
    options = {"freeze": freeze, "schedule": schedule, "learning_rate": 0.01}
    stored, live = (fit(backbone, cache, **options) for cache in (True, False))
    assert all(STORED in cache_of(phase) for phase in stored.phases)
    assert not any(STORED in cache_of(phase) for phase in live.phases)
    check_equal(stored, live)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("stem_bn", marks=pytest.mark.full),
        "re_lu, residual_bn",
        pytest.param("add", marks=pytest.mark.full),
        pytest.param("re_lu_1, dense_conv", marks=pytest.mark.full),
    ],
)
def test_stored_equals_live_at_every_kind_of_cut(backbone, monkeypatch, name):
    def only_this(self, _):
        return [self._candidate(next(cut for cut in self._cuts if cut.name == name))]

    monkeypatch.setattr(preparing.Preparation, "_candidates", only_this)
    stored, live = (fit(backbone, cache, freeze="top_conv") for cache in (True, False))
    assert f"computed once up to {name}:" in cache_of(stored.phases[0])
    check_equal(stored, live)


@pytest.mark.full
def test_stored_equals_live_with_small_batches_and_weights(backbone):
    x, y = labelled()
    data = (x, y, np.linspace(0.1, 2, len(x)))
    fits = []
    for cache in (True, False):
        builder = tl.ImageClassifierBuilder(
            backbone, freeze="all", batch_size=7, seed=0, loss="categorical_crossentropy",
            class_weight={"0": 3.0},
        )  # fmt: skip
        fits.append(builder.fit(data, epochs=3, cache=cache, verbose=0))
    check_equal(*fits)


@dataclass(frozen=True)
class OddHead(tl.heads.Head):
    """A Sequential model, and a loss of what is pooled."""

    sequential: bool

    def __call__(self, features, num_classes, *, activation="softmax"):
        layers = [
            keras.layers.GlobalAveragePooling2D(activity_regularizer="l2"),
            keras.layers.Dense(num_classes, activation=activation),
        ]
        if self.sequential:
            return keras.Sequential(layers)(features)
        return layers[1](layers[0](features))


@pytest.mark.full
@pytest.mark.parametrize("sequential", [True, pytest.param(False, marks=pytest.mark.full)])
def test_stored_equals_live_with_odd_heads(backbone, sequential):
    head = OddHead(sequential)
    stored, live = (fit(backbone, cache, freeze="all", head=head) for cache in (True, False))
    check_equal(stored, live)
    losses = [f.history.history["loss"] for f in (stored, live)]
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_each_step_is_compiled_once(backbone, monkeypatch):
    compiled = Counter()

    def counted(call):
        @functools.wraps(call)
        def count(self, inputs, *args, **kwargs):
            compiled[self.name] += not isinstance(inputs, keras.KerasTensor)
            return call(self, inputs, *args, **kwargs)

        return count

    for layer in (keras.layers.ReLU, keras.layers.Dropout):
        monkeypatch.setattr(layer, "call", counted(layer.call))
    monkeypatch.setattr("transferlearn.builders.training_run.refer", lambda *_: None)
    fit(backbone, True, freeze="all", batch_size=16, head=tl.heads.PooledDense(dropout=0.3))
    frozen = ("re_lu", "re_lu_1", "residual_dropout", "top_relu")
    assert compiled == dict.fromkeys(frozen, 1) | {"head_dropout": 2}  # to train, to validate


class Watch(keras.callbacks.Callback):
    """Writes down all that it can see, by batch or only by epoch."""

    def __init__(self, by_batch):
        super().__init__()
        self.seen = []
        if by_batch:
            self.on_train_batch_end = lambda batch, logs=None: self.look("batch", batch)
            self.on_test_batch_end = lambda batch, logs=None: self.look("test batch", batch)

    def look(self, *what):
        kernel = np.asarray(self.model.get_layer("predictions").kernel)
        answers = self.model.predict(pixels(2, 32), verbose=0).sum(axis=0)
        rate = float(np.asarray(self.model.optimizer.learning_rate))
        self.seen.append((what, kernel.sum(), answers, rate, len(self.model.layers)))

    def on_train_begin(self, logs=None):
        self.look("train begins", self.params["epochs"], self.params["steps"])

    def on_epoch_begin(self, epoch, logs=None):
        self.look("epoch begins", epoch)

    def on_epoch_end(self, epoch, logs=None):
        self.look("epoch ends", epoch, sorted(logs))

    def on_train_end(self, logs=None):
        self.look("train ends", sorted(logs))


@pytest.mark.core
@pytest.mark.parametrize("by_batch", [True, pytest.param(False, marks=pytest.mark.full)])
def test_a_callback_cannot_tell(backbone, by_batch):
    watches = []
    for cache in (True, False):
        watches.append(Watch(by_batch))
        fit(
            backbone,
            cache,
            epochs=3,
            schedule=tl.FineTune(head_epochs=1, rate_factor=0.01, keep="last"),
            freeze="residual_conv",
            callbacks=[watches[-1]],
        )
    assert len(watches[0].seen) >= 10
    for stored, live in zip(watches[0].seen, watches[1].seen, strict=True):
        assert stored[0] == live[0]
        assert stored[3:] == live[3:]
        np.testing.assert_allclose(stored[1], live[1], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(stored[2], live[2], rtol=1e-4, atol=1e-5)


@pytest.mark.full
def test_keras_callbacks_do_the_same(backbone, tmp_path):
    results = []
    for cache in (True, False):
        path = tmp_path / f"{cache}.keras"
        callbacks = [
            keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=10.0),
            keras.callbacks.ModelCheckpoint(path, monitor="val_loss", save_best_only=True),
            keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True),
        ]
        fitted = fit(
            backbone, cache, epochs=12, callbacks=callbacks, learning_rate=0.3, freeze="all"
        )
        results.append((fitted, keras.models.load_model(path)))
    (stored, first), (live, second) = results
    assert len(live.history.epoch) < 12
    assert live.history.history["learning_rate"][-1] < 0.3
    check_equal(stored, live)
    for x, y in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)
    answers = first.predict(pixels(4, 32), verbose=0)
    assert answers.std() > 0
    np.testing.assert_allclose(answers, second.predict(pixels(4, 32), verbose=0), rtol=1e-4)


class StopAtOnce(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.model.stop_training = True


def test_a_callback_stops_after_one_step(backbone):
    stored, live = (fit(backbone, cache, callbacks=[StopAtOnce()]) for cache in (True, False))
    check_equal(stored, live)


class StopIn(keras.callbacks.Callback):
    """Stops within the second epoch."""

    def on_train_batch_begin(self, batch, logs=None):
        if self.epoch == 1 and batch == 1:
            self.model.stop_training = True

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch


@pytest.mark.full
def test_a_callback_stops_in_the_middle_of_an_epoch(backbone):
    stored, live = (fit(backbone, cache, callbacks=[StopIn()]) for cache in (True, False))
    assert stored.history.epoch == live.history.epoch == [0, 1]
    check_equal(stored, live)


@pytest.mark.full
def test_training_runs_again_after_a_stop(backbone):
    stop = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(stop.model, "stop_training", epoch == 0)
    )
    fitted = fit(
        backbone,
        True,
        freeze="residual_conv",
        schedule=tl.FineTune(head_epochs=2),
        callbacks=[stop],
    )
    # Of the head's two epochs one was left, and the second phase has it besides its own two.
    assert [phase.epochs for phase in fitted.phases] == [1, 3]
