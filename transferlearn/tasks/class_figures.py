"""Computes the figures that say how good a classifier is."""

from collections.abc import Sequence

import numpy as np

from transferlearn.data.messages import notice
from transferlearn.data.targets.labels import one_hot
from transferlearn.tasks.class_evaluation import ClassEvaluation
from transferlearn.tasks.intervals import wilson
from transferlearn.tasks.scores import Share


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
        and for each class `recall: NAME`, the share of its items that were found; NaN for classes
        that do not occur, which a `DataWarning` names.
    """
    truth = labels if labels.ndim == 2 else one_hot(labels, len(class_names)).astype("float64")
    # Clipped as Keras's losses clip, by 1e-7, since the logarithm of 0 is infinite.
    clipped = np.clip(probabilities.astype("float64"), 1e-7, 1 - 1e-7)
    if multi_label:
        answers, true = probabilities >= 0.5, truth >= 0.5
        loss = -(truth * np.log(clipped) + (1 - truth) * np.log(1 - clipped)).mean()
        accuracy = (answers == true).mean()
    else:
        answers, true = (
            one_hot(rows.argmax(1), len(class_names)).astype(bool)
            for rows in (probabilities, truth)
        )
        loss = -(truth * np.log(clipped)).sum(1).mean()
        accuracy = (answers & true).any(1).mean()
    figures: dict[str, float] = {
        "count": len(truth),
        "accuracy": accuracy,
        "majority": majority(true, multi_label=multi_label),
        "loss": loss,
    }
    right, there, claimed = (answers & true).sum(0), true.sum(0), answers.sum(0)
    recalls = _ratio(right, there)
    balanced = recalls
    if multi_label:
        balanced = np.concatenate([recalls, _ratio((~answers & ~true).sum(0), (~true).sum(0))])
    figures["balanced_accuracy"] = np.nanmean(balanced)
    figures["macro_f1"] = np.nanmean(_ratio(2 * right, there + claimed))
    by_class = {
        "precision": _ratio(right, claimed),
        "recall": recalls,
        "f1": _ratio(2 * right, there + claimed),
        "support": there,
    }
    for figure, of_each in by_class.items():
        named = zip(class_names, of_each, strict=True)
        figures |= {f"{figure}: {name}": value for name, value in named}
    if absent := [name for name, items in zip(class_names, there, strict=True) if not items]:
        notice(
            f"No item of this data has the class {', '.join(map(repr, absent))}: its recall is "
            "unknown, balanced_accuracy leaves it out, and macro_f1 counts it as 0 if predicted."
        )
    # Wilson's interval needs independent answers, and those for the tags of one item are not.
    intervals = {} if multi_label else {"accuracy": wilson(float(accuracy), len(truth))}
    plain = {name: float(value) for name, value in figures.items()}
    return ClassEvaluation(
        plain,
        intervals,
        interval_methods=dict.fromkeys(intervals, "Wilson"),
        baseline=plain["majority"],
        score=Share("accuracy"),
        model_values=probabilities,
        targets=labels,
        class_names=tuple(class_names),
        probabilities=probabilities,
        labels=true.astype("int64") if multi_label else truth.argmax(axis=1).astype("int64"),
        several=multi_label,
    )


def majority(labels: np.ndarray, *, multi_label: bool) -> float:
    """Gives the accuracy of always giving the commonest answer.

    Args:
        labels: Class ids `(items,)`, or shares or 0 and 1 `(items, classes)`.
        multi_label: Whether an item can have several classes.
    """
    if multi_label:
        share = (labels >= 0.5).mean(0)
        return float(np.maximum(share, 1 - share).mean())
    ids = labels if labels.ndim == 1 else labels.argmax(1)
    return float(np.bincount(ids).max() / len(ids))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divides `part` by `whole`, and gives NaN where `whole` is 0."""
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
