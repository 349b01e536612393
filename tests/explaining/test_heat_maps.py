"""Heat maps show what a network looks at, where that is known."""

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests import made
from tests.networks import application
from transferlearn.backbones.pyramid import last_map
from transferlearn.explaining.heat_maps import gradient
from transferlearn.tasks import TagEncoding

KERNEL = [[4, 0], [0, 0], [0, 4]]  # red speaks for the first class, blue for the second


def means(image):
    """The mean colours of 2 x 2 pixels, in [0, 1]."""
    return image.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3)) / 255


@pytest.mark.core
def test_a_heat_map_is_grad_cam_of_the_log_odds():
    fitted, images = made.of_colours(KERNEL), made.photos()
    first, second = tl.explaining.heat_maps(fitted, images)
    assert (first.answer, second.answer) == ("red", "blue")
    # The log-odds of red are 4 red - 4 blue: both channels have the same gradient everywhere.
    for found, image, sign in ((first, images[0], 1), (second, images[1], -1)):
        colours = means(image)
        expected = np.maximum(sign * (colours[..., 0] - colours[..., 2]), 0)
        np.testing.assert_allclose(found.values, expected / expected.max(), atol=1e-5)
        np.testing.assert_array_equal(found.image, image)
    assert first.resized().shape == made.SIZE
    assert first.resized()[0, 0] == pytest.approx(1, abs=1e-5)


@pytest.mark.core
def test_an_answer_can_be_chosen():
    fitted = made.of_colours(KERNEL)
    (found,) = tl.explaining.explain(fitted, made.photos()[:1], "blue")
    assert found.answer == "blue"
    assert found.values.max() == 0  # nothing in it speaks for blue
    with pytest.raises(ValueError, match=r"one of 'red', 'blue'\. Received: answer='green'"):
        tl.explaining.heat_maps(fitted, made.photos(), "green")


@pytest.mark.core
@pytest.mark.parametrize("activation", ["softmax", "linear"])
def test_a_model_that_is_quite_sure_is_explained_too(activation):
    sure = made.of_colours(np.multiply(KERNEL, 20), activation)
    calm = made.of_colours(KERNEL, activation)
    pairs = (tl.explaining.heat_maps(fitted, made.photos())[0] for fitted in (sure, calm))
    first, second = (found.values for found in pairs)
    np.testing.assert_allclose(first, second, atol=1e-4)
    assert first.max() == pytest.approx(1)


@pytest.mark.core
@pytest.mark.parametrize("activation", ["sigmoid", "linear"])
def test_one_unit_for_two_classes(activation):
    fitted = made.of_colours([[-4], [0], [4]], activation)
    softmax = made.of_colours(KERNEL)
    for found, same in zip(
        tl.explaining.heat_maps(fitted, made.photos()),
        tl.explaining.heat_maps(softmax, made.photos()),
        strict=True,
    ):
        assert found.answer == same.answer
        np.testing.assert_allclose(found.values, same.values, atol=1e-4)


@pytest.mark.core
def test_tags_are_explained_one_by_one():
    encoding = TagEncoding(class_names=("red", "blue"), activation="sigmoid", units=2)
    fitted = made.of_colours(KERNEL, "sigmoid", encoding)
    (found,) = tl.explaining.heat_maps(fitted, made.photos()[0], "red")
    red = means(made.photos()[0])[..., 0]
    np.testing.assert_allclose(found.values, red / red.max(), atol=1e-5)


@pytest.mark.core
def test_numbers_are_explained_by_their_own_gradient():
    fitted = made.of_colours([[2, 0], [0, 0], [-1, 3]], "linear", made.numbers("warm", "cold"))
    image = made.photos()[0]
    (first,), (second,) = (
        tl.explaining.heat_maps(fitted, image, answer) for answer in (None, "cold")
    )
    colours = means(image)
    expected = np.maximum(2 * colours[..., 0] - colours[..., 2], 0)
    np.testing.assert_allclose(first.values, expected / expected.max(), atol=1e-5)
    np.testing.assert_allclose(second.values, colours[..., 2] / colours[..., 2].max(), atol=1e-5)
    assert (first.answer, second.answer) == ("warm", "cold")


