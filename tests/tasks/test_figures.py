"""Figures of random predictions against those of scikit-learn."""

import itertools
import json
import pickle

import numpy as np
import pytest
from sklearn import metrics as known

from transferlearn.data import DataWarning
from transferlearn.tasks import ClassEncoding, Evaluation, NumberEncoding, Share, TagEncoding
from transferlearn.tasks.classification.curves import Reliability
from transferlearn.tasks.classification.figures import classification_figures
from transferlearn.tasks.intervals import median_ends

pytestmark = pytest.mark.core


def drawn(classes, items, seed=0, ties=False):
    """Random probabilities and class ids, with something to be found."""
    random = np.random.default_rng(seed)
    ids = random.integers(0, classes, items)
    ids[:classes] = np.arange(classes)[:items]
    likely = random.dirichlet(np.ones(classes), items) + 0.3 * np.eye(classes)[ids]
    likely = np.round(likely, 1) if ties else likely
    return likely / likely.sum(axis=1, keepdims=True), ids


def encoding(classes, kind=ClassEncoding):
    return kind(class_names=tuple(f"c{i}" for i in range(classes)))


def column(scores, figure):
    return [part[figure] for part in scores.parts.values()]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("classes", [2, 3, 9])
def test_of_classes(classes, ties):
    likely, ids = drawn(classes, 120, ties=ties)
    scores = encoding(classes).scoring.measure(likely, ids)
    answers, rows = likely.argmax(1), np.eye(classes)[ids]
    for figure, expected in zip(
        ("precision", "recall", "f1", "support"),
        known.precision_recall_fscore_support(ids, answers, zero_division=np.nan),
        strict=True,
    ):
        np.testing.assert_allclose(column(scores, figure), expected)
    np.testing.assert_array_equal(scores.confusion, known.confusion_matrix(ids, answers))
    assert scores.accuracy == pytest.approx(known.accuracy_score(ids, answers))
    clipped = np.maximum(likely, 1e-7)
    loss = known.log_loss(ids, clipped / clipped.sum(axis=1, keepdims=True))
    assert scores.loss == pytest.approx(loss, rel=1e-5)
    auc, precision = (
        judge(rows, likely, average=None)
        for judge in (known.roc_auc_score, known.average_precision_score)
    )
    np.testing.assert_allclose(column(scores, "roc_auc"), auc)
    np.testing.assert_allclose(column(scores, "average_precision"), precision)
    assert scores.roc_auc == pytest.approx(np.mean(auc))
    assert scores.average_precision == pytest.approx(np.mean(precision))
    if classes > 5:
        # scikit-learn takes the last of several alike, we the first, as `argmax` does.
        expected = known.top_k_accuracy_score(classes - 1 - ids, likely[:, ::-1], k=5)
        assert scores.top_5_accuracy == pytest.approx(expected)
    assert ("top_5_accuracy" in scores) == (classes > 5)


@pytest.mark.parametrize("ties", [False, True])
def test_of_tags(ties):
    random = np.random.default_rng(1)
    truth = random.random((90, 4)) < 0.4
    likely = np.clip(0.6 * random.random((90, 4)) + 0.3 * truth, 0, 1)
    likely = np.round(likely, 1) if ties else likely
    scores, answers = (
        encoding(4, TagEncoding).scoring.measure(likely, truth.astype(float)),
        likely >= 0.5,
    )
    for average in ("micro", "macro"):
        expected = known.f1_score(truth, answers, average=average)
        assert scores[f"{average}_f1"] == pytest.approx(expected)
        auc = known.roc_auc_score(truth, likely, average=average)
        assert average == "micro" or scores.roc_auc == pytest.approx(auc)
    assert scores.micro_precision == pytest.approx(
        known.precision_score(truth, answers, average="micro")
    )
    assert scores.micro_recall == pytest.approx(known.recall_score(truth, answers, average="micro"))
    np.testing.assert_allclose(
        column(scores, "average_precision"),
        known.average_precision_score(truth, likely, average=None),
    )
    np.testing.assert_array_equal(
        scores.confusion, known.multilabel_confusion_matrix(truth, answers)
    )
    assert scores.interval_methods["accuracy"] == "bootstrap"
    low, high = scores.intervals["accuracy"]
    assert low < scores.accuracy < high


def test_calibration_errors_are_sums_over_bins():
    random = np.random.default_rng(0)
    sure = np.append(random.random(500), [0.0, 1.0, 0.2, 0.4])  # two of them on edges
    right = random.random(504) < sure**2
    edges, expected = np.linspace(0, 1, 16), 0.0
    for low, high in itertools.pairwise(edges):
        here = (sure > low) & (sure <= high) | ((low == 0) & (sure == 0))
        if here.any():
            expected += here.mean() * abs(sure[here].mean() - right[here].mean())
    found = Reliability.of(sure, right)
    assert found.error == pytest.approx(expected)
    assert found.counts.sum() == 504
    likely = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert encoding(2).scoring.measure(likely, np.array([0, 1])).calibration_error == pytest.approx(
        0.15
    )


