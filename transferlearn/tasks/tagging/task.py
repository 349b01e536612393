"""Defines the task that learns a tag for each word of a text."""

from dataclasses import dataclass

from transferlearn.data import Target, Targets
from transferlearn.data.sequences import WordTags, WordTagTargets
from transferlearn.edge import TagPrediction
from transferlearn.edge.words.tags import are_of_entities
from transferlearn.tasks.base import Task
from transferlearn.tasks.tagging.encoding import EntityEncoding, WordTagEncoding

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
