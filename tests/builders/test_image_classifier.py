"""What `ImageClassifierBuilder` builds."""

from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests.networks import pixels, small_backbone, small_model

pytestmark = pytest.mark.core


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def labelled(classes=3, count=24, seed=1):
    return pixels(count, 32, seed=seed), np.arange(count) % classes


class MaxBuilder(tl.ImageClassifierBuilder):
    def build_head(self, features, num_classes):
        x = keras.layers.GlobalMaxPooling2D()(features)
        return keras.layers.Dense(num_classes, activation="softmax")(x)


@dataclass(frozen=True)
class Logits(tl.heads.Head):
    scale: float = 2.0

    def __call__(self, features, num_classes, *, activation="softmax"):
        x = keras.layers.GlobalAveragePooling2D()(features)
        return keras.layers.Rescaling(self.scale)(keras.layers.Dense(num_classes)(x))


def test_build_gives_a_plain_flat_compiled_model(backbone):
    model = tl.ImageClassifierBuilder(backbone).build(num_classes=5)
    assert type(model) is type(keras.Model(model.input, model.output))
    assert model.compiled
    assert model.output_shape == (None, 5)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert model.get_layer("top_conv").output.shape[1:] == (7, 7, 16)


@pytest.mark.parametrize(
    ("classes", "settings"),
    [
        (2, {"head": Logits()}),
        (3, {"cls": MaxBuilder}),
        pytest.param(3, {"head": Logits()}, marks=pytest.mark.full),
        pytest.param(2, {"cls": MaxBuilder}, marks=pytest.mark.full),
    ],
    ids=str,
)
def test_heads_of_ones_own_train_and_predict(backbone, settings, classes):
    settings = dict(settings)
    cls = settings.pop("cls", tl.ImageClassifierBuilder)
    fitted = cls(backbone, seed=0, **settings).fit(labelled(classes), epochs=1, verbose=0)
    found = fitted.predict(pixels(4, 32))
    assert all(sum(p.probabilities.values()) == pytest.approx(1, abs=1e-5) for p in found)
    assert fitted.model.output_shape == (None, classes)


@pytest.mark.full
def test_the_head_is_built_once_a_fit(backbone):
    calls = []

    class Counted(tl.ImageClassifierBuilder):
        def build_head(self, features, num_classes):
            calls.append(num_classes)
            return super().build_head(features, num_classes)

    Counted(backbone).fit(labelled(), epochs=2, schedule="fine-tune", verbose=0)
    assert calls == [3]


def test_the_loss_of_logits_is_that_of_their_softmax(backbone):
    fitted = tl.ImageClassifierBuilder(backbone, head=Logits(), freeze="all", seed=0).fit(
        labelled(), labelled(seed=2), epochs=1, verbose=0
    )
    assert fitted.evaluate(labelled(seed=2)).loss == pytest.approx(
        fitted.history.history["val_loss"][-1], rel=1e-4
    )


@pytest.mark.full
def test_binary_cross_entropy_gives_one_sigmoid_output(backbone):
    builder = tl.ImageClassifierBuilder(backbone, loss="binary_crossentropy", freeze="all", seed=0)
    fitted = builder.fit(labelled(2), labelled(2, seed=2), epochs=1, verbose=0)
    assert fitted.model.output_shape == (None, 1)
    assert {"accuracy", "auc"} <= set(fitted.history.history)
    probability = fitted.model.predict(pixels(4, 32), verbose=0)[:, 0]
    found = fitted.predict(pixels(4, 32))
    assert [p.probabilities["1"] for p in found] == pytest.approx(probability.tolist())


def test_fit_says_which_of_its_arguments_are_settings(backbone):
    builder = tl.ImageClassifierBuilder(backbone)
    with pytest.raises(TypeError, match=r"ImageClassifierBuilder\(\.\.\., class_weight=\.\.\.\)"):
        builder.fit((pixels(8, 32), np.arange(8) % 2), class_weight="balanced")
    with pytest.raises(TypeError, match="batch_size is a setting of the builder"):
        builder.prepare((pixels(8, 32), np.arange(8) % 2), batch_size=8)


@pytest.mark.full
def test_several_labels_an_image(backbone):
    x, y = pixels(24, 32), np.random.default_rng(0).integers(0, 2, (24, 3))
    held_out = pixels(24, 32, seed=2), y
    builder = tl.ImageClassifierBuilder(
        backbone, multi_label=True, freeze="all", seed=0, class_names=["a", "b", "c"]
    )
    fitted = builder.fit((x, y), held_out, epochs=1, verbose=0)
    outputs = fitted.model.predict(x[:1], verbose=0)[0]
    prediction = fitted.predict(x[0])
    assert prediction.labels == tuple(n for n, p in zip("abc", outputs, strict=True) if p >= 0.5)
    assert fitted.evaluate(held_out).accuracy == pytest.approx(
        fitted.history.history["val_accuracy"][-1], abs=1e-6
    )


