"""Defines the task that learns which token comes next."""

from dataclasses import dataclass

from transferlearn.data import Target, Targets
from transferlearn.data.sequences import NextTokens, NextTokenTargets
from transferlearn.edge import Sampling, TextPrediction
from transferlearn.tasks.base import Task
from transferlearn.tasks.language.encoding import NextTokenEncoding

_TARGET = NextTokens()
_SAMPLING = Sampling()


@dataclass(frozen=True)
class LanguageModelling(Task[TextPrediction]):
    """Learns which token comes next in texts, so as to go on with them.

    Args:
        target: Says where the texts are found.
        sampling: Says how tokens are chosen where `predict` is told nothing else.
    """

    target: Target = _TARGET
    sampling: Sampling = _SAMPLING

    def learn(self, targets: Targets) -> NextTokenEncoding:
        """Learns which token ends a text; the tokens themselves are the tokenizer's."""
        if not isinstance(targets, NextTokenTargets):
            raise TypeError(f"Next tokens are learnt here. Received: {type(targets).__name__}")
        return NextTokenEncoding(end=targets.end, sampling=self.sampling)
