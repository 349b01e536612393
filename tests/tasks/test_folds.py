"""Folds of cross-validation, and that groups do not leak from one into another."""

import numpy as np
import pytest

from transferlearn.tasks.solving import logistic
from transferlearn.tasks.solving.folds import divide
from transferlearn.tasks.solving.logistic import LogisticSolver
from transferlearn.tasks.solving.ridge import RidgeSolver

pytestmark = pytest.mark.core


def test_each_class_is_spread_evenly():
    classes = np.repeat([0, 1, 2], [50, 20, 7])
    fold = divide(classes, 0)
    counts = np.array([np.bincount(fold[classes == c], minlength=5) for c in range(3)])
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()
    assert not np.array_equal(fold, divide(classes, 1))


def test_groups_of_one_are_no_groups():
    classes = np.arange(40) % 3
    assert np.array_equal(divide(classes, 3), divide(classes, 3, np.arange(40)[::-1]))


def test_one_group_is_divided_by_item():
    assert set(divide(np.zeros(10), 0, np.zeros(10, int))) == set(range(5))


def test_groups_stay_whole_and_classes_even():
    random = np.random.default_rng(0)
    groups = random.integers(0, 80, 400)
    classes = groups % 4
    fold = divide(classes, 0, groups)
    assert all(len(set(fold[groups == group])) == 1 for group in np.unique(groups))
    counts = np.array([np.bincount(fold[classes == c], minlength=5) for c in range(4)])
    assert (counts.max(axis=1) - counts.min(axis=1) <= 6).all()  # a group has 5 items on average
    assert np.ptp(np.bincount(fold)) <= 12
    assert not np.array_equal(fold, divide(classes, 1, groups))


def test_fewer_groups_than_folds_are_as_many_folds():
    groups = np.repeat([7, 3, 9], [1, 20, 4])
    fold = divide(np.arange(25) % 2, 0, groups)
    assert sorted(set(zip(fold.tolist(), groups.tolist(), strict=True))) == sorted(
        zip(range(3), (groups[fold == i][0] for i in range(3)), strict=True)
    )


def leaky(outputs):
    """Items whose features tell the group, and whose targets are drawn for each group."""
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 8)
    centres = 5 * random.standard_normal((60, 100))
    features = (centres[groups] + random.standard_normal((480, 100))).astype("float32")
    return features, random.permutation(np.arange(60) % outputs)[groups], groups


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_a_group_is_not_learnt_by_heart(outputs):
    features, y, groups = leaky(max(outputs, 2))
    solver = LogisticSolver(outputs, independent=outputs == 1)
    assert solver.solve(features, y, None, 0).score > 0.95
    chance = 1 / max(outputs, 2)
    assert abs(solver.solve(features, y, None, 0, groups).score - chance) < 0.2


def test_numbers_of_a_group_are_not_learnt_by_heart():
    features, y, groups = leaky(60)
    y = y[:, None].astype(float)
    solver = RidgeSolver(tuple(y.mean(axis=0)), tuple(y.std(axis=0)))
    assert solver.solve(features, y, None, 0).score > 0.8
    found = solver.solve(features, y, None, 0, groups)
    assert found.score < 0.1
    assert found.held_out == 480


@pytest.mark.parametrize("weighted", [False, True])
def test_folds_of_groups_give_about_the_error_of_new_groups(weighted):
    random = np.random.default_rng(1)
    x = random.standard_normal((400, 10)).astype("float32")
    y = x @ random.standard_normal((10, 2)) + random.standard_normal((400, 2))
    weights = random.uniform(0.2, 2, 400) if weighted else None
    solver = RidgeSolver(tuple(y.mean(axis=0)), tuple(y.std(axis=0)))
    alone, paired = (solver.solve(x, y, weights, 0, g) for g in (None, np.arange(400) // 2))
    assert paired.score == pytest.approx(alone.score, abs=0.02)
    np.testing.assert_allclose(paired.kernel, alone.kernel, atol=0.02)


def test_a_single_output_is_spread_by_its_answer(monkeypatch):
    folds = []

    def spy(classes, seed, groups):
        folds.append((classes, divide(classes, seed, groups)))
        return folds[-1][1]

    monkeypatch.setattr(logistic, "divide", spy)
    y = (np.arange(100) < 10).astype("float32")
    x = np.random.default_rng(0).standard_normal((100, 4)).astype("float32")
    LogisticSolver(1, independent=True).solve(x, y, None, 0)
    ((classes, fold),) = folds
    assert np.array_equal(classes, y)
    assert np.bincount(fold[:10]).tolist() == [2] * 5
