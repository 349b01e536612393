"""The learning-rate finder: what it finds, and that it leaves everything as it was."""

import random
from collections import OrderedDict
from dataclasses import replace

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure

import transferlearn as tl
from tests.networks import pixels, small_backbone
from transferlearn.features import memory

Y = np.arange(90) % 3
X = (pixels(90, 32) // 2 + 60 * Y[:, None, None, None]).astype("uint8")  # each class is brighter


@pytest.fixture(scope="module")
def backbone():
    return small_backbone()


def weights(model):
    return [np.asarray(w) for w in model.weights]


def assert_same(before, after):
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def find(job, train=(X, Y), **options):
    return tl.find_learning_rate(job, train, verbose=0, **options)


@pytest.mark.full
@pytest.mark.parametrize("freeze", [pytest.param("all", marks=pytest.mark.full), "residual_conv"])
def test_a_training_comes_out_the_same_with_a_finder_before(backbone, monkeypatch, freeze):
    builder = tl.ImageClassifierBuilder(
        backbone, freeze=freeze, optimizer=keras.optimizers.Adam(0.01), seed=3
    )

    def train():
        return weights(builder.fit((X, Y), epochs=2, verbose=0).model)

    without = train()
    monkeypatch.setattr(memory, "_remembered", OrderedDict())
    find(builder, steps=20)
    assert_same(without, train())


@pytest.mark.parametrize("kind", ["builder", "model"])
def test_one_bar_shows_the_whole_sweep(backbone, capsys, kind):
    builder = tl.ImageClassifierBuilder(backbone, seed=1)
    job = builder if kind == "builder" else builder.build(3)
    tl.find_learning_rate(job, (X, Y), steps=20, highest=1e-3, verbose=1)
    shown = capsys.readouterr().out
    assert "Epoch" not in shown
    tl.find_learning_rate(job, (X, Y), steps=20, highest=1e-3, verbose=0)
    assert not capsys.readouterr().out


def draws():
    """What each random state gives next."""
    found = [random.random(), np.random.rand(), keras.random.uniform((2,))]  # noqa: NPY002
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        found.append(tf.random.uniform((2,)))
    return [np.asarray(values) for values in found]


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("seed", [None, 5])
def test_no_random_state_is_changed(backbone, begun, seed):
    builder = tl.ImageClassifierBuilder(backbone, seed=seed)

    def next_draws(between):
        keras.utils.set_random_seed(11)
        if begun:
            draws()
        between()
        return draws()

    assert_same(next_draws(lambda: None), next_draws(lambda: find(builder, steps=20)))


@pytest.mark.full
def test_a_model_in_the_middle_of_its_training_is_left_as_it_is(backbone):
    def train(between):
        keras.utils.set_random_seed(2)
        model = tl.ImageClassifierBuilder(backbone, optimizer="adam").build(3)
        history = model.fit(X, Y, epochs=2, verbose=0)
        before = model.optimizer, model.train_function, model.stop_training
        between(model)
        assert (model.optimizer, model.train_function, model.stop_training) == before
        assert model.history is history
        assert int(model.optimizer.iterations) == 6
        model.fit(X, Y, epochs=1, verbose=0)
        return weights(model) + [np.asarray(v) for v in model.optimizer.variables]

    assert_same(train(lambda model: None), train(lambda model: find(model, steps=20)))


def test_each_loss_is_that_of_its_own_batch():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).normal(size=(70, 4)), np.arange(70) % 3
    found = find(model, (x, y), lowest=1e-12, highest=2e-12, steps=20)
    order = np.random.default_rng(0).permutation(70)
    first, second, small = (
        model.evaluate(x[rows], y[rows], verbose=0) for rows in np.split(order, [32, 64])
    )
    others = (first + second) / 2
    drawn_in = others + 3 * 6 / 70 * (small - others)  # a smaller batch counts for less
    expected = [first, second, drawn_in] * 7
    np.testing.assert_allclose(found.losses, expected[:20], rtol=1e-4)


@pytest.mark.full
def test_few_images_are_gone_through_until_all_rates_were_tried(backbone):
    builder = tl.ImageClassifierBuilder(backbone, seed=0, batch_size=10, optimizer="adam")
    found = find(builder, (X[:20], Y[:20]), highest=1e-3)
    assert len(found.rates) == len(found.losses) == 100
    assert found.rates[[0, -1]] == pytest.approx([1e-7, 1e-3])
    np.testing.assert_allclose(np.diff(np.log(found.rates)), np.log(1e4) / 99)