def test_absent_classes_have_no_figures_and_leave_the_means_alone():
    likely, ids = drawn(4, 60)
    ids[ids == 3] = 0
    with pytest.warns(DataWarning, match="'c3'"):
        scores = encoding(4).scoring.measure(likely, ids)
    assert all(
        np.isnan(scores[f"{name}: c3"]) for name in ("recall", "roc_auc", "average_precision")
    )
    auc = known.roc_auc_score(np.eye(4)[ids][:, :3], likely[:, :3], average=None)
    assert scores.roc_auc == pytest.approx(np.mean(auc))
    assert scores["support: c3"] == 0
    assert scores.to_dict()["figures"]["recall: c3"] is None
    json.loads(scores.to_json())


def test_one_item():
    with pytest.warns(DataWarning, match="'c1'"):
        scores = encoding(2).scoring.measure(np.array([[0.7, 0.3]]), np.array([0]))
    assert scores.accuracy == 1
    assert scores.intervals["accuracy"][0] < 0.3
    assert "loss" not in scores.intervals  # resampling one item says nothing of chance
    assert np.isnan(scores.roc_auc)
    assert "-" in str(scores)
    alone = NumberEncoding(names=("kg",), mean=(0.0,), spread=(1.0,))
    assert alone.scoring.measure(np.ones((1, 1)), np.zeros((1, 1))).intervals == {}


def test_300_classes_print_short():
    likely, ids = drawn(300, 3000)
    scores = encoding(300).scoring.measure(likely, ids)
    expected = known.precision_recall_fscore_support(ids, likely.argmax(1), zero_division=np.nan)
    np.testing.assert_allclose(column(scores, "f1"), expected[2])
    assert len(str(scores).splitlines()) < 45
    worst = min(scores.parts, key=lambda name: scores.parts[name]["f1"])
    assert f"\n{worst} " in str(scores)
    assert "and 280 more" in str(scores)


def test_intervals_of_resampled_figures_hold_the_true_value():
    held = dict.fromkeys(("loss", "balanced_accuracy", "macro_f1"), 0)
    every = [encoding(3).scoring.measure(*drawn(3, 100, seed)) for seed in range(30)]
    for name in held:
        truth = np.mean([scores[name] for scores in every])
        inside = [s.intervals[name][0] <= truth <= s.intervals[name][1] for s in every]
        held[name] = np.mean(inside)
    assert all(0.85 <= share <= 1 for share in held.values()), held


def test_intervals_of_medians_are_those_of_resampling():
    errors = np.abs(np.random.default_rng(0).standard_normal((81, 1)))
    rows = np.random.default_rng(1).integers(0, 81, (4000, 81))
    expected = np.quantile(np.median(errors[rows, 0], axis=1), [0.025, 0.975])
    np.testing.assert_allclose(median_ends(errors)[:, 0], expected, atol=0.05)


def test_a_plain_evaluation_of_a_users_own_task():
    scores = Evaluation({"count": 4, "hits": 0.5})
    full = scores.completed(Share("hits"), np.zeros((4, 1)), np.zeros(4), ("a", None), 2.0)
    assert full.interval_methods == {"hits": "Wilson"}
    assert full.intervals["hits"][0] < 0.5 < full.intervals["hits"][1]
    assert full.items_per_second == 2
    assert full.to_dict()["score"] == "hits"
    assert dict(full) == {"count": 4, "hits": 0.5}
    assert pickle.loads(pickle.dumps(full)).hits == 0.5
    assert "2.0 s, 2.0 items a second" in repr(full)


def test_names_of_classes_cannot_forge_lines():
    names = ("ok", "a\nb  1.0", "c" * 80, "猫")
    likely, ids = drawn(4, 40)
    printed = str(ClassEncoding(class_names=names).scoring.measure(likely, ids))
    assert "a\\nb  1.0" in printed
    assert "c" * 39 + "…" in printed
    assert "c" * 40 not in printed
    assert len(printed.splitlines()) == printed.count("\n") + 1 < 24


def test_balanced_accuracy_comes_first_where_classes_are_very_unequal():
    for sizes, first in (((40, 12), "accuracy"), ((40, 8), "balanced_accuracy")):
        labels = np.repeat([0, 1], sizes)
        likely = np.tile([0.8, 0.2], (len(labels), 1))
        scores = classification_figures(likely, labels, ["whole", "broken"], multi_label=False)
        assert list(scores)[:2] == ["count", first]
        assert (scores.balanced_accuracy, scores.accuracy) == (0.5, scores.majority)
