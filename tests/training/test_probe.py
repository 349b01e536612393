"""The probe: a head solved on the frozen backbone."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import transferlearn as tl
from tests.networks import pixels, small_backbone
from tests.phase_words import head_of
from transferlearn.tasks.solving.logistic import LogisticSolver, solve_with
from transferlearn.training import gathering

pytestmark = pytest.mark.core
X = pixels(90, 32)


def brightness(images):
    """One of three, of which the features know something."""
    means = images.mean((1, 2, 3))
    return np.digitize(means, np.quantile(means, [1 / 3, 2 / 3]))


Y = brightness(X)
HELD_OUT = pixels(40, 32, seed=1), brightness(pixels(40, 32, seed=1))


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def fit(backbone, y=Y, held_out=HELD_OUT, *, cache="auto", callbacks=None, **options):
    builder = tl.ImageClassifierBuilder(backbone, **{"seed": 0, **options})
    return builder.fit(
        (X, y), held_out, epochs=4, schedule="probe", cache=cache, callbacks=callbacks, verbose=0
    )


def features(fitted, images):
    layer = fitted.model.get_layer("predictions")
    return keras.Model(fitted.model.input, layer.input).predict(images, verbose=0)


@pytest.mark.parametrize("cache", ["auto", False])
def test_the_head_is_logistic_regression_on_the_frozen_features(backbone, cache):
    fitted = fit(backbone, cache=cache)
    (phase,) = fitted.phases
    assert head_of(phase).startswith("solved on 90 items, 16 features: cross-validated accuracy 0.")
    assert (phase.epochs, fitted.history.epoch) == (1, [0])
    inside = features(fitted, X)
    strength = float(head_of(phase).split()[-1])
    known = LogisticRegression(
        C=1 / (strength * inside.var(0).mean() * 90), tol=1e-8, max_iter=9999
    )
    expected = known.fit(inside, Y).predict_proba(features(fitted, HELD_OUT[0]))
    np.testing.assert_allclose(fitted.model.predict(HELD_OUT[0], verbose=0), expected, atol=2e-3)


@pytest.mark.parametrize("weights", [None, {0: 3.0, 1: 1.0, 2: 0.5}])
def test_in_the_end_it_is_solved_on_what_was_held_out_too(backbone, weights):
    builder = tl.ImageClassifierBuilder(backbone, seed=0, class_weight=weights)
    fitted = builder.fit((X, Y), validation_split=0.4, schedule="probe", verbose=0)
    (phase,) = fitted.phases
    assert head_of(phase).endswith("; solved again on all 90 if it is not trained further")
    strength = float(head_of(phase).split("strength ")[1].split(";")[0])
    counts = None if weights is None else np.array([weights[i] for i in Y])
    inside = features(fitted, X)
    kernel, bias = solve_with(strength, inside, np.eye(3)[Y], weights=counts)
    layer = fitted.model.get_layer("predictions")
    np.testing.assert_allclose(layer.get_weights()[0], kernel, rtol=1e-3, atol=2e-3)
    np.testing.assert_allclose(layer.get_weights()[1], bias, atol=2e-3)
    _, held_out = tl.data.load_pair((X, Y), validation_split=0.4, seed=0)
    pixels, labels, *_ = held_out.batches(batch_size=36)[0]
    assert fitted.evaluate((pixels, labels)).accuracy >= phase.metrics["val_accuracy"] - 1e-6


def test_more_than_can_be_solved_at_once_is_thinned(backbone, monkeypatch):
    monkeypatch.setattr(gathering, "_MOST_BYTES", 60 * 16 * 4)
    phase = fit(backbone, batch_size=8).phases[0]
    assert head_of(phase).startswith("solved on 48 items of 90, 16 features")  # 6 of 12 batches
    monkeypatch.setattr(gathering, "_MOST_BYTES", 1)
    assert "on all" not in head_of(fit(backbone, held_out=None, batch_size=45).phases[0])


def test_images_that_were_given_to_validate_on_are_left_alone(backbone):
    (phase,) = fit(backbone).phases
    assert "on all" not in head_of(phase)


def test_what_is_said_of_it_is_so(backbone):
    fitted = fit(backbone)
    last = {name: values[-1] for name, values in fitted.history.history.items()}
    assert last["val_accuracy"] == pytest.approx(fitted.evaluate(HELD_OUT).accuracy)
    assert last["accuracy"] == pytest.approx(fitted.evaluate((X, Y)).accuracy)
    assert last["val_loss"] == pytest.approx(fitted.evaluate(HELD_OUT).loss, rel=1e-4)
    assert last["accuracy"] > 0.6


def test_the_backbone_stays_as_it_is(backbone):
    fitted = fit(backbone)
    for layer in backbone.model.layers:
        for a, b in zip(
            layer.get_weights(), fitted.model.get_layer(layer.name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(a, b)


@pytest.mark.full
@pytest.mark.parametrize(
    "options",
    [
        {"loss": "binary_crossentropy"},
        {"loss": "categorical_crossentropy"},
        {"head": tl.heads.FlattenDense(units=())},
        {"multi_label": True},
    ],
)
def test_every_kind_of_outputs(backbone, options):
    y = Y if options.get("loss") == "categorical_crossentropy" else (Y > 0).astype(int)
    if options.get("multi_label"):
        y = np.stack([Y > 0, Y == 1], axis=1).astype("float32")
    fitted = fit(backbone, y, None, **options)
    assert head_of(fitted.phases[0]).startswith("solved")
    assert fitted.evaluate((X, y)).accuracy > 0.5


def test_weights_of_classes_count(backbone):
    weight = {"0": 100.0, "1": 1.0, "2": 1.0}
    builder = tl.ImageClassifierBuilder(backbone, seed=0, class_weight=weight)
    fitted = builder.fit((X, Y), HELD_OUT, schedule="probe", verbose=0)
    assert fitted.evaluate((X, Y))["recall: 0"] > 0.95


class CosineHead(tl.heads.Head):
    def __call__(self, features, num_classes, *, activation="softmax"):
        x = keras.layers.GlobalAveragePooling2D()(features)
        x = keras.layers.Dense(num_classes)(x)
        return keras.layers.Activation(activation)(keras.ops.multiply(x, 0.5))


@pytest.mark.full
@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"head": tl.heads.FlattenDense(units=(8,))}, "it has 2 layers with weights"),
        ({"head": CosineHead()}, "is not the last layer"),
        ({"loss": "mse"}, "its loss is no plain cross-entropy"),
        ({"mixup": 0.2}, "mixup makes new items in each epoch"),
    ],
)
def test_other_heads_take_gradient_steps_and_that_is_said(backbone, options, why):
    fitted = fit(backbone, **options)
    assert head_of(fitted.phases[0]).startswith("not solved, since ")
    assert why in head_of(fitted.phases[0])
    assert fitted.history.epoch == [0, 1, 2, 3]


@pytest.mark.parametrize("views", [1, 3])
def test_augmentation_does_not_keep_a_head_from_being_solved(backbone, views):
    fitted = fit(backbone, augmentation=keras.layers.RandomFlip(), views=views)
    assert head_of(fitted.phases[0]).startswith("solved on 90 items")


@pytest.mark.parametrize(
    ("augmentation", "words"),
    [("none", "the head solved, "), ("light", "the head solved without augmentation, ")],
)
def test_a_solved_head_says_that_augmentation_is_left_out(backbone, augmentation, words, capsys):
    builder = tl.ImageClassifierBuilder(backbone, augmentation=augmentation, seed=0)
    builder.fit((X, Y), HELD_OUT, schedule="probe")
    assert words in capsys.readouterr().out


def test_callbacks_see_one_epoch_of_the_full_model(backbone):
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, self.model.predict(X[:2], verbose=0).shape, sorted(logs)))

    fit(backbone, callbacks=[Watch()])
    assert seen == [(0, (2, 3), ["accuracy", "loss", "val_accuracy", "val_loss"])]


def test_a_freeze_that_frees_layers_is_an_error(backbone):
    with pytest.raises(ValueError, match="trains the head alone"):
        fit(backbone, freeze="none")


@pytest.mark.parametrize(("cache", "thinned"), [("auto", False), (False, True)])
def test_the_solver_knows_the_group_of_each_row(backbone, monkeypatch, cache, thinned):
    seen = []

    def spy(self, features, targets, weights, seed, groups=None):
        seen.append((features, groups))
        return solve(self, features, targets, weights, seed, groups)

    solve = LogisticSolver.solve
    monkeypatch.setattr(LogisticSolver, "solve", spy)
    if thinned:
        monkeypatch.setattr(gathering, "_MOST_BYTES", 64 * 16 * 4)
    groups = np.arange(90) // 3
    fitted = fit(backbone, cache=cache, groups=groups)
    ((rows, found),) = seen
    inside = features(fitted, X)
    order = [np.abs(inside - row).sum(axis=1).argmin() for row in rows]
    assert len(rows) == (58 if thinned else 90)
    assert order != sorted(order)
    known = tl.data.load_pair((X, Y), HELD_OUT, tl.data.Reading(groups=groups)).train.together
    assert np.array_equal(found, known[order])
    assert 20 < len(set(known)) <= 30  # a few groups have images that look alike


def test_a_cross_validation_within_one_group_is_said(backbone):
    """No fold can leave out the group, so the score says nothing of others."""
    builder = tl.ImageClassifierBuilder(backbone, groups=np.zeros(90, int), seed=0)
    one = builder.fit((X, Y), schedule="probe", validation_split=0, verbose=0)
    within = ", within the only group, so items of other groups may well be worse"
    assert str(one.reliable_score).endswith(f"cross-validated on 90 images{within}")
    assert within in head_of(one.phases[0])
    several = tl.ImageClassifierBuilder(backbone, groups=np.arange(90) // 3, seed=0)
    many = several.fit((X, Y), schedule="probe", validation_split=0, verbose=0)
    assert str(many.reliable_score).endswith("cross-validated on 90 images")
