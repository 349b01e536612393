"""The solver of linear heads for numbers."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics import r2_score

from transferlearn.tasks.solving.ridge import RidgeSolver

pytestmark = pytest.mark.core


def problem(items, features, noise=0.5, seed=0, outputs=1):
    """Correlated, shifted features, as a network gives them, and numbers far from 0."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((features, features)) / np.arange(1, features + 1) ** 0.5
    x = np.maximum(rng.standard_normal((items, features)) @ mixing + 1, 0).astype("float32")
    y = x @ rng.standard_normal((features, outputs)) / features**0.5
    return x, 1000 + 20 * (y + noise * y.std() * rng.standard_normal(y.shape))


def solver(y):
    return RidgeSolver(tuple(y.mean(axis=0)), tuple(y.std(axis=0)))


def predicted(x, y, kernel, bias):
    return (x @ kernel + bias) * y.std(axis=0) + y.mean(axis=0)


@pytest.mark.parametrize(("items", "features"), [(300, 12), (60, 200)])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_ridge_regression(items, features, weighted):
    x, y = problem(items, features)
    weights = np.random.default_rng(1).uniform(0.2, 3, items) if weighted else None
    found = solver(y).solve(x, y, weights, 0)
    w = np.ones(items) if weights is None else weights / weights.mean()
    known = Ridge(alpha=items * found.strength[0], solver="svd").fit(x.astype(float), y, w)
    expected = known.predict(x)[:, None].reshape(items, 1)
    np.testing.assert_allclose(
        predicted(x, y, found.kernel, found.bias), expected, atol=2e-3 * y.std()
    )


@pytest.mark.parametrize(("items", "features"), [(40, 6), (30, 50)])
@pytest.mark.parametrize("weighted", [False, True])
def test_its_score_is_that_of_items_left_out_in_turn(items, features, weighted):
    x, y = problem(items, features)
    weights = np.random.default_rng(1).uniform(0.2, 3, items) if weighted else np.ones(items)
    found = solver(y).solve(x, y, weights if weighted else None, 0)
    alpha = found.strength[0] * items * weights.mean()
    left_out = np.empty(items)
    for i in range(items):
        rest = np.arange(items) != i
        known = Ridge(alpha=alpha, solver="svd").fit(
            x[rest].astype(float), y[rest, 0], weights[rest]
        )
        left_out[i] = known.predict(x[i : i + 1])[0]
    assert found.score == pytest.approx(
        r2_score(y[:, 0], left_out, sample_weight=weights), abs=2e-3
    )
    assert found.held_out == items


def test_it_is_as_good_as_scikit_learn_with_many_strengths():
    x, y = problem(900, 300, noise=1.0)
    train, test = slice(0, 300), slice(300, None)
    found = solver(y[train]).solve(x[train], y[train], None, 0)
    ours = r2_score(y[test], predicted(x[test], y[train], found.kernel, found.bias))
    known = RidgeCV(alphas=np.logspace(-4, 6, 41)).fit(x[train], y[train, 0])
    assert ours > known.score(x[test], y[test, 0]) - 0.01
    assert ours > 0.2


def test_each_output_finds_its_own_strength():
    x, clear = problem(200, 40, noise=0.01)
    _, noisy = problem(200, 40, noise=20.0)
    both = np.concatenate([clear, noisy], axis=1)
    found = solver(both).solve(x, both, None, 0)
    assert found.strength[0] < found.strength[1] / 30
    alone = solver(clear).solve(x, clear, None, 0)
    np.testing.assert_allclose(found.kernel[:, :1], alone.kernel, atol=1e-5)


def test_weights_of_0_leave_items_out():
    x, y = problem(120, 20)
    weights = (np.arange(120) < 80).astype(float)
    some, found = solver(y).solve(x[:80], y[:80], None, 0), solver(y).solve(x, y, weights, 0)
    again = solver(y).solve_again(some, x[:80], y[:80], None)
    np.testing.assert_array_equal(again[0], some.kernel)
    strengths = found.strength[0] * 120 / 80, some.strength[0]
    assert strengths[0] == pytest.approx(strengths[1], rel=0.8)


def test_more_features_than_items_do_not_fool_it():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((40, 500)).astype("float32"), rng.standard_normal((40, 1))
    found = solver(y).solve(x, y, None, 0)
    assert found.score < 0.3
    assert np.abs(x @ found.kernel).std() < 0.7


def test_features_that_do_not_vary_give_the_mean():
    y = np.arange(10.0)[:, None]
    found = solver(y).solve(np.ones((10, 3), "float32"), y, None, 0)
    assert np.isfinite(found.kernel).all()
    assert predicted(np.ones((1, 3)), y, found.kernel, found.bias)[0, 0] == pytest.approx(4.5)


def test_features_that_are_not_finite_are_refused():
    x, y = problem(10, 3)
    x[3, 1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        solver(y).solve(x, y, None, 0)


def test_it_looks_through_its_own_units_only():
    own = RidgeSolver((5.0, -1.0), (2.0, 3.0))
    assert own.looks_through(keras.layers.Rescaling([2.0, 3.0], [5.0, -1.0]))
    assert own.looks_through(keras.layers.Activation("linear"))
    assert not own.looks_through(keras.layers.Rescaling([2.0, 4.0], [5.0, -1.0]))
    assert not own.looks_through(keras.layers.Activation("relu"))
    assert not own.looks_through(keras.layers.ReLU())


@pytest.mark.parametrize("groups", [None, np.arange(120) // 2])
def test_it_gives_outputs_for_items_left_out(groups):
    x, y = problem(120, 20)
    weights = np.linspace(0, 2, 120)
    found = solver(y).solve(x, y, weights, 0, groups)
    rows, outputs = found.left_out
    np.testing.assert_array_equal(rows, np.arange(1, 120))  # the first weighs nothing
    squares = (outputs - solver(y)._standardised(y)[1:])[:, 0] ** 2
    loss = np.average(squares, weights=weights[1:])
    assert loss == pytest.approx(found.loss, rel=1e-3)
