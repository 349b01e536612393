"""Temperatures: inside the model, the best for the data, and no answer changed."""

import json
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.data import DataWarning
from transferlearn.fitted import Outline
from transferlearn.fitted.logits import open_output
from transferlearn.tasks import ClassEncoding, NumberEncoding, TagEncoding
from transferlearn.tasks.temperature import best_temperature

pytestmark = pytest.mark.core
NAMES = ["ant", "bee", "cat"]
X, Y = pixels(60, 32), [NAMES[i] for i in np.random.default_rng(0).integers(0, 3, 60)]
TAGS = [[name] * (i % 3 > 0) for i, name in enumerate(Y)]


def too_sure(told, **options):
    """A model whose logits are far too large, with labels of which it knows about two thirds."""
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0, **options)
    training = builder.prepare((X, told), validation_split=0)
    training.network.model.layers[-1].kernel.assign(30.0 * training.network.model.layers[-1].kernel)
    history = keras.callbacks.History()
    history.epoch, history.history = [], {}
    fitted = tl.FittedModel(
        model=training.network.model,
        kind=training.kind,
        encoding=training.encoding,
        history=history,
        phases=(),
        outline=Outline(backbone="small", source="a test", batch_size=32),
    )
    known = np.random.default_rng(1).random(len(X)) < 0.6
    several = fitted.encoding.several
    answers = [list(p.labels) if several else p.class_name for p in fitted.predict(X)]
    return fitted, [a if k else t for a, k, t in zip(answers, known, told, strict=True)]


