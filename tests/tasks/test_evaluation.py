"""Scores against numbers worked out by hand."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

from transferlearn.data import DataWarning
from transferlearn.tasks.classification.figures import classification_figures as evaluate
from transferlearn.tasks.intervals import wilson

pytestmark = pytest.mark.core


def test_one_label_an_item():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.5, 0.3, 0.2], [0.2, 0.5, 0.3]])
    labels = np.array([0, 1, 2, 1])
    scores = evaluate(probabilities, labels, ["a", "b", "c"], multi_label=False)
    assert scores.count == 4
    assert scores.accuracy == scores["accuracy"] == 0.75
    assert scores.majority == 0.5
    assert scores.loss == pytest.approx(-np.log([0.7, 0.6, 0.2, 0.5]).mean())
    assert [scores[f"recall: {name}"] for name in "abc"] == [1, 1, 0]


def test_rare_classes_count_as_much_as_others():
    rng = np.random.default_rng(0)
    labels = rng.choice(4, 200, p=[0.7, 0.2, 0.1, 0])
    probabilities = rng.dirichlet([1, 1, 1, 0.2], 200) + 0.5 * np.eye(4)[labels]
    with pytest.warns(DataWarning, match="'d'"):
        scores = evaluate(probabilities / 1.5, labels, list("abcd"), multi_label=False)
    answers = probabilities.argmax(1)
    assert scores.macro_f1 == pytest.approx(f1_score(labels, answers, average="macro"))
    recalls = recall_score(labels, answers, average=None, labels=[0, 1, 2])
    assert scores.balanced_accuracy == pytest.approx(recalls.mean())


def test_several_labels_an_item():
    probabilities = np.array([[0.9, 0.4], [0.2, 0.6]])
    labels = np.array([[1, 1], [0, 1]])
    scores = evaluate(probabilities, labels, ["a", "b"], multi_label=True)
    assert scores.accuracy == 0.75
    assert scores.majority == 0.75
    assert scores.loss == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.6]).mean())
    assert scores["recall: b"] == 0.5
    assert scores.balanced_accuracy == pytest.approx(np.mean([1, 1, 0.5]))  # "b" is in all items
    assert scores.macro_f1 == pytest.approx(np.mean([1, 2 / 3]))


def test_shares_of_classes_count_with_their_largest():
    probabilities = np.array([[0.6, 0.4], [0.7, 0.3]])
    labels = np.array([[0.8, 0.2], [0.4, 0.6]])
    scores = evaluate(probabilities, labels, ["a", "b"], multi_label=False)
    assert scores.accuracy == 0.5


def test_a_class_without_items_has_no_recall():
    with pytest.warns(DataWarning, match="No item of this data has the class 'b': its recall"):
        scores = evaluate(np.eye(2), np.array([0, 0]), ["a", "b"], multi_label=False)
    assert np.isnan(scores["recall: b"])


def test_an_unknown_figure_is_named():
    scores = evaluate(np.eye(2), np.array([0, 1]), ["a", "b"], multi_label=False)
    with pytest.raises(AttributeError, match="f1"):
        _ = scores.f1


def test_the_interval_is_wilsons():
    assert wilson(0.9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert wilson(1.0, 50)[1] == 1.0
