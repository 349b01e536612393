"""Defines the task that learns a tag for each word of a text, and what it learns of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import keras

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Target, Targets
from transferlearn.data.sequences import WordTags, WordTagTargets
from transferlearn.edge import TagPrediction, TagReader
from transferlearn.edge.words.tags import are_of_entities
from transferlearn.heads import Output
from transferlearn.tasks.base import PREDICTIONS, Encoding, Task
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.optional import outputs_in_words
from transferlearn.tasks.scores import FScore, Score, Share
from transferlearn.tasks.solving.logistic import LogisticSolver
from transferlearn.tasks.tagging.figures import EntityScoring, TagScoring
from transferlearn.tasks.tagging.losses import TagAccuracy, TagCrossEntropy
from transferlearn.templates import copy_metrics
from transferlearn.types import Loss, Metrics, Tensor
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
    def target(self) -> Target:
        """Returns a target that reads these tags, in this order."""
        return WordTags(self.class_names)

    @property
    def scoring(self) -> TagScoring:
        """Returns what scores tags."""
        return TagScoring(self.class_names, self.score.name)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Returns a single output, with a number for each tag of each token."""
        return {PREDICTIONS: Output(len(self.class_names), "token")}

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

    def output_reader(self) -> TagReader:
        """Returns what makes entities of probabilities."""
        return TagReader(self.class_names)

    def summary(self) -> str:
        """Describes how many tags there are, and names them."""
        return f"{counted(len(self.class_names), 'tag')} of words: {', '.join(self.class_names)}"


@dataclass(frozen=True, kw_only=True)
class EntityEncoding(WordTagEncoding):
    """Holds the tags of words that stand for entities, in IOB2."""

    name: ClassVar[str] = "entities"
    score: ClassVar[Score] = FScore("entity_f1")
    after_epoch: ClassVar[bool] = True

    @property
    def scoring(self) -> EntityScoring:
        """Returns what scores entities."""
        return EntityScoring(self.class_names, self.score.name)


@outputs_in_words.register
def _(encoding: WordTagEncoding) -> str:
    """Describes the probabilities of tags."""
    names = ", ".join(encoding.class_names)
    return f"It gives the probability of each tag of each token: {names}."


_TAGS = WordTags()


@dataclass(frozen=True)
class TokenClassification(Task[TagPrediction]):
    """Learns a tag for each word: entities, or parts of speech.

    Args:
        target: Says where the tags are found in the data, and gives their order.
    """

    target: Target = _TAGS

    def learn(self, targets: Targets) -> WordTagEncoding:
        """Learns the tags, and whether they stand for entities."""
        if not isinstance(targets, WordTagTargets):
            raise TypeError(f"Tags of words are learnt here. Received: {type(targets).__name__}")
        family = EntityEncoding if are_of_entities(targets.class_names) else WordTagEncoding
        return family(class_names=targets.class_names)
