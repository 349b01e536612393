"""Builders whose networks tell numbers."""

import json
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests.networks import pixels, small_backbone

pytestmark = pytest.mark.core
FINE = {"schedule": "fine-tune", "epochs": 4, "verbose": 0}


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def data(count=48, seed=1, offset=2000.0, scale=30.0):
    """Images, and their mean brightness far from 0."""
    images = pixels(count, 32, seed=seed)
    images = (images * np.random.default_rng(seed).uniform(0.2, 1, (count, 1, 1, 1))).astype(
        "uint8"
    )
    return images, offset + scale * images.mean(axis=(1, 2, 3))


def builder(backbone, **settings):
    return tl.ImageRegressorBuilder(backbone, seed=0, **settings)


@pytest.fixture(scope="module")
def fitted(backbone):
    return builder(backbone, target_names="light").fit(data(), schedule="probe", verbose=0)


def test_the_solved_head_tells_numbers_in_their_own_units(fitted):
    images, truth = data(seed=2)
    found = fitted.predict(images)
    values = np.array([prediction.value for prediction in found])
    assert np.corrcoef(values, truth)[0, 1] > 0.9
    assert abs(values.mean() - truth.mean()) < truth.std()
    scores = fitted.evaluate((images, truth))
    assert scores.mae == pytest.approx(np.abs(values - truth).mean(), rel=1e-4)
    assert scores.r2 > 0.8
    assert scores.intervals["r2"][0] < scores.r2 < scores.intervals["r2"][1]
    assert fitted.phases[0].solved.score_name == "r2"
    assert fitted.history.history["val_mae"][-1] > 1
    assert "1 number: light, val_r2" in repr(fitted)
    assert not hasattr(fitted, "class_names")


