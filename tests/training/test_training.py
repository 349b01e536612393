"""Phases, callbacks, seeds, weights of classes and samples."""

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.builders import training_run
from transferlearn.data.batches import ItemBatches

pytestmark = pytest.mark.core


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def labelled(count=24, classes=3, seed=1):
    return pixels(count, 32, seed=seed), np.arange(count) % classes


def weights(model):
    return [np.asarray(w) for w in model.weights]


def test_history_runs_on_over_the_phases(backbone):
    builder = tl.ImageClassifierBuilder(backbone, seed=0)
    schedule = tl.FineTune(head_epochs=2, rate_factor=0.01)
    fitted = builder.fit(labelled(), labelled(seed=2), epochs=5, schedule=schedule, verbose=0)
    assert isinstance(fitted.history, keras.callbacks.History)
    assert fitted.history.epoch == [0, 1, 2, 3, 4]
    assert {len(v) for v in fitted.history.history.values()} == {5}
    assert set(fitted.history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert [phase.epochs for phase in fitted.phases] == [2, 3]
    first, second = (phase.learning_rate for phase in fitted.phases)
    assert second == pytest.approx(first * 0.01)


@pytest.mark.full
@pytest.mark.parametrize("cache", [True, False])
def test_each_epoch_has_an_order_of_its_own(backbone, monkeypatch, cache):
    seen = []
    read = ItemBatches.__getitem__
    monkeypatch.setattr(
        ItemBatches, "__getitem__", lambda self, i: (seen.append((self.epoch, i)), read(self, i))[1]
    )
    builder = tl.ImageClassifierBuilder(backbone, seed=0, batch_size=10)
    schedule = tl.FineTune(head_epochs=2)
    builder.fit(labelled(), validation_split=0, epochs=5, schedule=schedule, cache=cache, verbose=0)
    assert set(seen) >= {(epoch, i) for epoch in range(3) for i in range(3)}
    assert max(seen)[0] <= 3  # the second phase begins anew; JAX reads ahead


def test_one_seed_repeats_a_run_and_another_does_not(backbone):
    def train(seed):
        builder = tl.ImageClassifierBuilder(backbone, freeze="none", seed=seed)
        return builder.fit(labelled(), labelled(seed=2), schedule="one-phase", epochs=2, verbose=0)

    first, again, other = train(3), train(3), train(4)
    assert first.history.history == again.history.history
    for a, b in zip(weights(first.model), weights(again.model), strict=True):
        np.testing.assert_array_equal(a, b)
    assert first.history.history != other.history.history


def test_what_is_passed_is_a_template(backbone):
    optimizer, metric = keras.optimizers.SGD(0.05, momentum=0.9), keras.metrics.AUC(name="auc")
    builder = tl.ImageClassifierBuilder(
        backbone, freeze="all", optimizer=optimizer, metrics=["accuracy", metric], seed=0
    )
    before = weights(backbone.model)
    first = builder.fit(labelled(), labelled(seed=2), epochs=2, verbose=0)
    second = builder.fit(labelled(), labelled(seed=2), epochs=2, verbose=0)
    assert not optimizer.built
    assert int(optimizer.iterations) == 0
    assert float(first.phases[0].learning_rate) == pytest.approx(0.05)
    assert first.history.history == second.history.history
    assert "val_auc" in first.history.history
    for a, b in zip(before, weights(backbone.model), strict=True):
        np.testing.assert_array_equal(a, b)


class Watch(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.models, self.epochs, self.outputs = [], [], []

    def on_epoch_end(self, epoch, logs=None):
        self.models.append(self.model)
        self.epochs.append(epoch)
        self.outputs.append(self.model.predict(pixels(2, 32), verbose=0))


def test_callbacks_see_the_full_raw_input_model(backbone, tmp_path):
    watch = Watch()
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras")
    builder = tl.ImageClassifierBuilder(backbone, seed=0)
    fitted = builder.fit(
        labelled(),
        labelled(seed=2),
        epochs=4,
        schedule=tl.FineTune(head_epochs=2, keep="last"),
        callbacks=[watch, checkpoint],
        verbose=0,
    )
    assert watch.epochs == [0, 1, 2, 3]
    assert all(model is fitted.model for model in watch.models)
    np.testing.assert_array_equal(watch.outputs[-1], fitted.model.predict(pixels(2, 32), verbose=0))
    saved = keras.models.load_model(tmp_path / "best.keras")
    np.testing.assert_allclose(
        saved.predict(pixels(2, 32), verbose=0), watch.outputs[-1], rtol=1e-5, atol=1e-6
    )


class StopAfterOne(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


def test_a_callback_ends_a_phase(backbone):
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", seed=0)
    fitted = builder.fit(
        labelled(), labelled(seed=2), epochs=5, callbacks=[StopAfterOne()], verbose=0
    )
    assert fitted.history.epoch == [0]
    assert fitted.phases[0].epochs == 1


@pytest.mark.full
@pytest.mark.parametrize("key", [2, "2"])
def test_class_weight_draws_predictions_to_the_class_that_counts(backbone, key):
    builder = tl.ImageClassifierBuilder(
        backbone, freeze="all", learning_rate=0.05, seed=0,
        class_weight={key: 100.0, "0": 0.0, "1": 0.0},
    )  # fmt: skip
    x, y = labelled()
    fitted = builder.fit((x, y), labelled(seed=2), epochs=5, verbose=0)
    assert set(fitted.model.predict(x, verbose=0).argmax(1)) == {2}


def test_sample_weights_count_with_class_weights(backbone):
    builder = tl.ImageClassifierBuilder(
        backbone, freeze="all", learning_rate=0.05, seed=0, class_weight={"1": 50.0}
    )
    x, y = labelled()
    sample_weight = np.where(y == 1, 1.0, 0.0)
    fitted = builder.fit((x, y, sample_weight), labelled(seed=2), epochs=5, verbose=0)
    assert set(fitted.model.predict(x, verbose=0).argmax(1)) == {1}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"batch_norm": "freeze"}, "batch_norm"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"optimizer": "adamm"}, "adamm"),
        ({"batch_size": 0}, "batch_size"),
        ({"freeze": 1.0}, "share"),
        ({"precision": "mixed_float8000"}, "mixed_float8000"),
    ],
)
def test_bad_settings_are_refused_at_once(settings, problem):
    with pytest.raises(ValueError, match=problem):
        tl.ImageClassifierBuilder("EfficientNetLite0", **settings)


