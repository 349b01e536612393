"""Ranks the items of an evaluation by how much speaks against their labels."""

import functools
from typing import NamedTuple

import numpy as np

from transferlearn.advice.doubts.boxes import doubts_of_photos
from transferlearn.tasks import (
    BoxEvaluation,
    ClassEvaluation,
    Evaluation,
    MaskEvaluation,
    NumberEvaluation,
)

_NORMAL = 1.4826  # the standard deviation of a normal distribution, in median absolute deviations
_FAR = 4.0  # such deviations from which a number or a mask is suspected
_SURE = 0.8  # what a detector finds without a box, from which boxes are suspected


class Ranking(NamedTuple):
    """Holds for each item how much speaks against its label.

    Attributes:
        doubts: How doubtful each label is, float `(items,)`; larger is more doubtful.
        suspected: Whether each label is probably wrong, bool `(items,)`.
        given: Each label in words.
        instead: What the model says in its place, in words.
    """

    doubts: np.ndarray
    suspected: np.ndarray
    given: list[str]
    instead: list[str]


@functools.singledispatch
def ranking(evaluation: Evaluation) -> Ranking:
    """Ranks the labels of the evaluated items; register a function for evaluations of your own.

    The evaluation must be of a model that was not trained on these items.

    Raises:
        TypeError: No function is registered for evaluations of this type.
    """
    raise TypeError(
        f"Nothing says which labels of a {type(evaluation).__name__} are doubtful. Register a "
        "function for it: @tl.advice.doubts.ranking.register"
    )


@ranking.register
def _(evaluation: ClassEvaluation) -> Ranking:
    names, probabilities = evaluation.class_names, evaluation.probabilities
    if evaluation.several:
        return _of_tags(names, probabilities, evaluation.labels == 1)
    labels = evaluation.labels
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    likely = np.where(probabilities >= _usual(probabilities, labels), probabilities, -1.0)
    others = likely.argmax(axis=1)
    return Ranking(
        1 - own,
        (likely.max(axis=1) >= 0) & (others != labels),
        [names[i] for i in labels],
        [names[i] for i in probabilities.argmax(axis=1)],
    )


def _usual(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns the mean probability of each class over the items with this label, `(classes,)`.

    An item that reaches this of another class is probably mislabelled, see Northcutt et al.,
    [Confident learning](https://arxiv.org/abs/1911.00068).
    """
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)[:, 0]
    sums = np.bincount(labels, weights=own, minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def _of_tags(names: tuple[str, ...], probabilities: np.ndarray, tagged: np.ndarray) -> Ranking:
    """Ranks sets of tags by the tag of each item that is least likely to be right."""
    own = np.where(tagged, probabilities, 1 - probabilities)
    suspected = np.zeros(len(own), bool)
    for place in range(len(names)):
        both = np.stack([1 - probabilities[:, place], probabilities[:, place]], axis=1)
        label = tagged[:, place].astype(int)
        other = np.take_along_axis(both, 1 - label[:, None], axis=1)[:, 0]
        suspected |= other >= _usual(both, label)[1 - label]
    said = probabilities >= 0.5
    return Ranking(
        1 - own.min(axis=1),
        suspected,
        [_listed(names, row) for row in tagged],
        [_listed(names, row) for row in said],
    )


def _listed(names: tuple[str, ...], chosen: np.ndarray) -> str:
    """Returns the names of the chosen tags, or "none"."""
    return ", ".join(name for name, is_in in zip(names, chosen, strict=True) if is_in) or "none"


@ranking.register
def _(evaluation: NumberEvaluation) -> Ranking:
    errors = evaluation.true - evaluation.predicted
    from_middle = np.abs(errors - np.median(errors, axis=0))
    scale = _NORMAL * np.median(from_middle, axis=0)
    far = (from_middle / np.where(scale > 0, scale, np.inf)).max(axis=1)
    return Ranking(
        far,
        far > _FAR,
        [", ".join(f"{number:.4g}" for number in row) for row in evaluation.true],
        [", ".join(f"{number:.4g}" for number in row) for row in evaluation.predicted],
    )


@ranking.register
def _(evaluation: MaskEvaluation) -> Ranking:
    doubts = 1 - evaluation.mean_ious
    middle = np.median(doubts)
    scale = _NORMAL * np.median(np.abs(doubts - middle))
    return Ranking(
        doubts,
        doubts > middle + _FAR * scale,
        ["its mask"] * len(doubts),
        [f"mean IoU {1 - doubt:.2f}" for doubt in doubts],
    )


@ranking.register
def _(evaluation: BoxEvaluation) -> Ranking:
    doubts, given, instead = doubts_of_photos(evaluation)
    return Ranking(doubts, doubts >= _SURE, given, instead)
