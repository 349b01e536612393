"""Computes how well tags of words, and the entities that they stand for, are found."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np

from transferlearn.data.sequences import WordTagTargets
from transferlearn.edge import TagPrediction
from transferlearn.edge.words.predictions import TagReader
from transferlearn.edge.words.tags import OUTSIDE, Span, are_of_entities, entities_in
from transferlearn.monitoring import TagShares
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.intervals import bootstrap, group_sums
from transferlearn.tasks.pairs import PairedTest, compare_sums
from transferlearn.tasks.scoring import Scoring

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


@dataclass(frozen=True)
class TagScoring(Scoring[WordTagTargets, TagEvaluation, TagPrediction]):
    """Scores probabilities of tags.

    Attributes:
        class_names: The tags, in the order of the probabilities.
        score: The name of the figure by which models are compared.
    """

    class_names: tuple[str, ...]
    score: str

    @property
    def signals(self) -> TagShares:
        """Returns what a monitor watches: how much of a text each tag has."""
        return TagShares(self.class_names)

    @property
    def guessing_loss(self) -> float:
        """The cross-entropy of a model that finds all tags equally likely, in nats."""
        return math.log(len(self.class_names))

    def measure(self, values: np.ndarray, targets: np.ndarray) -> TagEvaluation:
        """Computes precision, recall and F1 of entities, strict, or of tags that stand for none.

        An entity counts as found only where its type, its first and its last word are right, as in
        [CoNLL-2003](https://aclanthology.org/W03-0419). A ratio of nothing to nothing is 0.

        Args:
            values: The probability of each tag of each word, `(texts, words, tags)`.
            targets: The numbers of the true tags, `(texts, words)`; -1 where there is none.
        """
        tags, reader = self.class_names, TagReader(self.class_names)
        predicted, labels = [], []
        for rows, ids in zip(values, targets, strict=True):
            known = np.flatnonzero(ids >= 0)
            labels.append([tags[i] for i in ids[known]])
            predicted.append([tags[i] for i in reader.chosen(rows[known])])
        names = _labels(tags)
        sums = np.array([_counts(*pair, names) for pair in zip(labels, predicted, strict=True)])
        figures = {name: float(value) for name, value in self._figures(sums.sum(axis=0)).items()}
        intervals = bootstrap(group_sums(sums), self._figures)
        ids = targets[targets >= 0]
        commonest = float(np.bincount(ids).max() / len(ids)) if len(ids) else float("nan")
        return TagEvaluation(
            {"count": len(labels), "words": float(sums[:, -1].sum()), **figures},
            intervals,
            interval_methods=dict.fromkeys(intervals, "bootstrap"),
            baseline=0.0 if are_of_entities(tags) else commonest,
            class_names=tags,
            predicted=predicted,
            labels=labels,
            sums=sums,
        )

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns the share of each text's words with a wrong tag, by the likeliest tags alone."""
        length = min(values.shape[1], targets.shape[1])
        values, targets = values[:, :length], targets[:, :length]
        known = (targets >= 0) & (values > 0).any(axis=-1)
        wrong = (values.argmax(axis=-1) != targets) & known
        return np.asarray(wrong.sum(axis=1) / np.maximum(known.sum(axis=1), 1))

    def baseline(self, targets: WordTagTargets) -> float | None:
        """Returns the accuracy of always giving the commonest tag."""
        ids = np.concatenate(list(targets.rows))
        return float(np.bincount(ids[ids >= 0]).max() / max(1, (ids >= 0).sum()))

    def compare(self, first: TagEvaluation, second: TagEvaluation) -> PairedTest | None:
        """Tests by how much the second score is the better one, by drawing texts."""
        return compare_sums(first.sums, second.sums, lambda sums: self._figures(sums)[self.score])

    def _figures(self, sums: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the figures that are computed from sums over texts, `(..., quantities)`."""
        names, of_entities = _labels(self.class_names), are_of_entities(self.class_names)
        return _figures(sums, names=names, of_entities=of_entities)


@dataclass(frozen=True)
class EntityScoring(TagScoring):
    """Scores tags that stand for entities."""

    def baseline(self, targets: WordTagTargets) -> float | None:
        """Returns 0, the F1 of finding nothing."""
        return 0.0


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
