import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import application, pixels, small_backbone
from transferlearn.features import extraction
from transferlearn.folding import FoldedConv, folded

pytestmark = pytest.mark.core
LAYERS = {
    "3x3": lambda: keras.layers.Conv2D(6, 3, padding="same", use_bias=False),
    "3x3, bias, strides": lambda: keras.layers.Conv2D(6, 3, strides=2, bias_initializer="normal"),
    "dilated": lambda: keras.layers.Conv2D(6, 3, dilation_rate=2),
    "grouped": lambda: keras.layers.Conv2D(6, 1, groups=2),
    "1x1": lambda: keras.layers.Conv2D(6, 1, use_bias=False),
    "1x1, bias": lambda: keras.layers.Conv2D(6, 1, bias_initializer="normal"),
    "1x1, strides": lambda: keras.layers.Conv2D(6, 1, strides=2, padding="same"),
    "depthwise": lambda: keras.layers.DepthwiseConv2D(3, strides=2, padding="same"),
    "depthwise, twice": lambda: keras.layers.DepthwiseConv2D(3, depth_multiplier=2),
}


def spread_norm(**options):
    """A BatchNorm whose statistics differ from channel to channel."""
    uniform = keras.initializers.RandomUniform
    return keras.layers.BatchNormalization(
        **{
            "gamma_initializer": uniform(0.5, 2.0),
            "beta_initializer": uniform(-1.0, 1.0),
            "moving_mean_initializer": uniform(-1.0, 1.0),
            "moving_variance_initializer": uniform(0.2, 3.0),
            "trainable": False,
            **options,
        }
    )


def chain(*layers, size=9):
    x = image = keras.Input((size, size, 4))
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


def maps(size=9):
    return np.random.default_rng(0).normal(size=(3, size, size, 4)).astype("float32")


def call(model, x=None):
    outputs = model(maps() if x is None else x, training=True)
    return [keras.ops.convert_to_numpy(part) for part in keras.tree.flatten(outputs)]


def folds(model):
    return sum(isinstance(layer, FoldedConv) for layer in model.layers)


def check_same(model, count):
    sooner = folded(model)
    assert folds(sooner) == count
    assert [w.path for w in sooner.trainable_weights] == [w.path for w in model.trainable_weights]
    for found, expected in zip(call(sooner), call(model), strict=True):
        assert expected.std() > 0.1
        np.testing.assert_allclose(found, expected, atol=2e-5)
    return sooner


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(3)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
def test_gives_the_same(kind, options):
    check_same(chain(LAYERS[kind](), spread_norm(**options), keras.layers.ReLU()), 1)


