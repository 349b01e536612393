"""Computes how well tags of words, and the entities that they stand for, are found."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import partial

import numpy as np

from transferlearn.edge.words.predictions import TagReader
from transferlearn.edge.words.tags import OUTSIDE, Span, are_of_entities, entities_in
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.intervals import bootstrap, group_sums
from transferlearn.tasks.pairs import PairedTest, compare_sums

_PARTS = 3  # quantities of a label: right, there, claimed


@dataclass(frozen=True, eq=False, repr=False)
class TagEvaluation(Evaluation):
    """Holds the figures of tags of words; `parts` has those of each type of entity, or tag.

    Attributes:
        class_names: The tags, those of entities in IOB2.
        predicted: The tags that the model gives the words of each text.
        labels: The true tags of the words of each text.
        sums: What each text adds to the figures, float64 `(texts, quantities)`.
    """

    _: KW_ONLY
    class_names: tuple[str, ...]
    predicted: list[list[str]]
    labels: list[list[str]]
    sums: np.ndarray


def tag_figures(
    probabilities: np.ndarray, targets: np.ndarray, class_names: tuple[str, ...]
) -> TagEvaluation:
    """Computes precision, recall and F1 of entities, strict, or of tags that stand for none.

    An entity counts as found only where its type, its first and its last word are right, as in
    [CoNLL-2003](https://aclanthology.org/W03-0419). A ratio of nothing to nothing is 0.

    Args:
        probabilities: The probability of each tag of each word, `(texts, words, tags)`.
        targets: The numbers of the true tags, `(texts, words)`; -1 where there is none.
        class_names: The tags.
    """
    reader = TagReader(class_names)
    predicted, labels = [], []
    for rows, ids in zip(probabilities, targets, strict=True):
        known = np.flatnonzero(ids >= 0)
        labels.append([class_names[i] for i in ids[known]])
        predicted.append([class_names[i] for i in reader.chosen(rows[known])])
    of_entities = are_of_entities(class_names)
    names = _labels(class_names)
    sums = np.array([_counts(*pair, names) for pair in zip(labels, predicted, strict=True)])
    of_sums = partial(_figures, names=names, of_entities=of_entities)
    figures = {name: float(value) for name, value in of_sums(sums.sum(axis=0)).items()}
    intervals = bootstrap(group_sums(sums), of_sums)
    ids = targets[targets >= 0]
    commonest = float(np.bincount(ids).max() / len(ids)) if len(ids) else float("nan")
    return TagEvaluation(
        {"count": len(labels), "words": float(sums[:, -1].sum()), **figures},
        intervals,
        interval_methods=dict.fromkeys(intervals, "bootstrap"),
        baseline=0.0 if of_entities else commonest,
        class_names=class_names,
        predicted=predicted,
        labels=labels,
        sums=sums,
    )


def compare_tags(first: TagEvaluation, second: TagEvaluation, score: str) -> PairedTest | None:
    """Tests by how much the second score is the better one, by drawing texts."""
    names, of_entities = _labels(first.class_names), are_of_entities(first.class_names)
    of_sums = partial(_figures, names=names, of_entities=of_entities)
    return compare_sums(first.sums, second.sums, lambda sums: of_sums(sums)[score])


def _labels(class_names: Sequence[str]) -> list[str]:
    """Returns the types of entities, or the tags where these stand for none."""
    if not are_of_entities(class_names):
        return list(class_names)
    return list(dict.fromkeys(name[2:] for name in class_names if name != OUTSIDE))


def _counts(labels: list[str], predicted: list[str], names: Sequence[str]) -> list[float]:
    """Counts what a text adds: for each label right, there and claimed; right words, and words."""
    right_words = [one == other for one, other in zip(labels, predicted, strict=True)]
    true, claimed = (_found(tags, names) for tags in (labels, predicted))
    found = []
    for name in names:
        counted = (true & claimed, true, claimed)
        found += [float(sum(one[0] == name for one in part)) for part in counted]
    return [*found, float(sum(right_words)), float(len(labels))]


def _found(tags: Sequence[str], names: Sequence[str]) -> set[Span]:
    """Returns the entities of a text, or its words where their tags stand for no entities."""
    if are_of_entities([f"B-{names[0]}", *tags]):
        return set(entities_in(tags))
    return {Span(tag, place, place + 1) for place, tag in enumerate(tags)}


def _figures(
    sums: np.ndarray, *, names: Sequence[str], of_entities: bool
) -> Mapping[str, np.ndarray]:
    """Returns the figures that are computed from sums over texts, `(..., quantities)`."""
    parts = sums[..., : _PARTS * len(names)].reshape(*sums.shape[:-1], len(names), _PARTS)
    right_words, words = sums[..., -2], sums[..., -1]
    of_each = _rates(np.moveaxis(parts, -1, 0))
    figures: dict[str, np.ndarray] = {}
    if of_entities:
        precision, recall, f1 = _rates(np.moveaxis(parts.sum(axis=-2), -1, 0))
        figures |= {"entity_f1": f1, "entity_precision": precision, "entity_recall": recall}
    figures["accuracy"] = _ratio(right_words, words)
    there = (parts[..., 1] + parts[..., 2]) > 0
    figures["macro_f1"] = _ratio((of_each[2] * there).sum(axis=-1), there.sum(axis=-1))
    for name, values in zip(("precision", "recall", "f1"), of_each, strict=True):
        figures |= {f"{name}: {label}": values[..., i] for i, label in enumerate(names)}
    support = parts[..., 1]
    return figures | {f"support: {label}": support[..., i] for i, label in enumerate(names)}


def _rates(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns precision, recall and F1 of the counts of what is right, there and claimed."""
    right, there, claimed = parts
    precision, recall = _ratio(right, claimed), _ratio(right, there)
    return precision, recall, _ratio(2 * right, there + claimed)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divides `part` by `whole`; 0 where `whole` is 0."""
    part, whole = np.asarray(part, "float64"), np.asarray(whole, "float64")
    return np.divide(part, whole, out=np.zeros(whole.shape), where=whole > 0)
