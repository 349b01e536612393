"""Defines the tasks that learn one class of each item, or several, and what they learn."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import keras
import numpy as np

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Classes, Dataset, Tags, Target, Targets
from transferlearn.data.targets import ClassTargets, TagTargets, Weigh
from transferlearn.data.targets.labels import one_hot
from transferlearn.edge import ClassPrediction, ClassReader
from transferlearn.heads import Output
from transferlearn.tasks.base import PREDICTIONS, Encoding, Task
from transferlearn.tasks.class_weights import weights_of_classes
from transferlearn.tasks.classification.losses import (
    Outputs,
    check_metrics,
    check_outputs,
    choose_encoder,
    choose_loss,
    choose_metrics,
    is_cross_entropy,
)
from transferlearn.tasks.classification.scoring import ClassScoring
from transferlearn.tasks.classification.temperature import ClassTemperature
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.optional import (
    linear_solver,
    outputs_in_words,
    temperature_scaling,
)
from transferlearn.tasks.scores import Score, Share
from transferlearn.tasks.solving.logistic import LogisticSolver
from transferlearn.templates import copy_metrics
from transferlearn.types import Loss, Metrics, Tensor
from transferlearn.wording import counted

_NAMED = 5  # the most classes that a summary names, or a table shows; there may be thousands


@dataclass(frozen=True, kw_only=True)
class ClassEncoding(Encoding[ClassPrediction]):
    """Holds what a classifier knows: its classes, and what its outputs are.

    Attributes:
        class_names: The names of the classes, in the order of the outputs.
        activation: What the outputs are: `"softmax"` or `"sigmoid"` probabilities, or `"linear"`
            logits.
        units: How many numbers the network gives for each item: one for each class, or a single one
            for two classes.
        several: Whether an item can have several classes.
    """

    name: ClassVar[str] = "classes"
    field: ClassVar[str] = "classification"
    score: ClassVar[Score] = Share("accuracy")
    several: ClassVar[bool] = False

    class_names: tuple[str, ...]
    activation: str = "softmax"
    units: int = 0

    @property
    def target(self) -> Target:
        """A target that reads these classes, in this order."""
        return Classes(self.class_names)

    @property
    def scoring(self) -> ClassScoring:
        """Returns what scores probabilities, and compares answers."""
        return ClassScoring(self.class_names, self.several)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """A single output, with a number for each class."""
        return {PREDICTIONS: Output(len(self.class_names))}

    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Loss | None) -> Self:
        """Checks the outputs, and gives this encoding with their activation and their number."""
        (output,) = outputs.values()
        noted = replace(self, activation=output.activation, units=output.units)
        check_outputs(noted.meaning(soft=False), len(self.class_names), loss)
        return noted

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes the given loss and metrics, or else a cross-entropy that fits, and accuracy."""
        labels = targets.labels if isinstance(targets, ClassTargets) else None
        given_soft = not self.several and labels is not None and labels.ndim == 2
        mixes_ids = mixed and not self.several and self.units > 1
        outputs = self.meaning(soft=given_soft or mixes_ids)
        loss = loss or choose_loss(outputs, metrics)
        templates = copy_metrics(metrics) or choose_metrics(outputs)
        encode = choose_encoder(loss, outputs)
        check_metrics(templates, encode)
        plain = is_cross_entropy(loss)
        independent = outputs.independent or self.activation == "sigmoid"
        return Objective(
            loss=loss,
            metrics=lambda: copy_metrics(metrics) or choose_metrics(outputs),
            # Class ids cannot be mixed, so they become rows with a 1 for the class.
            encode=self.scoring.raw if mixes_ids and not given_soft else encode,
            solver=LogisticSolver(self.units, independent) if plain else None,
            unsolvable="" if plain else "its loss is no plain cross-entropy",
        )

    def meant(self, outputs: Tensor) -> dict[str, Tensor]:
        """Turns outputs into a probability for each class: `(rows, classes)`."""
        likely = outputs
        if self.activation == "linear":
            one_each = self.several or likely.shape[1] == 1
            squash = keras.activations.sigmoid if one_each else keras.activations.softmax
            likely = squash(likely)
        if likely.shape[1] == 1 and len(self.class_names) == 2:
            # A single output is the probability of the second class.
            likely = keras.ops.concatenate([1 - likely, likely], axis=1)
        return {ClassReader.output: likely}

    def output_reader(self) -> ClassReader:
        """Returns what makes predictions of probabilities."""
        return ClassReader(self.class_names, self.several)

    def summary(self) -> str:
        """Describes how many classes there are, and names the first five."""
        count = len(self.class_names)
        names = ", ".join([*self.class_names[:_NAMED], *["..."] * (count > _NAMED)])
        return f"{counted(count, 'class')}: {names}"

    def meaning(self, *, soft: bool) -> Outputs:
        """Describes what the network's outputs mean.

        Args:
            soft: Whether targets are shares of classes.
        """
        return Outputs(
            count=self.units, activation=self.activation, multi_label=self.several, soft=soft
        )


@dataclass(frozen=True, kw_only=True)
class TagEncoding(ClassEncoding):
    """Holds what a classifier knows where an item can have any number of classes."""

    name: ClassVar[str] = "tags"
    several: ClassVar[bool] = True

    @property
    def target(self) -> Target:
        """A target that reads these classes, in this order, any number for each item."""
        return Tags(self.class_names)


@linear_solver.register
def _(encoding: ClassEncoding) -> LogisticSolver:
    """Returns the solver of logistic regression on shares of all classes."""
    return LogisticSolver(len(encoding.class_names), encoding.several)


@temperature_scaling.register
def _(encoding: ClassEncoding) -> ClassTemperature:
    """Returns how the logits, of all classes together or of each alone, are calibrated."""
    alone = encoding.several or (encoding.units > 1 and encoding.activation == "sigmoid")
    count = len(encoding.class_names)
    return ClassTemperature(encoding.activation, count, alone, encoding.several)


@outputs_in_words.register
def _(encoding: ClassEncoding) -> str:
    """Returns whether the outputs are probabilities or logits, and of which classes."""
    what = "a logit" if encoding.activation == "linear" else "a probability"
    if encoding.units == 1:
        return f"It gives {what} of the second of the two classes."
    return f"It gives {what} for each of the {encoding.units:,} classes, in their order."


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


def class_weights(given: Mapping[object, float] | str | None, train: Dataset) -> Weigh | None:
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