@pytest.mark.parametrize("kind", LAYERS)
def test_trains_the_same(kind):
    twins = []
    for make in (lambda model: model, folded):
        keras.utils.set_random_seed(4)
        model = make(chain(LAYERS[kind](), spread_norm(), keras.layers.GlobalAveragePooling2D()))
        model.compile(keras.optimizers.SGD(0.1), "mse")
        before = model.get_weights()
        model.fit(maps(), np.ones((3, model.output_shape[-1])), epochs=3, verbose=0)
        twins.append([np.asarray(w) for w in model.trainable_weights])
        assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    assert twins[0]
    for expected, found in zip(*twins, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_images_of_any_size():
    image = keras.Input((None, None, 4))
    model = keras.Model(image, spread_norm()(keras.layers.Conv2D(6, 1)(image)))
    sooner = check_same(model, 1)
    np.testing.assert_allclose(call(sooner, maps(5))[0], call(model, maps(5))[0], atol=2e-5)


@pytest.mark.parametrize(
    ("convolution", "norm"),
    [
        (keras.layers.Conv2D(6, 3), spread_norm(trainable=True)),
        (keras.layers.Conv2D(6, 3, activation="relu"), spread_norm()),
        (keras.layers.Conv2D(6, 3, activity_regularizer="l2"), spread_norm()),
        (keras.layers.Conv2D(9, 1), spread_norm(axis=1)),
        (keras.layers.Conv2D(6, 3), spread_norm(activity_regularizer="l2")),
        (keras.layers.SeparableConv2D(6, 3), spread_norm()),
        (keras.layers.Conv2D(6, 3), keras.layers.LayerNormalization()),
        (keras.layers.Conv2D(6, 3, dtype="mixed_bfloat16"), spread_norm(dtype="mixed_bfloat16")),
    ],
)
def test_leaves_alone_what_is_no_mere_scale(convolution, norm):
    model = chain(convolution, norm)
    assert folded(model) is model


def test_a_convolution_that_something_else_reads_or_calls():
    image = keras.Input((9, 9, 4))
    shared, read, shown = (keras.layers.Conv2D(4, 3, padding="same") for _ in range(3))
    twice = spread_norm()(shared(spread_norm()(shared(image))))
    between = read(twice)
    added = keras.layers.Add()([between, spread_norm()(between)])
    out = shown(added)
    check_same(keras.Model(image, [spread_norm()(out), out]), 0)


def test_a_norm_that_is_called_more_than_once():
    image = keras.Input((9, 9, 4))
    norm, conv = spread_norm(), keras.layers.Conv2D(4, 3, padding="same")
    check_same(keras.Model(image, norm(keras.layers.ReLU()(norm(conv(image))))), 0)
    check_same(keras.Model(image, keras.layers.Add()([norm(image), norm(conv(image))])), 0)


def test_a_norm_that_is_called_by_keyword():
    image = keras.Input((9, 9, 4))
    made = spread_norm()(inputs=keras.layers.Conv2D(4, 3)(inputs=image), training=False)
    check_same(keras.Model(image, made), 1)


def residual():
    """A block whose shortcut has no norm."""
    image = keras.Input((9, 9, 4))
    shortcut = keras.layers.Conv2D(8, 1, name="shortcut")(image)
    main = keras.layers.Conv2D(8, 3, padding="same", name="main")(image)
    added = keras.layers.Add()([shortcut, spread_norm(name="norm")(main)])
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(added))


def test_weights_keep_their_order():
    model = residual()
    check_same(model, 1)
    sooner = folded(model)
    optimizer = keras.optimizers.Adam(0.01, use_ema=True)
    optimizer.build(model.trainable_variables)
    sooner.compile(optimizer, "mse")
    losses = sooner.fit(maps(), np.ones((3, 8)), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_penalties_of_the_kernel_stay():
    conv = keras.layers.Conv2D(6, 1, kernel_regularizer=keras.regularizers.L2(0.1))
    model = chain(conv, spread_norm())
    (expected,), (found,) = (
        map(keras.ops.convert_to_numpy, part.losses) for part in (model, folded(model))
    )
    assert expected > 0.1
    assert found == pytest.approx(expected)


@pytest.mark.full
def test_a_real_network_trains_the_same_with_a_store_and_without():
    backbone = application("ResNet50", 64)
    builder = tl.ImageClassifierBuilder(
        backbone, head=tl.heads.FlattenDense(units=(64,)), freeze="all", seed=0
    )
    data = (pixels(40, 64), np.arange(40) % 2)
    twins = [
        builder.fit(data, validation_split=0, epochs=1, cache=cache, verbose=0)
        for cache in (True, False)
    ]
    for stored, live in zip(*(twin.model.weights for twin in twins), strict=True):
        stored, live = map(keras.ops.convert_to_numpy, (stored, live))
        assert np.linalg.norm(stored - live) <= 1e-5 * max(np.linalg.norm(live), 1e-6), live.shape


def test_what_is_stored_is_computed_by_it():
    backbone = small_backbone()
    backbone.model.trainable = False

    class Whole:
        tensors = tuple(backbone.model.outputs)

    assert folds(extraction.trunk(backbone.model.inputs, Whole, dtype=None)) > 0
    assert folds(extraction.trunk(backbone.model.inputs, Whole, dtype="float32")) == 0
