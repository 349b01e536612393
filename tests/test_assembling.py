import keras
import numpy as np
import pytest

from tests.networks import assembled, pixels, small_backbone
from transferlearn import backbones
from transferlearn.heads import FlattenDense, PooledDense

pytestmark = pytest.mark.core
SIZE = (32, 32)


def network(backbone, head=None, **options):
    keras.utils.set_random_seed(1)
    make = head or (lambda features: PooledDense()(features, 3))
    return assembled(backbone, make, SIZE, **options)


def call(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def images():
    return pixels(6, 32, seed=2).astype("float32")


@pytest.fixture(scope="module")
def small():
    backbone = small_backbone()
    return backbone, network(backbone)


def test_the_whole_is_preprocessing_backbone_and_head(small):
    backbone, net = small
    prepared = images() / 127.5 - 1
    kernel, bias = (np.asarray(w) for w in net.model.get_layer("predictions").weights)
    logits = call(backbone.model, prepared).mean(axis=(1, 2)) @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(call(net.model, images()), expected, atol=1e-5)
    assert expected.std(axis=0).min() > 0.01


def test_the_network_names_its_parts(small):
    backbone, net = small
    assert [x.name for x in net.layers] == [x.name for x in backbone.model.layers]
    assert [x.name for x in net.head] == ["head_pooling", "head_dropout", "predictions"]
    assert not any(isinstance(x, keras.Model) for x in net.model.layers)
    assert all(net.model.get_layer(x.name) is x for x in (*net.layers, *net.head))
    assert net.outputs == {"predictions": (3, "softmax")}
    noise = [(x.layer.name, x.attribute, x.value) for x in net.noise]
    assert noise == [("residual_dropout", "rate", 0.3), ("dense_dropout", "rate", 0.2)]


def test_the_backbone_is_copied(small):
    backbone, net = small
    before = backbone.model.get_weights()
    assert not {id(x) for x in backbone.model.layers} & {id(x) for x in net.layers}
    other = network(backbone)
    for weight in other.model.weights:
        weight.assign(weight * 0 + 1)
    for old, new in zip(before, backbone.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_names_of_the_head_and_of_preprocessing_give_way():
    layers = keras.layers

    def preprocessing(image):
        return layers.Rescaling(1 / 255, name="stem_bn")(layers.ReLU(name="top_relu")(image))

    def head(features):
        x = layers.Conv2D(4, 1, name="top_conv")(features)
        x = layers.GlobalAveragePooling2D(name="image")(x)
        x = layers.Dense(5, name="stem_bn")(x)
        return layers.Dense(2, name="predictions")(x)

    plain = small_backbone()
    backbone = backbones.from_model(plain.model, preprocessing=preprocessing)
    net = network(backbone, head)
    assert [x.name for x in net.layers] == [x.name for x in plain.model.layers]
    assert isinstance(net.model.get_layer("stem_bn"), layers.BatchNormalization)
    assert net.model.get_layer("top_conv").filters == 16
    names = [operation.name for operation in net.model.operations]
    assert len(set(names)) == len(names)
    assert [x.name for x in net.head][-1] == "predictions"
    features = call(plain.model, images() / 255)
    assert call(net.model, images()).std() > 0.01
    np.testing.assert_allclose(
        call(keras.Model(net.model.inputs[0], net.layers[-1].output), images()), features, atol=1e-5
    )


def test_a_backbone_layer_named_preprocessing():
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, name="preprocessing")(image)
    backbone = backbones.from_model(
        keras.Model(image, x), preprocessing=keras.layers.Rescaling(1 / 255)
    )
    assert isinstance(network(backbone).layers[1], keras.layers.Conv2D)


def test_plain_ops_of_a_head_after_loading_in_a_fresh_process():
    """Keras counts automatic names from the start again, and the backbone has such names."""
    image = keras.Input((32, 32, 3))
    backbone = backbones.from_model(
        keras.Model(image, keras.ops.tanh(keras.layers.Conv2D(4, 3)(image) / 99))
    )
    keras.utils.clear_session()
    net = network(backbone, lambda features: keras.ops.tanh(keras.ops.mean(features, axis=(1, 2))))
    names = [operation.name for operation in net.model.operations]
    assert len(set(names)) == len(names)
    assert "tanh" in names
    assert not {operation.name for operation in net.head} & {"tanh"}


@pytest.mark.parametrize("rubbish", [None, 3, np.zeros((2, 3)), [1, 2]])
def test_a_head_that_gives_no_tensor(rubbish, small):
    with pytest.raises(TypeError, match=r"must return its output tensor. Received:"):
        network(small[0], lambda features: rubbish)


def test_a_head_that_gives_a_map(small):
    with pytest.raises(ValueError, match=r"Received: \(None, 7, 7, 16\). Pool or flatten"):
        network(small[0], lambda features: features)


@pytest.mark.parametrize("head", [lambda x: x, lambda x: keras.layers.Dense(2)(keras.Input((3,)))])
def test_a_head_that_does_nothing_with_the_features(head):
    image = keras.Input((32, 32, 3))
    vector = keras.Model(image, keras.layers.GlobalAveragePooling2D()(image))
    with pytest.raises(ValueError, match=r"must be made of the features that it is given"):
        network(backbones.from_model(vector), head)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (keras.layers.Dense(2, activation="softmax"), "softmax"),
        (keras.layers.Dense(2, activation="sigmoid"), "sigmoid"),
        (keras.layers.Dense(2), "linear"),
        (keras.layers.Dense(2, activation="tanh"), "linear"),
        (keras.layers.Softmax(), "softmax"),
        (keras.layers.Activation("sigmoid"), "sigmoid"),
        (keras.ops.softmax, "softmax"),
        (keras.ops.sigmoid, "sigmoid"),
    ],
)
@pytest.mark.parametrize("precision", [None, "mixed_bfloat16"])
def test_what_the_outputs_are_is_seen(last, expected, precision, small):
    def head(features):
        if isinstance(last, keras.layers.Dense):
            return keras.layers.Dense.from_config(last.get_config())(pooled(features))
        return last(pooled(features))

    net = network(small[0], head, precision=precision)
    assert net.outputs["predictions"].activation == expected


