from dataclasses import replace

import keras
import numpy as np
import pytest

from transferlearn.heads import FlattenDense, Head, PooledDense

pytestmark = pytest.mark.core
FEATURES = {"map": (3, 5, 8), "tokens": (7, 8), "vector": (8,)}
HEADS = [FlattenDense(), FlattenDense(units=(6, 4), dropout=0.3, l2=0.01), PooledDense()]


def network(head, features="map", num_classes=3, **options):
    keras.utils.set_random_seed(0)
    inputs = keras.Input(FEATURES[features])
    return keras.Model(inputs, head(inputs, num_classes, **options))


def outputs(model):
    x = np.random.default_rng(0).normal(size=(6, *model.input_shape[1:])).astype("float32")
    return keras.ops.convert_to_numpy(model(x, training=False))


def layers(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("head", HEADS)
def test_any_features_give_probabilities(head, features):
    y = outputs(network(head, features))
    assert y.shape == (6, 3)
    assert y.std(axis=0).min() > 0.01
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("num_classes", [1, 4])
def test_independent_outputs_are_sigmoids(head, num_classes):
    model = network(head, num_classes=num_classes, activation="sigmoid")
    y = outputs(model)
    assert model.layers[-1].activation is keras.activations.sigmoid
    assert y.shape == (6, num_classes)
    assert ((y > 0) & (y < 1)).all()
    assert y.std() > 0.01


def test_the_classic_head():
    model = network(FlattenDense(units=(6, 4)))
    names = ["head_flatten", "head_dense_1", "head_dense_2", "predictions"]
    assert [layer.name for layer in model.layers[1:]] == names
    assert [x.units for x in layers(model, keras.layers.Dense)] == [6, 4, 3]
    assert [x.activation.__name__ for x in model.layers[2:]] == ["relu", "relu", "softmax"]
    assert model.get_layer("head_dense_1").kernel.shape == (3 * 5 * 8, 6)


def test_the_classic_head_can_be_one_layer():
    assert [x.units for x in layers(network(FlattenDense(units=())), keras.layers.Dense)] == [3]


@pytest.mark.parametrize(("features", "axes"), [("map", (1, 2)), ("tokens", 1), ("vector", ())])
def test_the_pooled_head_is_a_dense_layer_on_the_mean(features, axes):
    model = network(PooledDense(), features)
    x = np.random.default_rng(0).normal(size=(6, *FEATURES[features])).astype("float32")
    kernel, bias = map(np.asarray, model.get_layer("predictions").weights)
    logits = x.mean(axis=axes) @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outputs(model), expected, atol=1e-5)


def test_dropout_is_where_it_was_asked_for():
    assert [x.rate for x in layers(network(PooledDense()), keras.layers.Dropout)] == [0.2]
    assert not layers(network(PooledDense(dropout=0)), keras.layers.Dropout)
    assert not layers(network(FlattenDense()), keras.layers.Dropout)
    classic = network(FlattenDense(units=(6, 4), dropout=0.5))
    assert [x.rate for x in layers(classic, keras.layers.Dropout)] == [0.5, 0.5]
    order = [type(x).__name__ for x in classic.layers[1:]]
    assert order == ["Flatten", "Dense", "Dropout", "Dense", "Dropout", "Dense"]


@pytest.mark.parametrize("head", [FlattenDense(units=(4,)), PooledDense(dropout=0)])
def test_l2_is_a_penalty_on_every_kernel(head):
    assert network(head).losses == []
    model = network(replace(head, l2=0.5))
    kernels = [np.asarray(x.kernel) for x in layers(model, keras.layers.Dense)]
    expected = sum(0.5 * (kernel**2).sum() for kernel in kernels)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", [FlattenDense, PooledDense])
def test_bad_rates_are_refused(kind):
    for dropout in (1, 1.5, -0.1):
        with pytest.raises(ValueError, match=rf"\[0, 1\). Received: dropout={dropout}"):
            kind(dropout=dropout)
    with pytest.raises(ValueError, match=r"at least 0. Received: l2=-0.1"):
        kind(l2=-0.1)


@pytest.mark.parametrize("units", [128, "128", None])
def test_units_are_a_sequence(units):
    with pytest.raises(TypeError, match=r"such as \(128,\). Received: units="):
        FlattenDense(units=units)


@pytest.mark.parametrize("units", [(0,), (8, -1), (1.5,)])
def test_units_are_sizes(units):
    with pytest.raises(ValueError, match=r"such as \(128,\). Received: units="):
        FlattenDense(units=units)


def test_units_can_be_a_list():
    assert FlattenDense(units=[8, 4]) == FlattenDense(units=(8, 4))
    assert hash(FlattenDense(units=[8, 4])) == hash(FlattenDense(units=(8, 4)))


def test_each_call_makes_new_layers():
    first, second = network(HEADS[1]), network(HEADS[1])
    assert not {id(x) for x in first.layers} & {id(x) for x in second.layers}
    np.testing.assert_array_equal(outputs(first), outputs(second))


def test_a_head_must_say_what_it_does():
    class Nothing(Head):
        pass

    with pytest.raises(TypeError, match="__call__"):
        Nothing()
