"""Augmentation, stored in views or live, and mixup."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone
from tests.phase_words import cache_of
from transferlearn.builders.augmentation import copy_augmentation
from transferlearn.features import items
from transferlearn.features.extraction import AsInTraining
from transferlearn.training.mixup import MixedBatches

Y = np.arange(32) % 2


def labelled(seed):
    """Images of class 1 are brighter."""
    return (pixels(32, 32, seed=seed) // 2 + 100 * Y[:, None, None, None]).astype("uint8")


X = labelled(1)
HELD_OUT = labelled(2), Y


class Brighten(keras.layers.Layer):
    """Adds one random number an image; counts nothing, changes every pixel."""

    def __init__(self, most=60.0, seed=7, **kwargs):
        super().__init__(**kwargs)
        self.most = most
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        shape = (keras.ops.shape(inputs)[0], 1, 1, 1)
        change = keras.random.uniform(shape, 20.0, self.most, seed=self.seed_generator)
        return keras.ops.cast(inputs, "float32") + change

    def get_config(self):
        return {**super().get_config(), "most": self.most}


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def fit(backbone, cache="auto", *, epochs=3, callbacks=None, **options):
    builder = tl.ImageClassifierBuilder(backbone, **{"freeze": "all", "seed": 0, **options})
    return builder.fit((X, Y), HELD_OUT, epochs=epochs, cache=cache, callbacks=callbacks, verbose=0)


@pytest.mark.core
def test_views_are_stored_and_each_epoch_draws_one(backbone, monkeypatch):
    drawn = []
    start = items.FeatureItems.start

    def spy(self, rows, epoch=0):
        drawn.append((epoch, self._rows.shape[1], self._views(epoch)))
        return start(self, rows, epoch)

    monkeypatch.setattr(items.FeatureItems, "start", spy)
    fitted = fit(backbone, True, augmentation=Brighten(), views=4)
    # Of the validation data there is one view, as it is.
    assert "32 images, 4 views each and 32 held out" in cache_of(fitted.phases[0])
    assert {views for _, views, _ in drawn} == {1, 4}
    by_epoch = {epoch: tuple(v) for epoch, views, v in drawn if views == 4}
    assert len(set(by_epoch.values())) >= 3
    assert {view for views in by_epoch.values() for view in views} == {0, 1, 2, 3}


@pytest.mark.full
@pytest.mark.parametrize("views", [1, pytest.param(3, marks=pytest.mark.full)])
def test_validation_and_the_model_are_not_augmented(backbone, views):
    plain = fit(backbone, learning_rate=1e-12)
    augmented = fit(backbone, augmentation=Brighten(), views=views, learning_rate=1e-12)
    for name in ("val_loss", "val_accuracy"):
        np.testing.assert_allclose(
            plain.history.history[name], augmented.history.history[name], rtol=1e-5
        )
    losses = [f.history.history["loss"] for f in (plain, augmented)]
    assert np.abs(np.subtract(*losses)).min() > 1e-3
    assert [x.name for x in plain.model.layers] == [x.name for x in augmented.model.layers]


@pytest.mark.full
@pytest.mark.core
def test_live_augmentation_is_new_in_each_epoch_and_a_view_is_not(backbone):
    still = {"learning_rate": 1e-12, "augmentation": Brighten()}
    live = fit(backbone, **still).history.history["loss"]
    assert len({round(loss, 5) for loss in live}) == 3
    again = fit(backbone, True, **still, views=3).history.history["loss"]
    assert len({round(loss, 5) for loss in again}) > 1


@pytest.mark.full
def test_views_of_different_augmentations_are_kept_apart(backbone):
    fit(backbone, True, augmentation=Brighten(), views=2)
    again = fit(backbone, True, augmentation=Brighten(), views=2)
    assert "all 96 items found" in cache_of(again.phases[0])
    other = fit(backbone, True, augmentation=Brighten(80.0), views=2)
    assert "64 of 96 items" in cache_of(other.phases[0])
    more = fit(backbone, True, augmentation=Brighten(), views=3)
    assert "32 of 128 items" in cache_of(more.phases[0])


@pytest.mark.full
def test_equal_layers_of_another_name_find_the_same_views(backbone):
    notes = []
    for _ in range(2):
        layers = [keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(0.1)]
        notes.append(cache_of(fit(backbone, True, augmentation=layers, views=2).phases[0]))
    assert "found" not in notes[0]
    assert "all 96 items found" in notes[1]


@pytest.mark.full
@pytest.mark.parametrize("views", [1, 2])
def test_keras_layers_in_a_list_train(backbone, views):
    layers = [keras.layers.RandomFlip("horizontal"), keras.layers.RandomRotation(0.1)]
    fitted = fit(backbone, augmentation=layers, views=views, learning_rate=0.02, epochs=8)
    losses = fitted.history.history["loss"]
    assert np.mean(losses[-3:]) < losses[0]


@pytest.mark.full
def test_the_augmentation_is_a_template(backbone):
    layer = Brighten()
    before = np.asarray(layer.seed_generator.state)
    first, second = (fit(backbone, augmentation=layer, views=v) for v in (1, 1))
    np.testing.assert_array_equal(before, np.asarray(layer.seed_generator.state))
    assert first.history.history == second.history.history


def test_a_layer_runs_as_in_training_in_predict():
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, AsInTraining(Brighten())(image))
    assert (model.predict(X, verbose=0) - X).min() >= 19.9


@pytest.mark.parametrize("views", [0, -1, 1.5, True, "4"])
def test_views_are_whole_and_positive(backbone, views):
    with pytest.raises(ValueError, match="views"):
        tl.ImageClassifierBuilder(backbone, augmentation=Brighten(), views=views)


@pytest.mark.parametrize(
    ("options", "error", "problem"),
    [
        ({"views": 4}, ValueError, "Without an augmentation"),
        ({"augmentation": 3}, TypeError, "augmentation is a Keras layer"),
        ({"augmentation": [lambda x: x]}, TypeError, "augmentation is a Keras layer"),
        ({"augmentation": []}, ValueError, "empty"),
        ({"augmentation": keras.layers.RandomFlip(), "views": 10**6}, ValueError, "at most 1000"),
        ({"augmentation": "lite"}, ValueError, "none, light, strong. Received"),
        ({"augmentation": "none", "views": 2}, ValueError, "views"),
        ({"mixup": -0.1}, ValueError, "mixup"),
        ({"mixup": float("nan")}, ValueError, "mixup"),
        ({"mixup": "yes"}, ValueError, "mixup"),
    ],
)
def test_bad_settings_are_refused_at_once(backbone, options, error, problem):
    with pytest.raises(error, match=problem):
        tl.ImageClassifierBuilder(backbone, **options)


@pytest.mark.core
@pytest.mark.parametrize("name", ["light", "strong"])
def test_presets_change_images_but_leave_them_images(name):
    layer = copy_augmentation(name, (32, 32, 3))
    changed = np.asarray(layer(X.astype("float32"), training=True))
    assert changed.shape == X.shape
    assert 0 <= changed.min() < changed.max() <= 255
    away = abs(changed - X).mean((1, 2, 3))
    assert np.quantile(away, 0.75) > 1
    assert abs(changed.mean() - X.mean()) < 10
    np.testing.assert_array_equal(layer(X.astype("float32"), training=False), X)
    assert copy_augmentation("none", (32, 32, 3)) is None


@pytest.mark.full
def test_a_preset_trains_as_its_layers_do(backbone):
    by_name = fit(backbone, augmentation="light", views=2)
    by_hand = fit(backbone, augmentation=keras.layers.RandomFlip("horizontal"), views=2)
    for a, b in zip(by_name.model.weights, by_hand.model.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_augmentation_that_changes_the_shape_is_refused_before_training(backbone):
    with pytest.raises(ValueError, match=r"augmentation.*\(32, 32, 3\).*\(16, 16, 3\)"):
        fit(backbone, augmentation=keras.layers.RandomCrop(16, 16))


def test_an_augmentation_with_weights_is_refused(backbone):
    with pytest.raises(ValueError, match="weights to train"):
        fit(backbone, augmentation=keras.layers.BatchNormalization())


@pytest.mark.full
@pytest.mark.parametrize("views", [1, 2])
def test_a_sequential_model_augments(backbone, views):
    layers = keras.Sequential([keras.layers.RandomFlip(), keras.layers.RandomContrast(0.2)])
    assert fit(backbone, augmentation=layers, views=views).history.epoch == [0, 1, 2]


class Pairs(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return np.eye(4, dtype="float32"), np.eye(4, dtype="float32") * 2


@pytest.mark.core
def test_mixup_mixes_items_and_labels_alike():
    x, y = MixedBatches(Pairs(), alpha=1.0, seed=0)[0]
    np.testing.assert_allclose(2 * x, y)
    np.testing.assert_allclose(x.sum(1), 1)
    assert ((x > 0) & (x < 1)).any()


@pytest.mark.full
def test_one_seed_repeats_mixup(backbone):
    one, two = (fit(backbone, mixup=0.4, cache=False) for _ in range(2))
    for a, b in zip(one.model.get_weights(), two.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("cache", "loss"),
    [
        (True, None),
        pytest.param(False, None, marks=pytest.mark.full),
        pytest.param(True, "binary_crossentropy", marks=pytest.mark.full),
        (False, "binary_crossentropy"),
    ],
)
def test_mixup_trains_on_stored_features_and_images(backbone, cache, loss):
    fitted = fit(backbone, cache, mixup=0.4, loss=loss, learning_rate=0.02, epochs=6)
    plain = fit(backbone, cache, loss=loss, learning_rate=0.02, epochs=6)
    assert fitted.history.history["loss"] != plain.history.history["loss"]
    assert fitted.history.history["val_loss"][-1] < fitted.history.history["val_loss"][0]


def test_mixup_needs_labels_that_can_be_mixed(backbone):
    with pytest.raises(ValueError, match=r"mixup.*categorical_crossentropy"):
        tl.ImageClassifierBuilder(backbone, mixup=0.2, loss="sparse_categorical_crossentropy")
