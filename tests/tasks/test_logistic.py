"""The solver of linear heads."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from transferlearn.tasks.solving.logistic import solve

pytestmark = pytest.mark.core


def blobs(items, features, classes, seed=0, spread=1.5):
    """Overlapping classes with correlated, shifted features, as a network gives them."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((features, features)) / np.arange(1, features + 1) ** 0.5
    centres = rng.standard_normal((classes, features))
    labels = np.arange(items) % classes
    noise = spread * rng.standard_normal((items, features))
    return np.maximum((centres[labels] + noise) @ mixing + 1, 0).astype("float32"), labels


def one_hot(labels):
    return np.eye(labels.max() + 1)[labels]


@pytest.mark.parametrize(("items", "features"), [(300, 12), (60, 200)])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_minimum(items, features, weighted):
    x, y = blobs(items, features, 3)
    weights = np.random.default_rng(1).uniform(0.2, 3, items) if weighted else None
    probe = solve(x, one_hot(y), weights=weights)
    w = np.ones(items) if weights is None else weights / weights.mean()
    variance = np.square(x - np.average(x, axis=0, weights=w)).mean()
    known = LogisticRegression(C=1 / (probe.strength * variance * items), tol=1e-8, max_iter=10000)
    known.fit(x, y, sample_weight=w)
    logits = x @ probe.kernel + probe.bias
    likely = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(likely, known.predict_proba(x), atol=2e-3)


@pytest.mark.full
def test_it_chooses_as_well_as_scikit_learn():
    x, y = blobs(1200, 40, 4, spread=3.0)
    train, test = slice(400), slice(400, None)
    probe = solve(x[train], one_hot(y[train]))
    known = LogisticRegressionCV(
        Cs=10, cv=5, max_iter=20000, scoring="accuracy", use_legacy_attributes=False, l1_ratios=(0,)
    ).fit(x[train], y[train])
    answers = (x[test] @ probe.kernel + probe.bias).argmax(1)
    assert (answers == y[test]).mean() > known.score(x[test], y[test]) - 0.01
    assert abs(probe.score - (answers == y[test]).mean()) < 0.06
    assert probe.held_out == 400


def test_outputs_that_are_a_yes_or_no_each():
    x, y = blobs(300, 10, 3)
    targets = np.stack([y == 0, y != 1], axis=1).astype("float32")
    probe = solve(x, targets, independent=True)
    logits = x @ probe.kernel + probe.bias
    for output in range(2):
        alone = solve(x, targets[:, output, None], independent=True)
        agree = (logits[:, output] > 0) == ((x @ alone.kernel + alone.bias)[:, 0] > 0)
        assert agree.mean() > 0.95
    assert ((logits > 0) == (targets > 0.5)).mean() > 0.8


def test_heavy_items_win():
    x = np.repeat(np.array([[0.0], [1.0], [2.0]], "float32"), 20, axis=0)
    y = np.tile([0, 1], 30)
    heavy = np.where(y == 1, 9.0, 1.0)
    probe = solve(x, one_hot(y), weights=heavy)
    assert ((x @ probe.kernel + probe.bias).argmax(1) == 1).all()


def test_classes_that_a_plane_divides_and_features_that_say_nothing():
    x = np.zeros((20, 3), "float32")
    x[10:, 1] = 1
    probe = solve(x, one_hot(np.arange(20) // 10))
    assert probe.score == 1
    assert np.isfinite(probe.kernel).all()
    nothing = solve(np.ones((20, 3)), one_hot(np.arange(20) % 2))
    assert np.isfinite(nothing.kernel).all()


@pytest.mark.parametrize("items", [2, 3, 7])
def test_a_handful_of_items(items):
    x, y = blobs(items, 5, 2)
    probe = solve(x, one_hot(y))
    assert np.isfinite(probe.kernel).all()
    assert probe.held_out == items


def test_features_that_are_not_finite():
    x, y = blobs(20, 5, 2)
    x[3, 2] = np.inf
    with pytest.raises(ValueError, match="not finite"):
        solve(x, one_hot(y))


@pytest.mark.parametrize("items", [90, 1500])
def test_it_gives_logits_for_items_left_out(items):
    x, y = blobs(items, 6, 3)
    found = solve(x, one_hot(y))
    rows, logits = found.left_out
    assert len(set(rows)) == len(rows) == found.held_out
    assert (logits.argmax(1) == y[rows]).mean() == pytest.approx(found.score)
    known = x[rows] @ found.kernel + found.bias
    assert (known.argmax(1) == logits.argmax(1)).mean() > 0.9
    assert not np.allclose(known, logits, atol=1e-3)  # another layer, which did not see them


def unequal(seed, counts=(300, 15), shift=1.2, features=60):
    """Items of classes of different size, each shifted along an axis of its own."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    x = rng.standard_normal((len(labels), features))
    x[np.arange(len(labels)), labels] += shift
    return x.astype("float32"), labels


def recalls(layer, x, y):
    answers = (x @ layer.kernel + layer.bias).argmax(1)
    return np.array([(answers[y == label] == label).mean() for label in np.unique(y)])


def test_a_penalty_under_which_a_rare_class_is_never_found_is_not_chosen():
    x, y = unequal(1)
    test = unequal(51, (2000, 2000))
    found = solve(x, one_hot(y))
    assert recalls(found, *test)[1] > 0.2  # the least loss is that of a head that finds none
    assert recalls(found, *test).mean() > 0.58
    assert found.score_name == "balanced_accuracy"
    rows, logits = found.left_out
    alike = [(logits[y[rows] == label].argmax(1) == label).mean() for label in (0, 1)]
    assert found.score == pytest.approx(np.mean(alike))
    plain = -np.log(np.exp(logits)[np.arange(315), y[rows]] / np.exp(logits).sum(1))
    assert found.loss == pytest.approx(plain.mean(), rel=1e-3)  # as fine-tuning's loss counts items
    assert found.held_out == 57  # 4 / (1 / 300 + 1 / 15)


def test_classes_that_weights_make_alike_are_not_unequal():
    x, y = unequal(0)
    balanced = solve(x, one_hot(y), weights=np.where(y == 1, 20.0, 1.0))
    assert (balanced.score_name, balanced.held_out) == ("accuracy", 315)
    a_little_x, a_little_y = unequal(0, (60, 15))
    assert solve(a_little_x, one_hot(a_little_y)).score_name == "accuracy"
    tags = np.stack([y == 1, y == 0], axis=1).astype("float32")
    assert solve(x, tags, independent=True).score_name == "accuracy"


def test_a_head_solved_on_few_items_is_not_surer_of_others_than_it_should_be():
    rng = np.random.default_rng(1)
    y = np.arange(2020) % 2
    x = rng.standard_normal((2020, 300)) / np.arange(1, 301) ** 0.3
    x[np.arange(2020), y] += 1
    found = solve(x[:20].astype("float32"), one_hot(y[:20]))
    logits = x[20:] @ found.kernel + found.bias
    losses = np.logaddexp(0, (logits @ [1, -1]) * (2 * y[20:] - 1))
    assert losses.mean() < np.log(2)  # the loss of a head that knows nothing