@pytest.mark.core
def test_the_model_stays_as_it_was():
    fitted = made.of_colours(KERNEL)
    before = [np.array(weight) for weight in fitted.model.get_weights()]
    tl.explaining.heat_maps(fitted, made.photos())
    for weight, old in zip(fitted.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


@pytest.mark.core
def test_a_network_without_maps_is_refused():
    image = keras.Input((*made.SIZE, 3))
    x = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(image))
    fitted = made.of_colours(KERNEL)
    fitted.model = keras.Model(image, x)
    with pytest.raises(ValueError, match=r"no feature map to look at.*SavedModel"):
        tl.explaining.heat_maps(fitted, made.photos())


def quadrant(count, seed):
    """Dim noise with a bright patch in the upper left quadrant: red or blue, which is the class."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (count, 32, 32, 3)).astype("uint8")
    labels = np.arange(count) % 2
    for image, label, (row, column) in zip(
        pixels, labels, rng.integers(0, 9, (count, 2)), strict=True
    ):
        image[row : row + 8, column : column + 8] = ([230, 20, 20], [20, 20, 230])[label]
    return pixels, np.array(["red", "blue"])[labels]


def test_a_trained_network_is_seen_to_look_where_the_answer_is():
    keras.utils.set_random_seed(0)
    image = x = keras.Input((32, 32, 3))
    for i in range(3):
        x = keras.layers.Conv2D(8, 3, strides=1 + (i > 0), padding="same", activation="relu")(x)
    backbone = tl.backbones.from_model(
        keras.Model(image, x), preprocessing=keras.layers.Rescaling(1 / 255), pretrained=False
    )
    builder = tl.ImageClassifierBuilder(backbone, freeze="none", learning_rate=1e-2, seed=0)
    fitted = builder.fit(quadrant(64, 0), epochs=12, validation_split=0, verbose=0)
    images, labels = quadrant(12, 1)
    assert fitted.evaluate((images, labels)).accuracy == 1
    shares = []
    for found, label in zip(tl.explaining.heat_maps(fitted, images), labels, strict=True):
        assert found.answer == label
        row, column = np.unravel_index(found.values.argmax(), found.values.shape)
        assert row <= 4  # the patch ends there
        assert column <= 4
        shares.append(found.values[:5, :5].sum() / found.values.sum())
    assert np.mean(shares) > 0.6  # in 39% of the image


FAMILIES = {
    "VGG16": "block5_conv3",
    "ResNet50": "conv5_block3_out",
    "EfficientNetV2B0": "top_activation",
    "ConvNeXtTiny": "",
    "MobileNetV3Small": "",
    "MobileNetV2": "out_relu",
    "DenseNet121": "relu",
    "InceptionV3": "mixed10",
    "Xception": "block14_sepconv2_act",
    "NASNetMobile": "",
}


@pytest.mark.full
@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_explained(name):
    backbone = application(name, 160)
    builder = tl.ImageClassifierBuilder(backbone, image_size=(160, 160), seed=0)
    model = builder.build(num_classes=3)
    fitted = made.of_colours(KERNEL)
    fitted.model, fitted.kind = model, tl.data.Images(image_size=(160, 160))
    fitted.encoding = tl.tasks.ClassEncoding(class_names=("a", "b", "c"), units=3)
    images = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3)).astype("uint8")
    found = tl.explaining.heat_maps(fitted, images)
    tensor = last_map(model)
    if FAMILIES[name]:
        assert FAMILIES[name] == tensor._keras_history.operation.name
    for one in found:
        assert one.values.shape == tuple(tensor.shape[1:3])
        assert 3 <= one.values.shape[0] <= 10
        assert one.values.max() == pytest.approx(1)
        assert one.values.std() > 0.01
    # The gradient agrees with a small step along it.
    back = keras.Model(tensor, model.outputs[0])
    maps = np.asarray(keras.Model(model.inputs, tensor).predict(images, verbose=0))
    which = np.array([0, 1])

    def score(x):
        return tl.explaining.answers_of(fitted.encoding).evidence(back(x, training=False), which)

    slope = gradient(score, maps)
    # Upwards only: where all that VGG pools is 0, the largest falls no further.
    up = np.maximum(slope, 0)
    step = 1e-3 * np.abs(maps).mean() / np.abs(slope).mean()
    before, after = (np.asarray(score(maps + size * up), float).sum() for size in (0, step))
    assert (after - before) / step == pytest.approx((up**2).sum(), rel=0.01)
