"""Holds what a classifier knows of its classes, and what it says of items."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import keras
import numpy as np

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Classes, OneHot, Tags, Target, Targets
from transferlearn.data.targets import ClassTargets
from transferlearn.data.targets.labels import one_hot
from transferlearn.edge import ClassPrediction, ClassReader, Seen
from transferlearn.heads import Output
from transferlearn.monitoring import AnyClasses, OneClass, OutputSignals
from transferlearn.tasks.base import PREDICTIONS, Encoding, in_numpy
from transferlearn.tasks.classification.evaluation import ClassEvaluation
from transferlearn.tasks.classification.figures import (
    classification_figures,
    compare_answers,
    majority,
)
from transferlearn.tasks.classification.losses import (
    Outputs,
    check_metrics,
    check_outputs,
    choose_encoder,
    choose_loss,
    choose_metrics,
    is_cross_entropy,
)
from transferlearn.tasks.classification.temperature import ClassTemperature
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.pairs import PairedTest
from transferlearn.tasks.scores import Score, Share
from transferlearn.tasks.solving.logistic import LogisticSolver
from transferlearn.templates import copy_metrics
from transferlearn.types import Json, Loss, Metrics, Tensor
from transferlearn.wording import counted

_LEAST = 1e-37  # of probabilities, about the smallest that float32 holds to all its digits
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
    def guessing_loss(self) -> float:
        """The cross-entropy of a model that finds all answers equally likely, in nats."""
        return math.log(2 if self.several else len(self.class_names))

    @property
    def target(self) -> Target:
        """A target that reads these classes, in this order."""
        return Classes(self.class_names)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """A single output, with a number for each class."""
        return {PREDICTIONS: Output(len(self.class_names))}

    @property
    def raw(self) -> OneHot:
        """The encoder of ids, shares and tags as rows with a number for each class."""
        return OneHot(len(self.class_names))

    @property
    def answers(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.class_names

    @property
    def watched(self) -> OutputSignals:
        """Watches probabilities of classes, of which an item has one or any number."""
        return (AnyClasses if self.several else OneClass)(self.class_names)

    def leading(self, values: np.ndarray) -> np.ndarray:
        """Returns the id of each row's likeliest class."""
        return values.argmax(axis=1)

    def evidence(self, outputs: Tensor, which: np.ndarray) -> Tensor:
        """Returns the log-odds of the classes `which`, in nats."""
        outputs = keras.ops.cast(outputs, "float32")
        logits = outputs
        if self.activation != "linear":
            logits = keras.ops.log(keras.ops.maximum(outputs, _LEAST))
        if self.activation == "sigmoid":
            logits -= keras.ops.log(keras.ops.maximum(1 - outputs, _LEAST))
        if outputs.shape[1] == 1:  # it speaks for the second class
            return logits[:, 0] * np.where(which, 1, -1).astype("float32")
        of_class = super().evidence(logits, which)
        if self.several or self.activation == "sigmoid":
            return of_class
        # Of the other probabilities alone: 1 minus a probability that rounds to 1 would be 0.
        chosen = one_hot(which, len(self.class_names))
        return of_class - keras.ops.logsumexp(logits - 1e9 * chosen, axis=1)

    def described(self, encoded: Any) -> list[str]:
        """Names each item's classes, with their shares where these are neither 0 nor 1."""
        rows = np.asarray(encoded)
        if rows.ndim == 1:
            return [self.class_names[i] for i in rows]
        if rows.shape[1] == 1:  # the share of the second class
            rows = np.concatenate([1 - rows, rows], axis=1)
        return [self._shares(row) for row in rows]

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
            encode=self.raw if mixes_ids and not given_soft else encode,
            solver=LogisticSolver(self.units, independent) if plain else None,
            unsolvable="" if plain else "its loss is no plain cross-entropy",
        )

    def linear_solver(self) -> LogisticSolver:
        """Returns the solver of logistic regression on shares of all classes."""
        return LogisticSolver(len(self.class_names), self.several)

    def temperature_scaling(self) -> ClassTemperature:
        """Returns how the logits, of all classes together or of each alone, are calibrated."""
        alone = self.several or (self.units > 1 and self.activation == "sigmoid")
        return ClassTemperature(self.activation, len(self.class_names), alone, self.several)

    def baseline(self, targets: Targets) -> float | None:
        """Returns the accuracy of always giving the commonest answer; `None` for unread streams."""
        assert isinstance(targets, ClassTargets)
        if targets.labels is None:
            return None
        return majority(targets.labels, multi_label=self.several)

    def guess(self, targets: Targets) -> np.ndarray | None:
        """Returns the share of each class, of which the largest is the commonest one."""
        assert isinstance(targets, ClassTargets)
        if targets.labels is None:
            return None
        labels, count = targets.labels, len(self.class_names)
        return (
            labels.mean(0)
            if labels.ndim == 2
            else np.bincount(labels, minlength=count) / len(labels)
        )

    def compare(self, first: Evaluation, second: Evaluation) -> PairedTest | None:
        """Compares the accuracies: by McNemar's test, that of tags by a paired bootstrap."""
        return compare_answers(first, second)

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

    def values(self, outputs: Any) -> np.ndarray:
        """Turns outputs into a probability for each class: `(rows, classes)`."""
        return in_numpy(self.meant(keras.ops.convert_to_tensor(outputs))[ClassReader.output])

    def decode(self, values: np.ndarray, seen: Sequence[Seen]) -> list[ClassPrediction]:
        """Makes a prediction for each item: its likeliest class, and the probabilities of all."""
        reader = self.output_reader()
        return reader.read({reader.output: values}, seen)

    def output_reader(self) -> ClassReader:
        """Returns what makes predictions of probabilities."""
        return ClassReader(self.class_names, self.several)

    def measure(self, values: np.ndarray, targets: np.ndarray) -> ClassEvaluation:
        """Returns the accuracy, the loss, the recall of each class and more."""
        return classification_figures(values, targets, self.class_names, multi_label=self.several)

    def gives(self) -> str:
        """Returns whether the outputs are probabilities or logits, and of which classes."""
        what = "a logit" if self.activation == "linear" else "a probability"
        if self.units == 1:
            return f"It gives {what} of the second of the two classes."
        return f"It gives {what} for each of the {self.units:,} classes, in their order."

    def summary(self) -> str:
        """Describes how many classes there are, and names the first five."""
        count = len(self.class_names)
        names = ", ".join([*self.class_names[:_NAMED], *["..."] * (count > _NAMED)])
        return f"{counted(count, 'class')}: {names}"

    def settings(self) -> Json:
        """Returns the names of the classes, the activation and the number of outputs."""
        names = list(self.class_names)
        return {"class_names": names, "activation": self.activation, "units": self.units}

    @classmethod
    def load(cls, settings: Json) -> Self:
        """Makes the encoding that was saved with these settings."""
        return cls(**{**settings, "class_names": tuple(settings["class_names"])})

    def meaning(self, *, soft: bool) -> Outputs:
        """Describes what the network's outputs mean.

        Args:
            soft: Whether targets are shares of classes.
        """
        return Outputs(
            count=self.units, activation=self.activation, multi_label=self.several, soft=soft
        )

    def _shares(self, row: np.ndarray) -> str:
        """Names the classes of a row of shares, the largest first."""
        order = [i for i in np.argsort(-row, kind="stable") if row[i] > 0]
        names = [
            self.class_names[i] if row[i] == 1 else f"{row[i]:.0%} {self.class_names[i]}"
            for i in order
        ]
        return ", ".join(names) or "-"


@dataclass(frozen=True, kw_only=True)
class TagEncoding(ClassEncoding):
    """Holds what a classifier knows where an item can have any number of classes."""

    name: ClassVar[str] = "tags"
    several: ClassVar[bool] = True

    @property
    def target(self) -> Target:
        """A target that reads these classes, in this order, any number for each item."""
        return Tags(self.class_names)
