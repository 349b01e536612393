import keras
import numpy as np
import pytest

from transferlearn.backbones.graph import canonical, copy_operation, walk

pytestmark = pytest.mark.core


def x(*shape):
    return np.random.default_rng(0).uniform(-1, 1, (3, *shape)).astype("float32")


def call(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs, training=False))


def shake(model):
    """Sets every weight to its own values, the statistics of BatchNorm too."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.uniform(0.2, 0.8, weight.shape))
    return model


def part(name):
    image = keras.Input((8, 8, 4))
    y = keras.layers.Conv2D(4, 3, padding="same", name="conv")(image)
    y = keras.layers.BatchNormalization(name="norm")(y)
    return keras.Model(image, keras.layers.ReLU()(y), name=name)


def nested():
    """Models in models, a shared layer, a shared model, a Sequential and plain ops."""
    image = keras.Input((8, 8, 3), name="photo")
    deep_image = keras.Input((8, 8, 4))
    deep = keras.Model(deep_image, part("inner")(deep_image) - 0.25, name="deep")
    shared_part = part("shared_part")
    sequence = keras.Sequential(
        [keras.Input((8, 8, 4)), keras.layers.Conv2D(4, 3, padding="same"), part("last")],
        name="sequence",
    )
    shared = keras.layers.Conv2D(4, 1, name="shared")
    y = keras.layers.Conv2D(4, 3, padding="same", name="conv")(image)
    y = shared(keras.ops.tanh(shared(y)))
    y = shared_part(deep(y)) * 0.5
    y = sequence(keras.ops.tanh(shared_part(y) - 0.1))
    y = keras.ops.concatenate([y, keras.ops.transpose(y, (0, 2, 1, 3)) ** 2], axis=-1)
    return shake(keras.Model(image, y, name="nested"))


def test_names_are_the_same_for_every_instance():
    first = canonical(nested())
    keras.layers.ReLU(), keras.layers.Add()  # Keras's counters of automatic names go on
    names = [
        [operation.name for operation in copy.operations] for copy in (first, canonical(nested()))
    ]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0])
    assert names[0][0] == "image"
    assert {"tanh", "tanh_1", "re_lu", "re_lu_1", "conv2d"} <= set(names[0])


def test_names_of_ones_own_are_kept_and_made_unique():
    names = [layer.name for layer in canonical(nested()).layers]
    assert [n for n in names if "conv" in n and "2d" not in n] == [
        *("conv", "conv_1", "conv_2", "conv_3"),
    ]
    assert names.count("shared") == 1


def test_a_layer_named_like_the_input():
    image = keras.Input((8, 8, 3))
    y = keras.layers.Conv2D(2, 3, name="image")(image)
    copy = canonical(shake(keras.Model(image, y)))
    assert [layer.name for layer in copy.layers] == ["image", "image_1"]


def test_nested_models_are_opened_and_compute_the_same():
    model = nested()
    copy = canonical(model)
    expected = call(model, x(8, 8, 3))
    assert expected.std() > 0.05
    np.testing.assert_array_equal(call(copy, x(8, 8, 3)), expected)
    assert not [layer for layer in copy.layers if isinstance(layer, keras.Model)]
    kinds = [type(layer).__name__ for layer in copy.layers]
    assert (kinds.count("Conv2D"), kinds.count("BatchNormalization")) == (6, 3)
    assert copy.count_params() == model.count_params()


@pytest.mark.parametrize("training", [True, False])
def test_a_sequential_model_is_opened(training):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization()]
    )
    shake(model)
    expected = keras.ops.convert_to_numpy(canonical(model)(x(8, 8, 3), training=training))
    actual = keras.ops.convert_to_numpy(model(x(8, 8, 3), training=training))
    np.testing.assert_array_equal(expected, actual)


def test_the_original_is_not_changed():
    model = nested()
    layers, weights = list(model._flatten_layers()), model.get_weights()
    names, before = [layer.name for layer in layers], call(model, x(8, 8, 3))
    copy = canonical(model)
    shake(copy)
    for weight in copy.weights:
        weight.assign(weight + 1)
    copy.trainable = False
    assert all(a is b for a, b in zip(model._flatten_layers(), layers, strict=True))
    assert [layer.name for layer in layers] == names
    assert all(layer.trainable for layer in layers)
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(call(model, x(8, 8, 3)), before)
    assert not {id(layer) for layer in layers} & {id(layer) for layer in copy._flatten_layers()}


def test_a_second_copy_is_the_same_as_the_first():
    once = canonical(nested())
    again = canonical(once)
    assert [op.name for op in again.operations] == [op.name for op in once.operations]
    np.testing.assert_array_equal(call(again, x(8, 8, 3)), call(once, x(8, 8, 3)))


def test_a_copy_has_the_weights_and_the_initializers_of_the_original():
    model = shake(part("original"))
    copy = canonical(model)
    for old, new in zip(model.weights, copy.weights, strict=True):
        np.testing.assert_array_equal(old, new)
    old, new = model.get_layer("conv"), copy.get_layer("conv")
    assert type(new.kernel_initializer) is type(old.kernel_initializer)
    assert type(new.kernel_initializer) is not keras.initializers.Zeros


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_adapted_normalization_keeps_what_it_learned(wrapped):
    norm = keras.layers.Normalization()
    norm.adapt(np.random.default_rng(0).normal(5, 3, (100, 8, 8, 3)))
    image = keras.Input((4, 8, 8, 3) if wrapped else (8, 8, 3))
    layer = keras.layers.TimeDistributed(norm) if wrapped else norm
    model = keras.Model(image, layer(image))
    inputs = x(*image.shape[1:])
    assert abs(call(model, inputs).mean() - inputs.mean()) > 1
    np.testing.assert_array_equal(call(canonical(model), inputs), call(model, inputs))


def test_a_layer_can_be_put_behind_another():
    model = nested()
    negate = keras.layers.Rescaling(-1.0, name="negated")
    copy = canonical(model, after=lambda name: negate if name == "shared" else None)
    assert "negated" in [layer.name for layer in copy.layers]
    reference = nested()
    reference.get_layer("shared").set_weights(
        [-weight for weight in reference.get_layer("shared").get_weights()]
    )
    np.testing.assert_allclose(call(copy, x(8, 8, 3)), call(reference, x(8, 8, 3)), rtol=1e-5)


def test_input_shape_and_dtype_are_kept():
    image = keras.Input((None, None, 3), dtype="uint8", name="photo")
    copy = canonical(keras.Model(image, keras.layers.Rescaling(2.0)(image), name="mine"))
    assert copy.inputs[0].shape == (None, None, None, 3)
    assert copy.inputs[0].dtype == "uint8"
    assert copy.name == "mine"


def test_a_subclassed_model_is_refused():
    class Mine(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(TypeError, match=r"'hidden' is subclassed \(Mine\).*functional API"):
        canonical(Mine(name="hidden"))
    image = keras.Input((8, 8, 3))
    with pytest.raises(TypeError, match="'inside' is subclassed"):
        canonical(keras.Model(image, Mine(name="inside")(image)))


def test_an_unbuilt_sequential_model_is_refused():
    model = keras.Sequential([keras.layers.Dense(2)], name="open")
    with pytest.raises(ValueError, match=r"'open' has no input shape yet. Give it a keras.Input"):
        canonical(model)


def test_two_inputs_or_outputs_are_refused():
    a, b = keras.Input((4,)), keras.Input((4,))
    with pytest.raises(ValueError, match="'two' with 2 inputs and 1 outputs"):
        canonical(keras.Model([a, b], a + b, name="two"))
    with pytest.raises(ValueError, match="'two' with 1 inputs and 2 outputs"):
        canonical(keras.Model(a, [a + 1, a * 2], name="two"))


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match=r"Expected a keras.Model. Received: <Dense"):
        canonical(keras.layers.Dense(2))


class Scale(keras.layers.Layer):
    def __init__(self, by, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, inputs):
        return inputs * self.by


class Narrow(Scale):
    def __init__(self, by):
        super().__init__(by, name="narrow")


class Secret(Scale):
    def get_config(self):
        raise NotImplementedError


def test_a_layer_of_ones_own_is_copied():
    image = keras.Input((4,))
    model = keras.Model(image, Scale(2.0, name="mine")(image))
    copy = canonical(model)
    assert copy.get_layer("mine") is not model.get_layer("mine")
    np.testing.assert_array_equal(call(copy, x(4)), 2 * x(4))


@pytest.mark.parametrize("layer", [Narrow(2.0), Secret(2.0, name="secret")])
def test_a_layer_that_hides_its_arguments_is_refused(layer):
    image = keras.Input((4,))
    with pytest.raises(TypeError, match=rf"'{layer.name}' \(\w+\) cannot be copied.*get_config"):
        canonical(keras.Model(image, layer(image)))


def test_copies_of_operations_take_changes():
    layer = keras.layers.Conv2D(4, 3, name="conv", dtype="float32")
    fresh = copy_operation(layer, name="other", dtype="mixed_bfloat16")
    assert (fresh.name, fresh.compute_dtype, fresh.filters) == ("other", "bfloat16", 4)
    assert (layer.name, layer.compute_dtype) == ("conv", "float32")
    image = keras.Input((4,))
    operation = keras.ops.clip(image, 0.1, 0.4)._keras_history.operation
    fresh = copy_operation(operation, name="other", dtype="mixed_bfloat16")
    assert fresh is not operation
    assert fresh.name == "other"
    np.testing.assert_allclose(fresh(np.float32([[0, 0.2, 1]])), [[0.1, 0.2, 0.4]])


def test_a_walk_meets_each_call_after_what_it_reads():
    model = canonical(nested())
    known = {id(tensor) for tensor in model.inputs}
    calls = []
    for step in walk(model):
        assert all(id(tensor) in known for tensor in step.inputs)
        known |= {id(tensor) for tensor in step.outputs}
        calls.append(step.operation.name)
    assert id(model.outputs[0]) in known
    assert calls.count("shared") == 2
    assert set(calls) == {operation.name for operation in model.operations} - {"image"}
    assert {"tanh", "transpose", "concatenate"} <= set(calls)