def test_it_is_in_the_save_and_answers_stay(tmp_path):
    fitted, labels = too_sure(Y)
    model, before = fitted.model, fitted.evaluate((X, labels))
    right = [NAMES[i] for i in before.predicted]
    with pytest.warns(DataWarning, match="No temperature fits these 9 images best"):
        nothing = fitted.calibrate((X[:9], right[:9]))
    assert (nothing.temperature, fitted.temperature, fitted.model) == (1, 1, model)
    assert nothing.log_loss_after == nothing.log_loss_before

    found = fitted.calibrate((X, labels))
    after = fitted.evaluate((X, labels))
    assert found.temperature == fitted.temperature > 2
    assert repr(found) == str(found)  # a table, in notebooks too
    assert after.loss < before.loss
    assert found.log_loss_after == pytest.approx(after.loss, rel=1e-3)
    assert found.error_after == pytest.approx(after.calibration_error, abs=0.01)
    assert after.calibration_error < before.calibration_error
    assert f"{found.log_loss_after:.4f}" in str(found)
    np.testing.assert_array_equal(after.predicted, before.predicted)
    first = keras.ops.convert_to_numpy(model(X[:9].astype("float32")))
    np.testing.assert_allclose(first, before.probabilities[:9], rtol=1e-4)  # others may hold it

    fitted.save(tmp_path / "save")
    told = json.loads((tmp_path / "save" / "transferlearn.json").read_text())
    assert told["temperature"] == fitted.temperature
    loaded = tl.load(tmp_path / "save")
    assert (loaded.temperature, loaded.calibration) == (fitted.temperature, found)
    assert f"temperature {fitted.temperature:.4g}" in repr(loaded)
    np.save(tmp_path / "x.npy", X[:4].astype("float32"))
    code = (
        "import sys, keras, numpy as np\n"
        "model = keras.models.load_model('save/model.keras')\n"
        "np.save('y.npy', model(np.load('x.npy'), training=False))\n"
        "assert 'transferlearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), after.probabilities[:4], rtol=1e-4)


def test_tags_keep_their_answers_at_one_half():
    fitted, labels = too_sure(TAGS, multi_label=True)
    before = fitted.evaluate((X, labels))
    found = fitted.calibrate((X, labels))
    after = fitted.evaluate((X, labels))
    assert found.temperature > 2
    assert after.loss < before.loss
    np.testing.assert_array_equal(after.predicted, before.predicted)
    again = fitted.calibrate((X, labels))
    assert again.temperature == pytest.approx(1, abs=0.02)
    assert again.log_loss_after <= again.log_loss_before

    numbers = NumberEncoding(names=("kg",), mean=(0.0,), spread=(1.0,))
    with pytest.raises(ValueError, match="whole images, which a model of numbers does not"):
        replace(fitted, encoding=numbers).calibrate((X, labels))
    bias = fitted.model.layers[-1].bias
    bias.assign(keras.ops.convert_to_tensor([np.nan, 0.0, 0.0]))
    for judge in (fitted.evaluate, fitted.calibrate):
        with pytest.raises(ValueError, match="gives NaN or infinity for 60 of 60 items"):
            judge((X, labels))


class OwnDense(keras.layers.Dense):
    """Not exactly Keras's, so nothing is known of it."""


def _sum(x):
    return keras.layers.Add()([keras.layers.Dense(3)(x), keras.layers.Dense(3)(x)])


def _ops(x):
    return keras.ops.softmax(keras.layers.Dense(3, activation="relu")(x))


HEADS = {
    "softmax": (lambda x: keras.layers.Dense(3, activation="softmax")(x), "softmax", True),
    "logits": (lambda x: keras.layers.Dense(3)(x), "linear", True),
    "single": (lambda x: keras.layers.Dense(1, activation="sigmoid")(x), "sigmoid", True),
    "no bias": (
        lambda x: keras.layers.Activation("linear")(
            keras.layers.Softmax()(keras.layers.Dense(3, use_bias=False)(x))
        ),
        "softmax",
        True,
    ),
    "sum": (lambda x: keras.layers.Activation("softmax")(_sum(x)), "softmax", False),
    "sum of logits": (_sum, "linear", False),
    "relu": (_ops, "softmax", False),
    "own": (lambda x: OwnDense(3, activation="softmax")(x), "softmax", False),
    "own tags": (lambda x: OwnDense(3, activation="sigmoid")(x), "sigmoid", False),
}


@pytest.mark.parametrize("name", HEADS)
def test_any_head_can_be_divided(name):
    keras.utils.set_random_seed(0)
    head, activation, folded = HEADS[name]
    features = keras.Input((8,))
    model = keras.Model(features, head(features))
    x = np.random.default_rng(0).standard_normal((20, 8)).astype("float32")
    first = model(x)
    opened = open_output(model, activation)
    squash = keras.activations.get(activation)
    for made in (opened.divided(3.0), open_output(opened.divided(2.0), activation).divided(1.5)):
        expected = squash(opened.logits(x) / 3.0)
        np.testing.assert_allclose(made(x), expected, rtol=1e-4, atol=1e-6)
        layers = [layer.name for layer in made.layers if "temperature" in layer.name]
        assert (not layers) == folded
    np.testing.assert_allclose(squash(opened.logits(x)), first, rtol=1e-4)
    np.testing.assert_array_equal(model(x), first)


@pytest.mark.parametrize(
    ("encoding", "columns"),
    [
        (ClassEncoding(class_names=("a", "b", "c"), units=3), 3),
        (ClassEncoding(class_names=("a", "b"), units=1, activation="sigmoid"), 1),
        (TagEncoding(class_names=("a", "b", "c"), units=3, activation="linear"), 3),
    ],
)
def test_it_is_the_best_temperature(encoding, columns):
    random = np.random.default_rng(0)
    logits = 20 * random.standard_normal((200, columns))
    scaling = tl.tasks.temperature_scaling(encoding)
    right = scaling.values(logits) >= 0.5
    wrong = random.random((200, 1)) < 0.3
    targets = np.where(wrong, right[random.permutation(200)], right).astype(float)
    targets = targets if encoding.several else targets.argmax(axis=1)

    def loss(temperature):
        return encoding.scoring.measure(scaling.values(logits / temperature), targets).loss

    best = minimize_scalar(loss, bounds=(1, 90), method="bounded")
    found = best_temperature(lambda t: scaling.log_loss(scaling.values(logits / t), targets))
    assert found == pytest.approx(best.x, rel=0.01)
    measured = encoding.scoring.measure(scaling.values(logits / found), targets)
    values = scaling.values(logits / found)
    assert scaling.log_loss(values, targets) == pytest.approx(measured.loss)
    assert scaling.error(values, targets) == pytest.approx(measured.calibration_error)


def test_a_loss_without_a_better_temperature_keeps_1():
    assert best_temperature(lambda t: np.log(t) ** 2) == pytest.approx(1)
    assert best_temperature(lambda t: 0.0 if t == 1 else 1 + np.log(t) ** 2) == 1
    assert best_temperature(lambda t: t) is None
