"""What honest people save is read as it was."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.attacks.files import keras_file
from tests.networks import pixels


@keras.saving.register_keras_serializable("attacks")
class Doubled(keras.layers.Layer):
    """A layer of the user's own, that is registered."""

    def call(self, x):
        return 2 * x


class Tripled(keras.layers.Layer):
    """A layer of the user's own, that is not registered."""

    def call(self, x):
        return 3 * x


@keras.saving.register_keras_serializable("attacks")
def halved(x):
    """An activation of the user's own."""
    return x / 2


def with_layer(layer):
    image = keras.Input((32, 32, 3))
    return keras.Model(image, layer(keras.layers.Conv2D(4, 3, strides=4)(image)))


def fit(backbone):
    builder = tl.ImageClassifierBuilder(backbone, freeze="all", seed=0)
    return builder.fit((pixels(12, 32), np.arange(12) % 2), epochs=1, verbose=0)


def check_same(fitted, path, **options):
    fitted.save(path)
    loaded = tl.load(path, **options)
    for ours, theirs in zip(fitted.model.weights, loaded.model.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    return loaded


def test_the_default_network(tmp_path):
    backbone = tl.backbones.get("EfficientNetLite0", weights=None, image_size=(32, 32))
    loaded = check_same(fit(backbone), tmp_path / "saved")
    assert len(loaded.predict(pixels(2, 32))) == 2


@pytest.mark.full
def test_texts(tmp_path):
    pytest.importorskip("keras_hub")
    from tests import texts
    from transferlearn.backbones.keras_hub import HubTokenizer

    tokenizer = HubTokenizer(texts.tokenizer())
    backbone = tl.backbones.from_encoder(texts.encoder(layers=1), tokenizer)
    builder = tl.TextClassifierBuilder(backbone, freeze="all", seed=0)
    fitted = builder.fit(texts.reviews(12), epochs=1, verbose=0)
    loaded = check_same(fitted, tmp_path / "saved")
    assert loaded.predict("a good film") == fitted.predict("a good film")


def test_a_layer_that_is_registered(tmp_path):
    check_same(fit(with_layer(Doubled())), tmp_path / "saved")


def test_a_layer_that_is_passed(tmp_path):
    fitted = fit(with_layer(Tripled()))
    check_same(fitted, tmp_path / "saved", custom_objects={"Tripled": Tripled})
    with keras.saving.custom_object_scope({"Tripled": Tripled}):
        tl.load(tmp_path / "saved")
    with pytest.raises(ValueError, match=r"test_honest\.Tripled, which is not known here"):
        tl.load(tmp_path / "saved")


def test_a_function_that_is_registered(tmp_path):
    check_same(fit(with_layer(keras.layers.Activation(halved))), tmp_path / "saved")


def test_a_compiled_model_and_a_model_in_a_model(tmp_path):
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="gelu")])
    inner.compile("sgd", "mse")
    image = keras.Input((4,))
    x = keras.layers.Dropout(0.1)(inner(image))
    x = keras.layers.Dense(2, activation=keras.ops.tanh, kernel_regularizer="l2")(x)
    x = keras.ops.concatenate([x, keras.ops.relu(x)[:, :1]], axis=-1)
    model = keras.Model(image, keras.layers.Bidirectional(keras.layers.LSTM(2))(x[:, None] * 2.0))
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 4)), verbose=0)
    loaded = tl.read_model(keras_file(tmp_path / "model.keras", model))
    x = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_allclose(loaded(x), model(x), atol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "mixed_bfloat16"])
def test_other_precisions(dtype, tmp_path):
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(2, dtype=dtype)(image))
    loaded = tl.read_model(keras_file(tmp_path / "model.keras", model))
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours, "f4"), np.asarray(theirs, "f4"))


def test_adapted_preprocessing_and_augmentation(tmp_path):
    norm = keras.layers.Normalization()
    norm.adapt(pixels(8, 32).astype("float32"))
    image = keras.Input((32, 32, 3))
    x = keras.layers.RandomFlip("horizontal")(norm(image))
    model = keras.Model(image, keras.layers.Resizing(16, 16)(x))
    loaded = tl.read_model(keras_file(tmp_path / "model.keras", model))
    x = pixels(2, 32).astype("float32")
    expected = model(x, training=False)
    np.testing.assert_allclose(loaded(x, training=False), expected, rtol=1e-6)


def test_a_model_file_gives_weights(tmp_path):
    image = keras.Input((32, 32, 3))
    keras.utils.set_random_seed(3)
    model = keras.Model(image, keras.layers.Conv2D(4, 3)(image))
    path = keras_file(tmp_path / "model.keras", model)
    copy = keras.models.clone_model(model)
    backbone = tl.backbones.get(copy, weights=path)
    np.testing.assert_array_equal(backbone.model.get_weights()[0], model.get_weights()[0])


@pytest.mark.full
@pytest.mark.parametrize("name", tl.backbones.names())
def test_every_network(name, tmp_path):
    model = tl.backbones.get(name, weights=None, image_size=(96, 96)).model
    loaded = tl.read_model(keras_file(tmp_path / "model.keras", model))
    for ours, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
