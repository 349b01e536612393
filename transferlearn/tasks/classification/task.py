"""Defines the tasks that learn one class of each item, or several, and weights of classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from transferlearn.data import Classes, Dataset, Tags, Target, Targets
from transferlearn.data.targets import ClassTargets, TagTargets, Weigh
from transferlearn.data.targets.labels import one_hot
from transferlearn.edge import ClassPrediction
from transferlearn.tasks.base import Task
from transferlearn.tasks.class_weights import weights_of_classes
from transferlearn.tasks.classification.encoding import ClassEncoding, TagEncoding

_CLASSES, _TAGS = Classes(), Tags()


@dataclass(frozen=True)
class Classification(Task[ClassPrediction]):
    """Learns one class for each item.

    Args:
        target: Says where the classes are found in the data, and gives their order.
    """

    target: Target = _CLASSES

    def learn(self, targets: Targets) -> ClassEncoding:
        """Learns the names of the classes."""
        if not isinstance(targets, ClassTargets):
            raise TypeError(f"A classifier learns classes. Received: {type(targets).__name__}")
        return ClassEncoding(class_names=targets.class_names, units=len(targets.class_names))


@dataclass(frozen=True)
class Tagging(Task[ClassPrediction]):
    """Learns which classes each item has; it may have none, one or several.

    Args:
        target: Says where the classes are found in the data, and gives their order.
    """

    target: Target = _TAGS

    def learn(self, targets: Targets) -> TagEncoding:
        """Learns the names of the classes."""
        if not isinstance(targets, TagTargets):
            raise TypeError(f"A tagger learns tags. Received: {type(targets).__name__}")
        return TagEncoding(class_names=targets.class_names, units=len(targets.class_names))


@dataclass(frozen=True)
class ClassWeights:
    """Returns the weight of each item's class; it is a function of the type `Weigh`.

    Attributes:
        weights: The weight of each class, in the order of the class ids.
    """

    weights: tuple[float, ...]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Returns weights, float32 `(batch,)`, for ids `(batch,)` or shares `(batch, classes)`."""
        ids = rows if rows.ndim == 1 else rows.argmax(axis=1)
        return np.array(self.weights, np.float32)[ids]


def class_weights(given: Mapping[Any, float] | str | None, train: Dataset) -> Weigh | None:
    """Turns weights of classes into weights of items.

    Args:
        given: `"balanced"`: all classes count alike; or a mapping from names or ids of classes to
            weights of at least 0, where other classes have 1; `None`: there are no weights.
        train: The dataset to train on.

    Raises:
        ValueError: A weight is no number of at least 0, or a class is not in the data.
    """
    if given is None:
        return None
    targets = train.learnt
    assert isinstance(targets, ClassTargets)
    if isinstance(targets, TagTargets):
        raise ValueError(
            "class_weight has no meaning for multi-label data, where an item has several "
            "classes. Pass sample weights as the third part of (x, y, sample_weight)."
        )
    if given == "balanced":
        return _balanced(targets, train.sample_weight)
    return ClassWeights(weights_of_classes(given, targets.class_names))


def _balanced(targets: ClassTargets, sample_weight: np.ndarray | None) -> ClassWeights:
    """Makes weights by which all classes count alike, and whose mean over the items is 1."""
    classes, labels = len(targets.class_names), targets.labels
    if labels is None:
        raise ValueError(
            "class_weight='balanced' needs to know all labels beforehand, which this stream does "
            "not tell. Give a dict of weights, or class_names so that it is read."
        )
    rows = one_hot(labels, classes).astype("float64") if labels.ndim == 1 else labels
    counts = rows.sum(0) if sample_weight is None else sample_weight @ rows
    return ClassWeights(tuple(float(counts.sum() / (classes * n)) if n else 1.0 for n in counts))
