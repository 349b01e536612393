"""What a classifier knows once it has seen its training labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import keras
import numpy as np

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Classes, OneHot, Tags, Target, Targets
from transferlearn.data.targets import ClassTargets
from transferlearn.heads import Output
from transferlearn.tasks.base import PREDICTIONS, Encoding, Objective, Seen, in_numpy
from transferlearn.tasks.class_figures import classification_figures, majority
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.logistic import LogisticSolver
from transferlearn.tasks.losses import (
    Outputs,
    check_metrics,
    check_outputs,
    choose_encoder,
    choose_loss,
    choose_metrics,
    is_cross_entropy,
)
from transferlearn.tasks.scores import Score, Share
from transferlearn.templates import copy_metrics

_NAMED = 5  # classes, where a model is printed


@dataclass(frozen=True, kw_only=True)
class ClassPrediction:
    """What a classifier says of one item.

    Attributes:
        class_name: The likeliest class.
        probability: Of that class, in [0, 1].
        probabilities: Of every class.
        labels: The classes it has: the likeliest one, or with several classes an item all that are
            at 0.5 or above.
        path: Of the file, where there was one.
    """

    class_name: str
    probability: float
    probabilities: dict[str, float]
    labels: tuple[str, ...]
    path: str | None = None

    def __str__(self) -> str:
        return f"{', '.join(self.labels) or '-'}\t{self.probability:.4f}"


@dataclass(frozen=True, kw_only=True)
class ClassEncoding(Encoding[ClassPrediction]):
    """What a classifier knows: its classes, and what its outputs are.

    Attributes:
        class_names: In the order of the outputs.
        activation: Of the outputs: `"softmax"` or `"sigmoid"` probabilities, or `"linear"` logits.
        units: How many outputs there are: one for each class, or one for two classes.
    """

    name: ClassVar[str] = "classes"
    score: ClassVar[Score] = Share("accuracy")
    several: ClassVar[bool] = False

    class_names: tuple[str, ...]
    activation: str = "softmax"
    units: int = 0

    @property
    def guessing_loss(self) -> float:
        """Gives the cross-entropy of finding all classes equally likely."""
        return math.log(len(self.class_names))

    @property
    def target(self) -> Target:
        """Gives these classes, in this order."""
        return Classes(self.class_names)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Gives one output, with a number for each class."""
        return {PREDICTIONS: Output(len(self.class_names))}

    @property
    def raw(self) -> OneHot:
        """Gives rows with a number for each class, which ids, shares and tags can be."""
        return OneHot(len(self.class_names))

    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Any) -> Self:
        """Takes note of the activation; two classes may have one output."""
        (output,) = outputs.values()
        noted = replace(self, activation=output.activation, units=output.units)
        check_outputs(noted.meaning(soft=False), len(self.class_names), loss)
        return noted

    def objective(
        self, *, loss: Any, metrics: Any, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Chooses the cross-entropy that fits the outputs, and accuracy."""
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
            # Of class ids nothing can be mixed.
            encode=self.raw if mixes_ids and not given_soft else encode,
            solver=LogisticSolver(self.units, independent) if plain else None,
            unsolvable="" if plain else "its loss is no plain cross-entropy",
        )

    def linear_solver(self) -> LogisticSolver:
        """Gives logistic regression on shares of all classes."""
        return LogisticSolver(len(self.class_names), self.several)

    def baseline(self, targets: Targets) -> float | None:
        """Gives the accuracy of always giving the commonest answer."""
        assert isinstance(targets, ClassTargets)
        if targets.labels is None:
            return None
        return majority(targets.labels, multi_label=self.several)

    def values(self, outputs: Any) -> np.ndarray:
        """Makes of outputs a probability for each class: `(rows, classes)`."""
        found = in_numpy(outputs)
        if self.activation == "linear":
            one_each = self.several or found.shape[1] == 1
            squash = keras.activations.sigmoid if one_each else keras.activations.softmax
            found = in_numpy(squash(keras.ops.convert_to_tensor(found)))
        if found.shape[1] == 1 and len(self.class_names) == 2:
            return np.concatenate([1 - found, found], axis=1)
        return found

    def decode(self, values: np.ndarray, seen: Sequence[Seen]) -> list[ClassPrediction]:
        """Gives each item its likeliest class."""
        return [self._prediction(row, of) for row, of in zip(values, seen, strict=True)]

    def measure(self, values: np.ndarray, targets: np.ndarray) -> Evaluation:
        """Gives accuracy, loss, and how well each class is found."""
        return classification_figures(values, targets, self.class_names, multi_label=self.several)

    def summary(self) -> str:
        """Says how many classes there are, and what the first are called."""
        count = len(self.class_names)
        names = ", ".join([*self.class_names[:_NAMED], *["..."] * (count > _NAMED)])
        return f"{count} classes: {names}"

    def settings(self) -> dict[str, Any]:
        """Gives the names, the activation and the number of outputs."""
        names = list(self.class_names)
        return {"class_names": names, "activation": self.activation, "units": self.units}

    @classmethod
    def load(cls, settings: dict[str, Any]) -> Self:
        """Makes the encoding that was saved."""
        return cls(**{**settings, "class_names": tuple(settings["class_names"])})

    def meaning(self, *, soft: bool) -> Outputs:
        """Says what the outputs mean.

        Args:
            soft: Whether targets are shares of classes.
        """
        return Outputs(
            count=self.units, activation=self.activation, multi_label=self.several, soft=soft
        )

    def _prediction(self, row: np.ndarray, seen: Seen) -> ClassPrediction:
        best = int(row.argmax())
        chosen = np.flatnonzero(row >= 0.5) if self.several else [best]
        return ClassPrediction(
            class_name=self.class_names[best],
            probability=float(row[best]),
            probabilities=dict(zip(self.class_names, map(float, row), strict=True)),
            labels=tuple(self.class_names[i] for i in chosen),
            path=seen.path,
        )


@dataclass(frozen=True, kw_only=True)
class TagEncoding(ClassEncoding):
    """What a classifier knows that gives an item any number of classes."""

    name: ClassVar[str] = "tags"
    several: ClassVar[bool] = True

    @property
    def target(self) -> Target:
        """Gives these classes, in this order."""
        return Tags(self.class_names)