def pooled(features):
    return keras.layers.GlobalAveragePooling2D()(features)


def test_mixed_precision_prepares_and_answers_in_float32(small):
    backbone, plain = small
    before = keras.config.dtype_policy().name
    net = network(backbone, precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == before
    computes = {layer.name: layer.compute_dtype for layer in net.model.layers}
    assert computes["preprocessing"] == "float32"
    assert {computes[x.name] for x in net.layers[1:]} == {"bfloat16"}
    assert computes["predictions"] == "bfloat16"
    assert net.model.outputs[0].dtype == "float32"
    assert all(w.dtype == "float32" for w in net.model.trainable_weights)
    y = call(net.model, images())
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, call(plain.model, images()), atol=0.03)


def test_mixed_precision_leaves_rescaling_inside_the_network_alone():
    image = keras.Input((32, 32, 3))
    x = keras.layers.Normalization(mean=[100.0, 110.0, 120.0], variance=[50.0, 60.0, 70.0])(image)
    x = keras.layers.Rescaling(0.5)(x)
    backbone = backbones.from_model(keras.Model(image, keras.layers.Conv2D(4, 3)(x)))
    net = network(backbone, precision="mixed_bfloat16")
    assert [x.compute_dtype for x in net.layers[1:]] == ["float32", "float32", "bfloat16"]


def test_the_policy_is_put_back_when_a_head_fails(small):
    before = keras.config.dtype_policy().name
    with pytest.raises(TypeError):
        network(small[0], lambda features: None, precision="mixed_bfloat16")
    assert keras.config.dtype_policy().name == before


def test_an_adapted_normalization_is_carried_over():
    norm = keras.layers.Normalization()
    norm.adapt(images())
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Conv2D(4, 3)(norm(image)))
    net = network(backbones.from_model(model), lambda x: FlattenDense(units=())(x, 2))
    features = keras.Model(net.model.inputs[0], net.layers[-1].output)
    np.testing.assert_array_equal(call(features, images()), call(model, images()))


def test_images_of_another_size_are_refused(small):
    with pytest.raises(ValueError, match=r"'small' takes inputs of shape \(32, 32, 3\).*\(48, 32"):
        assembled(small[0], lambda x: x, (48, 32))


def test_preprocessing_can_make_what_is_no_rgb_image():
    image = keras.Input((32, 32, 1))
    model = keras.Model(image, keras.layers.Conv2D(4, 3)(image), name="grey")
    with pytest.raises(ValueError, match=r"'grey' takes inputs of shape \(32, 32, 1\).*from_model"):
        network(backbones.from_model(model))
    grey = backbones.from_model(
        model, preprocessing=lambda x: keras.ops.mean(x, axis=-1, keepdims=True)
    )
    features = keras.Model((net := network(grey)).model.inputs[0], net.layers[-1].output)
    expected = call(model, images().mean(axis=-1, keepdims=True))
    np.testing.assert_allclose(call(features, images()), expected, rtol=1e-4, atol=1e-3)


def test_a_normalization_in_front_keeps_what_it_was_adapted_to():
    norm = keras.layers.Normalization()
    norm.adapt(images())
    backbone = backbones.from_model(small_backbone().model, preprocessing=norm)
    image = keras.Input((32, 32, 3))
    prepared = call(keras.Model(image, backbone.prepare(image)[0]), images())
    assert np.abs(prepared.mean()) < 0.01
    assert prepared.std() == pytest.approx(1, abs=0.01)


def test_a_backbone_of_any_size_takes_this_one():
    image = keras.Input((None, None, 3))
    backbone = backbones.from_model(keras.Model(image, keras.layers.Conv2D(4, 3)(image)))
    net = assembled(backbone, lambda x: PooledDense()(x, 2), (20, 30))
    assert net.model.input_shape == (None, 20, 30, 3)
