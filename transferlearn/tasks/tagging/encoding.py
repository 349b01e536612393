"""Holds what a model of words knows of their tags."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import keras
import numpy as np

from transferlearn.assembling import NetworkOutput
from transferlearn.backbones.graph import before_last_layer
from transferlearn.data import Target, Targets
from transferlearn.data.sequences import WordTags, WordTagTargets
from transferlearn.edge import Seen, TagPrediction, TagReader
from transferlearn.edge.words.predictions import means_of_words
from transferlearn.heads import Output
from transferlearn.monitoring import TagShares
from transferlearn.tasks.base import PREDICTIONS, Encoding, in_numpy
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.pairs import PairedTest
from transferlearn.tasks.scores import FScore, Score, Share
from transferlearn.tasks.solving.logistic import LogisticSolver
from transferlearn.tasks.tagging.figures import TagEvaluation, compare_tags, tag_figures
from transferlearn.tasks.tagging.losses import TagAccuracy, TagCrossEntropy
from transferlearn.templates import copy_metrics
from transferlearn.types import Json, Loss, Metrics, Tensor
from transferlearn.wording import counted


@dataclass(frozen=True, kw_only=True)
class WordTagEncoding(Encoding[TagPrediction]):
    """Holds the tags that words may have, such as parts of speech.

    Attributes:
        class_names: The tags, in the order of the outputs.
    """

    name: ClassVar[str] = "word-tags"
    field: ClassVar[str] = "token-classification"
    score: ClassVar[Score] = Share("accuracy")
    mixes: ClassVar[bool] = False

    class_names: tuple[str, ...]

    @property
    def guessing_loss(self) -> float:
        """Returns the cross-entropy of a model that finds all tags equally likely, in nats."""
        return math.log(len(self.class_names))

    @property
    def target(self) -> Target:
        """Returns a target that reads these tags, in this order."""
        return WordTags(self.class_names)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Returns a single output, with a number for each tag of each token."""
        return {PREDICTIONS: Output(len(self.class_names), "token")}

    @property
    def watched(self) -> TagShares:
        """Watches how much of a text each tag has."""
        return TagShares(self.class_names)

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Returns the mean probability of each tag in each text, `(texts, tags)`."""
        return means_of_words(values)

    def features(self, model: keras.Model) -> Tensor:
        """Returns the features of the first token, which stands for the whole text."""
        return before_last_layer(model)[:, 0]

    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Loss | None) -> Self:
        """Refuses outputs with an activation, or with more or fewer units than tags."""
        (output,) = outputs.values()
        if output.units != len(self.class_names) or output.activation != "linear":
            raise ValueError(
                f"The head gives {output.units} numbers a token with the activation "
                f"{output.activation}, for {len(self.class_names)} tags. Its last layer should be "
                f"Dense({len(self.class_names)}), without activation."
            )
        return self

    def finish(self, outputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Adds a float32 layer that makes probabilities of the head's numbers."""
        ((name, logits),) = outputs.items()
        shares = keras.layers.Activation("softmax", dtype="float32", name="tag_shares")
        return {name: shares(logits)}

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes the cross-entropy of words, unless there is a loss, and the accuracy of words."""
        if mixed:
            raise ValueError("Tags of words cannot be mixed: leave mixup out.")
        return Objective(
            loss=TagCrossEntropy() if loss is None else keras.losses.get(loss),
            metrics=lambda: copy_metrics(metrics) or [TagAccuracy()],
            encode=None,
            solver=LogisticSolver(len(self.class_names), False) if loss is None else None,
            of_tokens=True,
            unsolvable="" if loss is None else "its loss is no plain cross-entropy",
        )

    def baseline(self, targets: Targets) -> float | None:
        """Returns the accuracy of always giving the commonest tag."""
        assert isinstance(targets, WordTagTargets)
        ids = np.concatenate(list(targets.rows))
        return float(np.bincount(ids[ids >= 0]).max() / max(1, (ids >= 0).sum()))

    def compare(self, first: Evaluation, second: Evaluation) -> PairedTest | None:
        """Tests by how much the second score is the better one, by drawing texts."""
        assert isinstance(first, TagEvaluation)
        assert isinstance(second, TagEvaluation)
        return compare_tags(first, second, self.score.name)

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns the share of each text's words with a wrong tag, by the likeliest tags alone."""
        length = min(values.shape[1], targets.shape[1])
        values, targets = values[:, :length], targets[:, :length]
        known = (targets >= 0) & (values > 0).any(axis=-1)
        wrong = (values.argmax(axis=-1) != targets) & known
        return np.asarray(wrong.sum(axis=1) / np.maximum(known.sum(axis=1), 1))

    def values(self, outputs: Any) -> np.ndarray:
        """Returns the probabilities as they are."""
        return np.asarray(in_numpy(outputs))

    def meant(self, outputs: Tensor) -> dict[str, Tensor]:
        """Returns the probabilities as they are, `(rows, tokens, tags)`."""
        return {TagReader.output: outputs}

    def output_reader(self) -> TagReader:
        """Returns what makes entities of probabilities."""
        return TagReader(self.class_names)

    def decode(self, values: np.ndarray, seen: Sequence[Seen]) -> list[TagPrediction]:
        """Makes a prediction for each text, of the probabilities of its words."""
        reader = self.output_reader()
        return reader.read({reader.output: values}, seen)

    def measure(self, values: np.ndarray, targets: np.ndarray) -> TagEvaluation:
        """Returns precision, recall and F1 by type, and the accuracy of words."""
        return tag_figures(values, targets, self.class_names)

    def described(self, encoded: Any) -> list[str]:
        """Names the tags of each text."""
        return [" ".join(self.class_names[i] for i in ids if i >= 0) for ids in np.asarray(encoded)]

    def gives(self) -> str:
        """Describes what the network gives, for those who call it without this package."""
        return f"It gives the probability of each tag of each token: {', '.join(self.class_names)}."

    def summary(self) -> str:
        """Describes how many tags there are, and names them."""
        return f"{counted(len(self.class_names), 'tag')} of words: {', '.join(self.class_names)}"

    def settings(self) -> Json:
        """Returns the tags."""
        return {"class_names": list(self.class_names)}

    @classmethod
    def load(cls, settings: Json) -> Self:
        """Makes the encoding that was saved with these settings."""
        return cls(class_names=tuple(settings["class_names"]))


@dataclass(frozen=True, kw_only=True)
class EntityEncoding(WordTagEncoding):
    """Holds the tags of words that stand for entities, in IOB2."""

    name: ClassVar[str] = "entities"
    score: ClassVar[Score] = FScore("entity_f1")
    after_epoch: ClassVar[bool] = True

    def baseline(self, targets: Targets) -> float | None:
        """Returns 0, the F1 of finding nothing."""
        return 0.0