def test_binary_cross_entropy_does_not_go_with_a_softmax_over_several_classes(backbone):
    with pytest.raises(ValueError, match="softmax"):
        tl.ImageClassifierBuilder(backbone, loss="binary_crossentropy").build(3)


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(None, marks=pytest.mark.full),
        pytest.param("sparse_categorical_crossentropy", marks=pytest.mark.full),
        "categorical_crossentropy",
        keras.losses.CategoricalFocalCrossentropy(),
    ],
    ids=["default", "sparse", "one-hot", "focal object"],
)
def test_any_loss_gets_labels_as_it_wants_them(backbone, loss):
    builder = tl.ImageClassifierBuilder(backbone, loss=loss, freeze="all", seed=0)
    fitted = builder.fit(labelled(), labelled(seed=2), epochs=1, verbose=0)
    assert np.isfinite(fitted.history.history["loss"][0])


def test_summary_tells_frozen_from_trained(backbone):
    lines = []
    builder = tl.ImageClassifierBuilder(backbone, freeze="residual_conv")
    builder.summary(num_classes=3, print_fn=lines.append)
    text = "\n".join(lines)
    assert "frozen" in text
    assert "trained" in text
    top = keras.layers.Conv2D(16, 3)
    top.build((None, 15, 15, 16))
    assert f"{top.count_params():,}" in text
    assert "BatchNorm" in text


def test_unit_range_is_undone_inside_the_built_model(backbone):
    raw = tl.ImageClassifierBuilder(backbone, seed=0).build(3)
    scaled = tl.ImageClassifierBuilder(backbone, seed=0, value_range=(0, 1)).build(3)
    scaled.set_weights(raw.get_weights())
    x = pixels(4, 32).astype("float32")
    np.testing.assert_allclose(
        scaled.predict(x / 255, verbose=0), raw.predict(x, verbose=0), rtol=1e-4, atol=1e-5
    )


def test_a_keras_model_is_a_backbone_and_is_not_changed():
    model = small_model()
    before = [np.asarray(w) for w in model.weights]
    fitted = tl.ImageClassifierBuilder(model, freeze="none", seed=0).fit(
        labelled(), epochs=1, verbose=0
    )
    assert fitted.kind.image_size == (32, 32)
    assert all(np.array_equal(a, np.asarray(w)) for a, w in zip(before, model.weights, strict=True))
    assert all(layer.trainable for layer in model.layers)


@pytest.mark.full
@pytest.mark.parametrize(
    "precision", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.full)]
)
def test_lower_precision_trains_and_gives_float32(backbone, precision):
    fitted = tl.ImageClassifierBuilder(backbone, precision=precision, freeze="none", seed=0).fit(
        labelled(), epochs=1, verbose=0
    )
    assert fitted.model.get_layer("top_conv").compute_dtype == precision.removeprefix("mixed_")
    assert fitted.model.output.dtype == "float32"
    assert np.isfinite(fitted.history.history["loss"][0])
    assert keras.config.dtype_policy().name == "float32"


def test_a_head_with_a_wrong_number_of_outputs_is_refused(backbone):
    class Wrong(tl.ImageClassifierBuilder):
        def build_head(self, features, num_classes):
            return keras.layers.Dense(7)(keras.layers.GlobalMaxPooling2D()(features))

    with pytest.raises(ValueError, match="7 outputs for 3 classes"):
        Wrong(backbone).build(3)


def test_an_init_of_its_own_is_refused_with_the_fix():
    with pytest.raises(TypeError, match="dataclass"):

        class Bad(tl.ImageClassifierBuilder):
            def __init__(self, units):
                self.units = units


def test_settings_of_a_subclass_are_fields(backbone):
    @dataclass(frozen=True)
    class Wide(tl.ImageClassifierBuilder):
        units: int = 4

        def build_head(self, features, num_classes):
            x = keras.layers.GlobalMaxPooling2D()(features)
            x = keras.layers.Dense(self.units, name="wide")(x)
            return keras.layers.Dense(num_classes, activation="softmax")(x)

    model = replace(Wide(backbone), units=9).build(2)
    assert model.get_layer("wide").units == 9


def test_images_of_another_size_than_the_backbone_takes_are_refused(backbone):
    with pytest.raises(ValueError, match=r"\(32, 32"):
        tl.ImageClassifierBuilder(backbone).fit((pixels(8, 40), np.arange(8) % 2), epochs=1)


@pytest.mark.parametrize("num_classes", [0, -1, 2.0, True])
def test_num_classes_is_a_whole_positive_number(backbone, num_classes):
    with pytest.raises(ValueError, match="num_classes"):
        tl.ImageClassifierBuilder(backbone).build(num_classes)
