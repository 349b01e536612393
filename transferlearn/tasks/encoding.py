"""Defines the base class of encodings: what was learnt of the targets, and what follows from it."""

import abc
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Self

import keras
import numpy as np
from typing_extensions import TypeVar

from transferlearn.assembling import NetworkOutput
from transferlearn.backbones.graph import before_last_layer
from transferlearn.data import Encoder, Kind, Spec, Target, Targets
from transferlearn.edge import OutputReader, RawReader, Seen
from transferlearn.heads import Output
from transferlearn.monitoring import OutputSignals, Unwatched
from transferlearn.tasks.answering import Answerer, OnePass
from transferlearn.tasks.figures import Evaluation, Tally
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.pairs import PairedTest
from transferlearn.tasks.scores import Score
from transferlearn.tasks.solving.solver import Solver
from transferlearn.tasks.temperature import TemperatureScaling
from transferlearn.types import Json, Loss, Metrics, Tensor

Prediction = TypeVar("Prediction", covariant=True, default=Any)
PREDICTIONS = "predictions"  # the name of the output, in a network that has only one


class Encoding(abc.ABC, Generic[Prediction]):
    """Holds what was learnt of the targets, and makes losses, predictions and figures by it.

    Subclasses are frozen dataclasses of what was learnt (names of classes, mean and spread), which
    a save holds as JSON.

    Attributes:
        name: The word by which a save knows the encoding, such as `"classes"`.
        score: The score by which weights, trials and networks are compared.
        starts_at_guessing: Whether an untrained head's loss is about `guessing_loss`, so that a
            loss far above it has exploded.
        mixes: Whether the targets of items can be mixed in pairs, as `mixup` does.
        varied: The names of the augmentations that builders of this task take, the weakest first.
        field: The word for tasks of this sort, such as `"classification"`.
        by_batch: Whether values are as large as items, such as masks: then only those of a batch
            are held at a time, and `tally` says what is kept of them.
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
    by_batch: ClassVar[bool] = False
    after_epoch: ClassVar[bool] = False

    @property
    def guessing_loss(self) -> float:
        """The loss of a model that knows nothing; infinity where that is not known."""
        return math.inf

    @property
    @abc.abstractmethod
    def target(self) -> Target:
        """The target that reads other data in the way the training data was read."""

    @property
    @abc.abstractmethod
    def outputs(self) -> Mapping[str, Output]:
        """The outputs that a network must have, by name."""

    @property
    def inputs(self) -> Mapping[str, Spec]:
        """A network's inputs besides the items, by name, such as a decoder's token ids."""
        return {}

    @property
    def default_inputs(self) -> Mapping[str, np.ndarray]:
        """One item's value of each of `inputs` where no targets are known; by default, zeros."""
        return {name: spec.zeros() for name, spec in self.inputs.items()}

    def answerer(self, model: keras.Model, kind: Kind, **options: Any) -> Answerer:
        """Returns what answers items with a model; by default, one forward pass does.

        Args:
            model: The trained network.
            kind: The kind that reads the items.
            options: What else `predict` was given, such as `beams`; by default, it takes nothing.
        """
        if options:
            raise TypeError(f"A model of {self.name} takes no {', '.join(options)} in predict.")
        return OnePass(self, model)

    def scorer(self, model: keras.Model, kind: Kind) -> Answerer:
        """Returns what answers items for `measure`; by default, what answers them for `predict`."""
        return self.answerer(model, kind)

    @property
    def raw(self) -> Encoder | None:
        """The encoder of targets for `measure`; `None`: it takes them as streams give them."""
        return None

    @property
    def answers(self) -> tuple[str, ...]:
        """The names of what can be explained, in order, such as classes; by default none."""
        return ()

    @property
    def watched(self) -> OutputSignals:
        """What a monitor watches of `numbers`; by default nothing but the items."""
        return Unwatched()

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Returns the numbers of each item that logs and monitors keep; by default, the values."""
        return values

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns how wrong each item's answer is, float `(items,)`; 0 is right."""
        return self.watched.errors(values, targets)

    def features(self, model: keras.Model) -> Tensor:
        """Returns the tensor of an item's features in a network, for monitors and pictures.

        Raises:
            ValueError: It is not known where they are.
        """
        return before_last_layer(model)

    def leading(self, values: np.ndarray) -> np.ndarray:
        """Returns the number of the answer to explain, int64 `(rows,)`; by default the first."""
        return np.zeros(len(values), int)

    def evidence(self, outputs: Tensor, which: np.ndarray) -> Tensor:
        """Returns how much speaks for the answers `which`, `(rows,)`; by default their outputs.

        It must be made by `keras.ops`, since its gradient is taken.

        Args:
            outputs: The network's outputs, `(rows, units)`.
            which: The number of an answer for each row, int64 `(rows,)`.
        """
        return keras.ops.take_along_axis(outputs, which[:, None], axis=1)[:, 0]

    def described(self, encoded: Any) -> list[str]:
        """Describes in a few words what each target of a batch is, as the loss reads it."""
        parts = [np.asarray(part, float) for part in keras.tree.flatten(encoded)]
        rows = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
        return [", ".join(f"{number:.4g}" for number in row) for row in rows]

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

    def linear_solver(self) -> Solver | None:
        """Returns the solver of a linear layer that learns `raw` targets; `None`: there is none."""
        return None

    def temperature_scaling(self) -> TemperatureScaling | None:
        """Returns how the network's logits are calibrated; `None`: it has no logits."""
        return None

    def baseline(self, targets: Targets) -> float | None:
        """Returns the score of guessing, by the commonest class or the mean; `None`: not known."""
        return None

    def guess(self, targets: Targets) -> np.ndarray | None:
        """Returns one item's values by a model that saw these targets alone; `None`: not known."""
        return None

    def guessed(self, guess: np.ndarray, seen: Evaluation) -> Evaluation:
        """Scores a guess of all items that were evaluated, see `guess`."""
        assert seen.targets is not None
        return self.measure(np.repeat(guess[None], len(seen.targets), axis=0), seen.targets)

    def compare(self, first: Evaluation, second: Evaluation) -> PairedTest | None:
        """Tests by how much the second score of the same items is better; `None`: no such test."""
        return None

    def decided_by(self, held_out: Evaluation) -> Self:
        """Returns this encoding with what held-out items decide; by default, nothing."""
        return self

    @abc.abstractmethod
    def values(self, outputs: Any) -> np.ndarray:
        """Turns a network's outputs into what they mean, such as probabilities, row by row."""

    def meant(self, outputs: Any) -> dict[str, Any]:
        """Turns a network's outputs into what an export gives, by name; by default, as they are.

        It must be made by `keras.ops`, since it becomes a part of the exported network. Where there
        is one, it is what `values` gives. Several outputs keep their names.
        """
        return dict(outputs) if isinstance(outputs, Mapping) else {PREDICTIONS: outputs}

    def of_named(self, named: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the `values` that an export's arrays hold; by default, its only array."""
        (values,) = named.values()
        return values

    def output_reader(self) -> OutputReader:
        """Returns what makes predictions of exported outputs; by default they stay as they are."""
        return RawReader()

    @abc.abstractmethod
    def decode(self, values: np.ndarray, seen: Sequence[Seen]) -> list[Prediction]:
        """Turns values into predictions, one for each item."""

    @abc.abstractmethod
    def measure(self, values: np.ndarray, targets: np.ndarray) -> Evaluation:
        """Scores values against raw targets, or against those that `raw` makes."""

    def tally(
        self, values: np.ndarray, targets: np.ndarray, unchanged: np.ndarray | None = None
    ) -> Tally:
        """Counts what a batch's values and raw targets add to the figures, if `by_batch`.

        Args:
            values: The values of the batch.
            targets: Its raw targets.
            unchanged: What `unchanged` gives for its items.
        """
        raise TypeError(f"by_batch is True, so {type(self).__name__} needs a tally of its own.")

    def unchanged(self, items: Any) -> np.ndarray | None:
        """Returns the values of a model that gives raw items back; `None`: items are no answers."""
        return None

    def classical(
        self, unchanged: np.ndarray, targets: np.ndarray, *, before: int, of: int | None
    ) -> Tally | None:
        """Counts what a method without learning adds, for a batch after `before` of `of` items."""
        return None

    def tally_of(
        self, prediction: Any, target: np.ndarray, unchanged: np.ndarray | None = None
    ) -> Tally:
        """Counts what a prediction in its photo's own size adds, where predictions are maps."""
        raise TypeError(f"{type(self).__name__} needs a tally of predictions for tile.")

    def gives(self) -> str:
        """Describes in a sentence what the network returns, for those who call it alone."""
        return ""

    @abc.abstractmethod
    def summary(self) -> str:
        """Describes in a few words what was learnt, such as `"2 classes: cat, dog"`."""

    @abc.abstractmethod
    def settings(self) -> Json:
        """Returns what a save has to hold, so that `load` can make this encoding again."""

    @classmethod
    @abc.abstractmethod
    def load(cls, settings: Json) -> Self:
        """Makes the encoding that was saved with these settings."""

    def write(self, folder: Path) -> None:
        """Writes the files that a save needs besides the settings; by default, it writes none."""

    @classmethod
    def read(cls, settings: Json, folder: Path) -> Self:
        """Makes the encoding of settings, and of the files that `write` wrote."""
        return cls.load(settings)
