"""Defines the task that learns to write a text for each item."""

from dataclasses import dataclass

from transferlearn.data import Target, Targets, Written, WrittenTargets
from transferlearn.edge import Sampling, TextPrediction
from transferlearn.tasks.base import Task
from transferlearn.tasks.writing.encoding import WritingEncoding

_TARGET = Written()
_SAMPLING = Sampling(max_new_tokens=128)


@dataclass(frozen=True)
class Writing(Task[TextPrediction]):
    """Learns to write a text for each item, such as a translation, a summary or what is said.

    Args:
        target: Says where the texts are found.
        sampling: Says how tokens are chosen where `predict` is told nothing else.
        spoken: Whether the texts are what is said, so that words are counted without regard to
            capitals and punctuation.
    """

    target: Target = _TARGET
    sampling: Sampling = _SAMPLING
    spoken: bool = False

    def learn(self, targets: Targets) -> WritingEncoding:
        """Learns nothing yet: which tokens there are, the backbone knows."""
        if not isinstance(targets, WrittenTargets):
            raise TypeError(f"Texts are learnt here. Received: {type(targets).__name__}")
        languages = self.target.languages if isinstance(self.target, Written) else None
        return WritingEncoding(sampling=self.sampling, spoken=self.spoken, languages=languages)
