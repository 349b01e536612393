"""Defines the base class of encodings: what was learnt of the targets, and what follows from it."""

import abc
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, Self

import keras
from typing_extensions import TypeVar

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Kind, Spec, Target, Targets
from transferlearn.edge import OutputReader
from transferlearn.heads import Output
from transferlearn.json_fields import Json
from transferlearn.tasks.answering import Answerer, OnePass
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.scores import Score
from transferlearn.tasks.scoring import Scoring
from transferlearn.types import Loss, Metrics, Tensor

Prediction = TypeVar("Prediction", covariant=True, default=Any)
PREDICTIONS = "predictions"  # the name of the output, in a network that has only one


class Encoding(abc.ABC, Generic[Prediction]):
    """Holds what was learnt of the targets, and says what a network needs of it.

    Subclasses are frozen dataclasses of what was learnt (names of classes, mean and spread), which
    a save holds as JSON. `scoring` computes the figures. What else can be said of a task are
    functions that are registered by the type of the encoding: `tl.tasks.linear_solver`,
    `temperature_scaling`, `decided_by`, `scorer` and `outputs_in_words`,
    `tl.explaining.answers_of`, `tl.plotting.targets_in_words` and `tl.plotting.draw_targets`.

    Attributes:
        name: The word by which a save knows the encoding, such as `"classes"`.
        score: The score by which weights, trials and networks are compared.
        starts_at_guessing: Whether an untrained head's loss is about `Scoring.guessing_loss`, so
            that a loss far above it has exploded.
        mixes: Whether the targets of items can be mixed in pairs, as `mixup` does.
        varied: The names of the augmentations that builders of this task take, the weakest first.
        field: The word for tasks of this sort, such as `"classification"`.
        after_epoch: Whether the score needs whole answers, such as the F1 of entities or mean
            average precision, so that no metric adds it up: it is computed after each epoch on the
            items held out, as `evaluate` does.
    """

    name: ClassVar[str]
    field: ClassVar[str] = "prediction"
    score: ClassVar[Score]
    starts_at_guessing: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    varied: ClassVar[tuple[str, ...]] = ("none", "light", "strong")
    after_epoch: ClassVar[bool] = False

    @property
    def answers_untrained(self) -> bool:
        """Returns whether the pretrained network answers before it is trained, as a language model.

        Its figures then stand beside those of the trained one.
        """
        return False

    @property
    @abc.abstractmethod
    def target(self) -> Target:
        """The target that reads other data in the way the training data was read."""

    @property
    @abc.abstractmethod
    def scoring(self) -> Scoring:
        """Returns what computes the figures of answers, and compares them."""

    @property
    @abc.abstractmethod
    def outputs(self) -> Mapping[str, Output]:
        """The outputs that a network must have, by name."""

    @property
    def inputs(self) -> Mapping[str, Spec]:
        """A network's inputs besides the items, by name, such as a decoder's token ids.

        Where no targets are known, each has the `default` of its `Spec`.
        """
        return {}

    def begin(self, items: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Adds the first layers, before the backbone's preprocessing; by default, none."""
        return items

    def finish(self, outputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Adds the last layers, which are not the head's own, behind the head's outputs."""
        return outputs

    @abc.abstractmethod
    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Loss | None) -> Self:
        """Checks a network's outputs, and gives this encoding with what they are.

        Args:
            outputs: The network's outputs, by name.
            loss: The builder's loss; `None`: the one that fits the outputs.

        Raises:
            ValueError: The outputs do not fit what is to be learnt.
        """

    @abc.abstractmethod
    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Chooses the loss, the metrics and the form of the targets for the training.

        Args:
            loss: The builder's loss; `None`: the one that fits the outputs.
            metrics: The builder's metrics, which are copied; `None`: those that fit.
            targets: The targets to train on; `None` where they are not known yet.
            mixed: Whether items, and their targets with them, are mixed in training.

        Raises:
            ValueError: The metrics do not go with the loss.
        """

    def meant(self, outputs: object) -> Json:
        """Turns a network's outputs into what they mean, such as probabilities, by name.

        By default they stay as they are; several outputs keep their names, and one has that which
        the reader knows. It must be made by `keras.ops`, since an exported network has it inside.
        """
        if isinstance(outputs, Mapping):
            return dict(outputs)
        return {self.output_reader().output or PREDICTIONS: outputs}

    @abc.abstractmethod
    def output_reader(self) -> OutputReader[Prediction]:
        """Returns what makes predictions of what the outputs mean.

        `tl.edge.RawReader()` leaves them as they are.
        """

    def answerer(self, model: keras.Model, kind: Kind, **options: object) -> Answerer:
        """Returns what answers items with a model; by default, one forward pass does.

        Args:
            model: The trained network.
            kind: The kind that reads the items.
            options: What else `predict` was given, such as `beams`; by default, it takes nothing.
        """
        if options:
            raise TypeError(f"A model of {self.name} takes no {', '.join(options)} in predict.")
        return OnePass(self, model)

    @abc.abstractmethod
    def summary(self) -> str:
        """Describes in a few words what was learnt, such as `"2 classes: cat, dog"`."""

    def settings(self) -> Json:
        """Returns what a save has to hold, so that `load` can make this encoding again."""
        found = asdict(self)  # type: ignore[call-overload]  # subclasses are dataclasses
        return {n: list(part) if isinstance(part, tuple) else part for n, part in found.items()}

    @classmethod
    def load(cls, settings: Json) -> Self:
        """Makes the encoding that was saved with these settings."""
        return cls(**{n: tuple(p) if isinstance(p, list) else p for n, p in settings.items()})

    def write(self, folder: Path) -> None:
        """Writes the files that a save needs besides the settings; by default, it writes none."""

    @classmethod
    def read(cls, settings: Json, folder: Path) -> Self:
        """Makes the encoding of settings, and of the files that `write` wrote."""
        return cls.load(settings)