@pytest.mark.full
def test_the_saved_model_gives_them_where_this_package_is_not(fitted, tmp_path):
    fitted.save(tmp_path / "saved")
    images = data(seed=2)[0][:3]
    expected = [prediction.value for prediction in fitted.predict(images)]
    again = tl.load(tmp_path / "saved")
    assert [prediction.value for prediction in again.predict(images)] == expected
    assert again.encoding == fitted.encoding
    np.save(tmp_path / "images.npy", images)
    script = (
        "import sys, numpy, keras\n"
        "model = keras.models.load_model(sys.argv[1])\n"
        "print(model.predict(numpy.load(sys.argv[2]), verbose=0)[:, 0].tolist())\n"
        "assert 'transferlearn' not in sys.modules"
    )
    model = str(tmp_path / "saved" / "model.keras")
    arguments = [sys.executable, "-c", script, model, str(tmp_path / "images.npy")]
    out = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    assert json.loads(out.splitlines()[-1]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.full
@pytest.mark.parametrize(
    ("offset", "scale"),
    [
        (1.6e9, 1e6),
        pytest.param(-5.0, 1e-4, marks=pytest.mark.full),
        pytest.param(2000.0, 1.0, marks=pytest.mark.full),
    ],
)
def test_half_precision_holds_numbers_of_any_size(backbone, offset, scale):
    images, truth = data(offset=offset, scale=scale)
    half = builder(backbone, precision="mixed_float16")
    for schedule in ("probe", "fine-tune"):
        fitted = half.fit((images, truth), schedule=schedule, epochs=4, verbose=0)
        values = np.array([prediction.value for prediction in fitted.predict(images)])
        assert np.isfinite(values).all()
        assert np.abs(values - truth).mean() < 1.2 * np.abs(truth - truth.mean()).mean()
        assert fitted.model.dtype_policy is not None
        assert fitted.model.output.dtype == "float32"


@pytest.mark.full
def test_units_change_nothing_but_themselves(backbone):
    """One seed, the same numbers in other units: the same steps."""
    images, truth = data(offset=0.0, scale=1.0)
    plain = builder(backbone).fit((images, truth), **FINE)
    scaled = builder(backbone).fit((images, 1000 + 8 * truth), **FINE)
    found = [np.array([p.value for p in model.predict(images)]) for model in (plain, scaled)]
    np.testing.assert_allclose(found[1], 1000 + 8 * found[0], rtol=2e-3)
    assert scaled.history.history["loss"] == pytest.approx(plain.history.history["loss"], rel=0.02)


def test_cached_equals_uncached(backbone):
    settings = {"freeze": tl.freezing.TrainLastBlocks(1), "head": tl.heads.PooledDense(dropout=0.2)}
    networks = [
        builder(backbone, **settings).fit(data(), cache=cache, **FINE) for cache in (False, True)
    ]
    for one, other in zip(*(network.model.weights for network in networks), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_frozen_layers_stay_and_the_others_move(backbone):
    freeze = tl.freezing.TrainLastBlocks(1)
    fitted = builder(backbone, freeze=freeze).fit(data(), **FINE)
    frozen = fitted.phases[-1].frozen_layers
    for layer in backbone.model.layers:
        after = fitted.model.get_layer(layer.name).get_weights()
        moved = [not np.array_equal(a, b) for a, b in zip(after, layer.get_weights(), strict=True)]
        if layer.name in frozen:
            assert not any(moved), layer.name
        elif layer.trainable_weights and not isinstance(layer, keras.layers.BatchNormalization):
            assert all(moved), layer.name


@pytest.mark.parametrize("schedule", ["probe", pytest.param("fine-tune", marks=pytest.mark.full)])
def test_several_numbers(backbone, tmp_path, schedule):
    images, truth = data()
    both = np.stack([truth, images[..., 0].mean(axis=(1, 2)) / 1000], axis=1)
    several = builder(backbone, target_names=["light", "red"])
    fitted = several.fit((images, both), schedule=schedule, epochs=4, verbose=0)
    found = fitted.predict(images[0])
    assert list(found.values) == ["light", "red"]
    scores = fitted.evaluate((images, both))
    assert {"mae: light", "r2: red"} < set(scores)
    assert "r2" in fitted.history.history
    assert len(fitted.model.get_layer("in_units").scale) == 2
    fitted.save(tmp_path / "saved")
    assert tl.load(tmp_path / "saved").predict(images[0]).values == found.values


def test_build_is_exact_under_plain_fit(backbone):
    model = builder(backbone, freeze="all").build(num_outputs=2)
    images, truth = data()
    y = np.stack([truth - 2000, truth - 3000], axis=1) / 1000
    before = [weight.numpy() for weight in model.non_trainable_weights]
    model.fit(images.astype("float32"), y, epochs=2, verbose=0)
    for weight, kept in zip(model.non_trainable_weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), kept)
    given = model.predict(images.astype("float32"), verbose=0)
    assert model.evaluate(images.astype("float32"), y, verbose=0)[0] == pytest.approx(
        np.square(given - y).mean(), rel=1e-4
    )
    one = builder(backbone, freeze="all").build()
    one.fit(images.astype("float32"), truth / 1000, verbose=0)  # targets (n,)
    assert one.output_shape == (None, 1)


@pytest.mark.full
def test_a_head_and_a_loss_of_ones_own(backbone):
    class Bounded(tl.heads.Head):
        def __call__(self, features, num_classes, *, activation):
            x = keras.layers.GlobalAveragePooling2D()(features)
            return keras.layers.Dense(num_classes, activation="sigmoid")(x)

    with pytest.raises(ValueError, match=r"should be Dense\(1\), without activation"):
        builder(backbone, head=Bounded()).fit(data(), verbose=0)

    class MaxBuilder(tl.ImageRegressorBuilder):
        def build_head(self, features, num_outputs):
            return keras.layers.Dense(num_outputs)(keras.layers.GlobalMaxPooling2D()(features))

    fitted = MaxBuilder(backbone, seed=0).fit(data(), schedule="probe", verbose=0)
    assert fitted.phases[0].solved is not None
    robust = builder(backbone, loss="huber", metrics=["mse"]).fit(data(), **FINE)
    assert robust.phases[0].not_solved == "its loss is not the mean square"
    assert "val_mse" in robust.history.history


@pytest.mark.parametrize(
    "settings",
    [
        {},
        pytest.param({"augmentation": "light", "views": 2}, marks=pytest.mark.full),
        pytest.param({"mixup": 0.2}, marks=pytest.mark.full),
    ],
)
def test_the_default_recipe_views_and_mixup(backbone, settings):
    fitted = builder(backbone, **settings).fit(data(24), epochs=2, verbose=0)
    assert np.isfinite(fitted.history.history["loss"]).all()


def test_files_of_a_table_and_of_folders(backbone, tmp_path):
    images, truth = data(12)
    lines = ["path,price,weight"]
    for i, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{truth[i]},{'' if i == 3 else i}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    price = builder(backbone, target_names="price")
    fitted = price.fit(tmp_path / "table.csv", schedule="probe", verbose=0)
    assert fitted.outline.train_items + fitted.outline.validation_items == 12
    assert fitted.evaluate(tmp_path / "table.csv").count == 12
    assert fitted.predict(tmp_path / "0.png").path == str(tmp_path / "0.png")
    with pytest.warns(tl.data.DataWarning, match=r"3\.png: no weight"):
        loaded = builder(backbone, target_names=["price", "weight"]).load(
            tmp_path / "table.csv", validation_split=0
        )
    assert loaded.train.size == 11


def test_streams(backbone):
    tf = pytest.importorskip("tensorflow")
    images, truth = data()
    y = truth.copy()
    y[5] = np.nan
    source = tf.data.Dataset.from_tensor_slices((images, y)).batch(8)
    held_out = tf.data.Dataset.from_tensor_slices(data(16, seed=3)).batch(8)
    with pytest.warns(tl.data.DataWarning, match="1 of 48 items have no number"):
        fitted = builder(backbone).fit(source, held_out, schedule="probe", verbose=0)
    assert fitted.phases[0].solved.items == 47
    assert fitted.encoding.mean[0] == pytest.approx(np.delete(truth, 5).mean())
    assert fitted.evaluate(held_out).r2 > 0.8


@pytest.mark.full
def test_advice_about_numbers(backbone):
    images, truth = data(60)
    spoiled = truth + np.random.default_rng(0).normal(0, 3 * truth.std(), 60)
    dense = builder(backbone, head=tl.heads.FlattenDense(units=(64,)), freeze="all")
    over = dense.fit((images, spoiled), data(20, seed=4), epochs=60, verbose=0)
    found = tl.diagnose(over)
    assert found.verdict == "overfitting"
    assert "R2 is" in str(found)
    guessing = builder(backbone, learning_rate=1e-9, freeze="all").fit(
        (images, truth), data(20, seed=4), epochs=2, verbose=0
    )
    assert "always giving the mean reaches 0.000" in str(tl.diagnose(guessing))

    suggested = tl.suggest((images, truth), [builder(backbone)], depths=(0, 1), verbose=0)
    assert suggested[0].score_name == "r2"
    assert suggested[0].score > 0.5
    assert suggested[0].interval[0] < suggested[0].score < suggested[0].interval[1]
    assert "r2" in str(suggested)

    expected = tl.estimate(builder(backbone), (images, truth))
    assert expected.seconds > 0


@pytest.mark.full
def test_rates_and_search(backbone, tmp_path):
    frozen = builder(backbone, freeze="all")
    rate = tl.find_learning_rate(frozen, data(64), verbose=0).suggestion
    assert 1e-5 < rate < 10
    space = {"learning_rate": tl.Range(1e-4, 1e-1, log=True)}
    pytest.importorskip("optuna")
    found = tl.search(frozen, space, data(), trials=3, epochs=2, seed=0, verbose=0)
    assert found.score == max(trial.score for trial in found.trials)
    assert found.metric == "val_r2"


def test_the_builder_says_what_it_takes(backbone):
    with pytest.raises(ValueError, match="must differ"):
        builder(backbone, target_names=["a", "a"])
    assert replace(builder(backbone), target_names="a").target_names == ("a",)
    with pytest.raises(ValueError, match="number"):
        builder(backbone).fit((data()[0], ["cheap"] * 48), verbose=0)
    with pytest.raises(ValueError, match=r"tl\.ImageRegressorBuilder"):
        tl.ImageClassifierBuilder(backbone).fit(data(), verbose=0)


def test_a_loss_that_falls_from_a_random_head_s_asks_for_no_smaller_rate(backbone):
    losses = {"loss": [5.3, 3.6, 3.8, 3.6, 2.9], "val_loss": [5.0, 3.5, 3.7, 3.5, 2.9]}
    frozen = builder(backbone, learning_rate=1e-4, freeze="all")
    fitted = frozen.fit(data(), epochs=5, verbose=0)
    for name, values in losses.items():
        fitted.history.history[name] = values
    assert tl.diagnose(fitted).changes.get("learning_rate", 1) > 1e-4


def test_a_training_runs_once_also_as_a_copy(backbone):
    training = builder(backbone).prepare(data(), schedule="probe")
    training.run(verbose=0)
    with pytest.raises(ValueError, match="was trained before"):
        replace(training, storage=training.storage).run(verbose=0)


def test_data_of_another_task_is_refused(backbone):
    classes = tl.ImageClassifierBuilder(backbone)
    loaded = classes.load((pixels(12, 32), np.arange(12) % 2))
    with pytest.raises(TypeError, match=r"A regressor learns numbers\. Received: ClassTargets"):
        builder(backbone).fit(loaded, verbose=0)
    with pytest.raises(TypeError, match=r"A classifier learns classes\. Received: NumberTargets"):
        classes.fit(builder(backbone).load(data()), verbose=0)


@pytest.mark.full
def test_a_run_that_is_killed_goes_on(backbone):
    tl.testing.check_resume(builder(backbone), data(24), epochs=3, validation_split=0.25)
