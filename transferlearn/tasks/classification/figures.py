"""Computes the figures that say how good a classifier is."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from transferlearn.data.messages import notice
from transferlearn.data.targets.labels import one_hot
from transferlearn.json_fields import Json
from transferlearn.tasks.classification.curves import Reliability, ThresholdCounts
from transferlearn.tasks.classification.evaluation import ClassEvaluation
from transferlearn.tasks.intervals import Interval, bootstrap, group_sums, wilson
from transferlearn.tasks.scores import Share
from transferlearn.tasks.solving.logistic import UNEQUAL

_TOP = 5
_NAMED = 10  # the most classes that a warning names


def classification_figures(
    probabilities: np.ndarray, labels: np.ndarray, class_names: Sequence[str], *, multi_label: bool
) -> ClassEvaluation:
    """Computes accuracy, loss, recalls and more from probabilities and true labels.

    Args:
        probabilities: The probability of each class, float `(items, classes)`, in [0, 1].
        labels: Class ids `(items,)`, or shares or 0 and 1 `(items, classes)`.
        class_names: The names of the classes, in order.
        multi_label: Whether an item can have several classes.

    Returns:
        The figures `count`, `accuracy` (with `multi_label`: of all yes-or-no answers), `majority`
        (the accuracy of always giving the commonest answer), `loss` (cross-entropy, nats),
        `balanced_accuracy` (the mean of the recalls of classes that occur; with `multi_label`, of
        each class's yes and no), `macro_f1` (the mean F1 of classes that occur or are predicted),
        `roc_auc` and `average_precision` (means over classes, each against all others) and
        `calibration_error` (expected calibration error, 15 bins of equal width); of more than five
        classes `top_5_accuracy`; with `multi_label` also `micro_precision`, `micro_recall` and
        `micro_f1`, of all yes answers together. For each class `precision: NAME`, `recall: NAME`,
        `f1: NAME`, `roc_auc: NAME`, `average_precision: NAME`, and `support: NAME`, the number of
        its items. What has no value, as the recall of a class that does not occur, is NaN, and
        means leave it out; a `DataWarning` names such classes.
    """
    truth = labels if labels.ndim == 2 else one_hot(labels, len(class_names)).astype("float64")
    answers, true = (_answers(rows, several=multi_label) for rows in (probabilities, truth))
    ids = true.astype("int64") if multi_label else truth.argmax(axis=1).astype("int64")
    right = answers == true if multi_label else (answers & true).any(axis=1, keepdims=True)
    quantities = (
        answers & true,
        true,
        answers,
        right.mean(axis=1, keepdims=True),
        cross_entropies(probabilities, truth, several=multi_label),
        np.ones((len(truth), 1)),
    )
    sums = np.hstack([group_sums(part) for part in quantities])
    of_sums = partial(_figures, classes=len(class_names), several=multi_label)
    all_items = of_sums(sums.sum(axis=0))
    by_class = _by_class(probabilities, answers, true)
    say_absent(class_names, by_class["support"])
    sizes = by_class["support"][by_class["support"] > 0]
    unequal = not multi_label and len(sizes) and sizes.max() > UNEQUAL * sizes.min()
    first = "balanced_accuracy" if unequal else "accuracy"
    figures: Json = {
        "count": len(truth),
        first: all_items[first],
        "accuracy": all_items["accuracy"],
        "majority": majority(true, multi_label=multi_label),
        **all_items,
        **_top(probabilities, ids),
        "roc_auc": _mean(by_class["roc_auc"]),
        "average_precision": _mean(by_class["average_precision"]),
        "calibration_error": Reliability.of_items(probabilities, ids).error,
    }
    for figure, of_each in by_class.items():
        named = zip(class_names, of_each, strict=True)
        figures |= {f"{figure}: {name}": value for name, value in named}
    plain = {name: float(value) for name, value in figures.items()}
    drawn = bootstrap(sums, of_sums)
    shares = _shares(plain, class_names, answers.sum(axis=0), several=multi_label)
    return ClassEvaluation(
        plain,
        drawn | shares,
        interval_methods=dict.fromkeys(drawn, "bootstrap") | dict.fromkeys(shares, "Wilson"),
        baseline=plain["majority"],
        score=Share("accuracy"),
        model_values=probabilities,
        targets=labels,
        class_names=tuple(class_names),
        probabilities=probabilities,
        labels=ids,
        several=multi_label,
    )


def majority(labels: np.ndarray, *, multi_label: bool) -> float:
    """Returns the accuracy of always giving the commonest answer.

    Args:
        labels: Class ids `(items,)`, or shares or 0 and 1 `(items, classes)`.
        multi_label: Whether an item can have several classes.
    """
    if multi_label:
        share = (labels >= 0.5).mean(0)
        return float(np.maximum(share, 1 - share).mean())
    ids = labels if labels.ndim == 1 else labels.argmax(1)
    return float(np.bincount(ids).max() / len(ids))


def say_absent(class_names: Sequence[str], support: np.ndarray) -> None:
    """Warns of classes that no item has, and says what that means for the figures."""
    absent = [repr(name) for name, items in zip(class_names, support, strict=True) if not items]
    if not absent:
        return
    more = [f"and {len(absent) - _NAMED} more"] if len(absent) > _NAMED else []
    notice(
        f"No item of this data has the class {', '.join(absent[:_NAMED] + more)}: its recall is "
        "unknown, balanced_accuracy leaves it out, and macro_f1 counts it as 0 if predicted."
    )


def _answers(rows: np.ndarray, *, several: bool) -> np.ndarray:
    """Returns which classes an item has: the likeliest one, or all of at least 0.5, as bool."""
    return rows >= 0.5 if several else one_hot(rows.argmax(1), rows.shape[1]).astype(bool)


def cross_entropies(probabilities: np.ndarray, truth: np.ndarray, *, several: bool) -> np.ndarray:
    """Returns the cross-entropy of each item, in nats, `(items, 1)`."""
    # Clipped as Keras's losses clip, by 1e-7, since the logarithm of 0 is infinite.
    clipped = np.clip(probabilities.astype("float64"), 1e-7, 1 - 1e-7)
    of_each = truth * np.log(clipped)
    if several:
        return -(of_each + (1 - truth) * np.log(1 - clipped)).mean(axis=1, keepdims=True)
    return -of_each.sum(axis=1, keepdims=True)


def _figures(sums: np.ndarray, *, classes: int, several: bool) -> dict[str, np.ndarray]:
    """Returns the figures that are computed from sums over items, `(..., quantities)`."""
    right, there, claimed = (sums[..., i * classes : (i + 1) * classes] for i in range(3))
    accuracy, loss, items = np.moveaxis(sums[..., 3 * classes :], -1, 0)
    recalls = _ratio(right, there)
    if several:
        others = items[..., None] - there
        recalls = np.concatenate([recalls, _ratio(others - claimed + right, others)], axis=-1)
    figures = {
        "accuracy": accuracy / items,
        "loss": loss / items,
        "balanced_accuracy": _mean(recalls),
        "macro_f1": _mean(_ratio(2 * right, there + claimed)),
    }
    if several:
        right, there, claimed = (part.sum(axis=-1) for part in (right, there, claimed))
        figures["micro_precision"] = _ratio(right, claimed)
        figures["micro_recall"] = _ratio(right, there)
        figures["micro_f1"] = _ratio(2 * right, there + claimed)
    return figures


def _by_class(
    probabilities: np.ndarray, answers: np.ndarray, true: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns the figures of each class, `(classes,)`."""
    right, there, claimed = (rows.sum(axis=0) for rows in (answers & true, true, answers))
    curves = [ThresholdCounts.of(*columns) for columns in zip(probabilities.T, true.T, strict=True)]
    return {
        "precision": _ratio(right, claimed),
        "recall": _ratio(right, there),
        "f1": _ratio(2 * right, there + claimed),
        "support": there,
        "roc_auc": np.array([curve.roc_auc for curve in curves]),
        "average_precision": np.array([curve.average_precision for curve in curves]),
    }


def _top(probabilities: np.ndarray, ids: np.ndarray) -> dict[str, float]:
    """Returns the share of items whose class is among the five likeliest, of more than five."""
    if ids.ndim == 2 or probabilities.shape[1] <= _TOP:
        return {}
    return {f"top_{_TOP}_accuracy": top_accuracy(probabilities, ids, _TOP)}


def top_accuracy(probabilities: np.ndarray, ids: np.ndarray, count: int) -> float:
    """Returns the share of items whose class is among the `count` likeliest.

    Classes of the same probability come in their order, as for `argmax`.

    Args:
        probabilities: The probability of each class, `(items, classes)`.
        ids: The true classes, int `(items,)`.
        count: How many classes an item may be given.
    """
    of_true = np.take_along_axis(probabilities, ids[:, None], axis=1)
    before = np.arange(probabilities.shape[1]) < ids[:, None]
    rank = (probabilities > of_true).sum(1) + ((probabilities == of_true) & before).sum(1)
    return float((rank < count).mean())


def _shares(
    figures: Mapping[str, float],
    class_names: Sequence[str],
    claimed: np.ndarray,
    *,
    several: bool,
) -> dict[str, Interval]:
    """Returns Wilson's intervals of shares of independent answers."""
    counts: dict[str, float] = {}
    for name, times in zip(class_names, claimed, strict=True):
        counts[f"recall: {name}"] = figures[f"support: {name}"]
        counts[f"precision: {name}"] = float(times)
    if not several:  # the answers for the tags of one item are not independent
        counts |= dict.fromkeys(("accuracy", f"top_{_TOP}_accuracy"), figures["count"])
    return {
        name: wilson(figures[name], count)
        for name, count in counts.items()
        if count and name in figures
    }


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divides `part` by `whole`, and gives NaN where `whole` is 0."""
    part, whole = np.asarray(part, "float64"), np.asarray(whole, "float64")
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


def _mean(values: np.ndarray) -> np.ndarray:
    """Returns the means along the last axis of what is not NaN; NaN where all is."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1))