@pytest.mark.full
@pytest.mark.parametrize(
    "optimizer",
    ["adam", pytest.param(keras.optimizers.SGD(0.1, momentum=0.9), marks=pytest.mark.full)],
)
def test_the_suggested_rate_is_better_than_much_smaller_and_larger_ones(backbone, optimizer):
    builder = tl.ImageClassifierBuilder(backbone, optimizer=optimizer, seed=0, batch_size=8)
    found = find(builder)

    def loss(factor):
        changed = replace(builder, learning_rate=found.suggestion * factor)
        return changed.fit((X, Y), epochs=4, schedule="one-phase", verbose=0).history.history[
            "loss"
        ][-1]

    assert loss(1) < 0.9 * min(loss(1 / 100), loss(100))


@pytest.mark.full
def test_one_seed_repeats_a_sweep(backbone):
    builder = tl.ImageClassifierBuilder(backbone, seed=1)
    np.testing.assert_array_equal(find(builder).losses, find(builder).losses)


def test_it_stops_where_the_loss_explodes(backbone):
    builder = tl.ImageClassifierBuilder(backbone, optimizer="sgd", freeze="none", seed=0)
    found = find(builder, highest=1e6)
    assert len(found.losses) < 90
    assert np.isfinite(found.losses).all()
    assert found.smoothed[:-1].max() < 4 * found.smoothed.min()


def curve(values, steps=100):
    rates = 1e-7 * 1e8 ** (np.arange(steps) / (steps - 1))
    return tl.RateSweep(rates=rates, losses=np.asarray(values(rates)))


def test_the_suggestion_is_the_middle_of_the_valley():
    noise = np.random.default_rng(0).normal(0, 0.02, 100)
    ramp = curve(lambda r: 2 - np.clip(np.log10(r) + 5, 0, 3) / 2 + 9 * (r > 1e-2) * r + noise)
    assert 2e-4 < ramp.suggestion < 2e-3  # the fall is from 1e-5 to 1e-2
    cliff = curve(lambda r: 2 - np.clip(np.log10(r) + 3.5, 0, 0.5) + 9 * (r > 1e-2) * r + noise)
    assert 3e-4 < cliff.steepest < 3e-3  # from 3e-4 to 1e-3, and looking back over ten steps


def test_where_nothing_falls_nothing_is_suggested(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 100)
    flat = curve(lambda r: 1 + r + noise)
    with pytest.raises(ValueError, match="No learning rate made the loss fall"):
        _ = flat.suggestion
    with pytest.raises(ValueError, match="No learning rate made the loss fall"):
        _ = flat.steepest
    flat.plot(tmp_path / "flat.png")
    assert "did not fall" in repr(flat)


def test_the_plot_marks_the_suggestion(tmp_path):
    found = curve(lambda r: 2 - np.clip(np.log10(r) + 5, 0, 3) / 2)
    figure = Figure()
    found._draw(figure)
    (axes,) = figure.axes
    assert axes.lines[2].get_xdata()[0] == found.suggestion
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), found.losses)
    found.plot(tmp_path / "rates.png")
    assert (tmp_path / "rates.png").exists()


def test_what_cannot_work_is_refused(backbone):
    builder = tl.ImageClassifierBuilder(backbone)
    with pytest.raises(ValueError, match=r"0 < lowest < highest\. Received: lowest=1"):
        find(builder, lowest=1.0, highest=0.1)
    with pytest.raises(ValueError, match="steps is a whole number of at least 20"):
        find(builder, steps=5)
    with pytest.raises(TypeError, match="builder or a compiled"):
        find("photos")
    with pytest.raises(ValueError, match=r"call model\.compile"):
        find(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]))


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[index::3], Y[index::3]


def test_streams_are_gone_through_too_and_need_no_validation(backbone):
    builder = tl.ImageClassifierBuilder(backbone, seed=0)
    assert len(find(builder, Batches(), steps=20).losses) == 20
    assert len(find(builder.build(3), Batches(), steps=20).losses) == 20