@pytest.mark.parametrize("settings", [{"optimizer": 3}, {"freeze": True}, {"head": "pooled"}])
def test_settings_of_a_wrong_type_are_refused_at_once(settings):
    with pytest.raises(TypeError, match=next(iter(settings))):
        tl.ImageClassifierBuilder("EfficientNetLite0", **settings)


@pytest.mark.parametrize("epochs", [0, -1, 2.5, True])
def test_epochs_are_a_whole_positive_number(backbone, epochs):
    with pytest.raises(ValueError, match="epochs"):
        tl.ImageClassifierBuilder(backbone).fit(labelled(), epochs=epochs)


def test_an_unknown_class_weight_is_named(backbone):
    with pytest.raises(ValueError, match="cat"):
        tl.ImageClassifierBuilder(backbone, class_weight={"cat": 2.0}).fit(labelled())


@pytest.mark.parametrize("cache", [False, True])
def test_a_file_that_vanishes_is_named(tmp_path, monkeypatch, cache):
    paths = [tmp_path / f"{i}.png" for i in range(8)]
    for path, image in zip(paths, pixels(8, 32), strict=True):
        Image.fromarray(image).save(path)
    run = training_run.PhaseRunner.run

    def run_without_files(*arguments, **options):
        for path in paths:
            path.unlink()
        return run(*arguments, **options)

    monkeypatch.setattr("transferlearn.data.images.checking.KEPT_BYTES", 0)
    monkeypatch.setattr(training_run.PhaseRunner, "run", run_without_files)
    builder = tl.ImageClassifierBuilder(small_backbone(), freeze="all", image_size=(32, 32))
    with pytest.raises(OSError, match=r"Cannot read .*\.png"):
        builder.fit((paths, [0, 1] * 4), epochs=1, cache=cache, verbose=0)


@pytest.mark.full
def test_balanced_weights_make_classes_count_alike(backbone):
    x, _ = labelled(30)
    y = np.repeat([0, 1, 2], [20, 8, 2])

    def fit(class_weight):
        builder = tl.ImageClassifierBuilder(
            backbone, freeze="all", seed=0, class_weight=class_weight
        )
        return builder.fit((x, y), validation_split=0, epochs=2, verbose=0)

    balanced, by_hand, plain = map(fit, ("balanced", {0: 0.5, 1: 1.25, 2: 5.0}, None))
    for a, b in zip(weights(balanced.model), weights(by_hand.model), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(weights(balanced.model)[-1], weights(plain.model)[-1])
    with pytest.raises(ValueError, match="class_weight is 'balanced', or"):
        fit("even")
