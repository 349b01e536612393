"""Defines what is common to models whose network gives the logits of tokens to write."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import keras

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Encoder
from transferlearn.edge import Sampling, TextPrediction, WrittenReader
from transferlearn.edge.written import LOGITS
from transferlearn.heads import Output
from transferlearn.tasks.base import PREDICTIONS, Encoding
from transferlearn.tasks.next_tokens import NextTokenCrossEntropy, TokenProbability
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.scores import Likelihood, Score
from transferlearn.templates import copy_metrics
from transferlearn.types import Loss, Metrics, Tensor


@dataclass(frozen=True, kw_only=True)
class TokenEncoding(Encoding[TextPrediction]):
    """Holds how many tokens there are, and how they are chosen.

    Attributes:
        vocabulary: The number of all tokens; 0: the network is not known yet.
        sampling: Says how tokens are chosen where `predict` is told nothing else.
    """

    score: ClassVar[Score] = Likelihood("token_probability")
    mixes: ClassVar[bool] = False
    starts_at_guessing: ClassVar[bool] = False

    vocabulary: int = 0
    sampling: Sampling

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Returns a single output, with the logits of the token behind each that is read."""
        return {PREDICTIONS: Output(self.vocabulary, "token")}

    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Loss | None) -> Self:
        """Returns this encoding with the number of tokens; refuses probabilities."""
        (output,) = outputs.values()
        if output.activation != "linear":
            raise ValueError(
                f"The network ends in {output.activation}, and its loss reads logits: leave the "
                "activation out."
            )
        return replace(self, vocabulary=output.units)

    def meant(self, outputs: Tensor) -> dict[str, Tensor]:
        """Returns the logits as they are, `(rows, tokens, all tokens)`."""
        return {LOGITS: outputs}

    def output_reader(self) -> WrittenReader:
        """Returns what makes texts of bytes."""
        return WrittenReader()


def objective_of_tokens(
    loss: Loss | None, metrics: Metrics | None, encode: Encoder | None, texts: str
) -> Objective:
    """Returns the cross-entropy of next tokens, unless there is a loss, and what else is learnt by.

    Args:
        loss: The user's loss, or `None`.
        metrics: The user's metrics, or `None`.
        encode: Makes ids of the texts to write; `None`: the items bring them.
        texts: What is learnt, in a few words, such as `"next tokens"`.
    """
    return Objective(
        loss=NextTokenCrossEntropy() if loss is None else keras.losses.get(loss),
        metrics=lambda: copy_metrics(metrics) or [TokenProbability()],
        encode=encode,
        of_tokens=True,
        unsolvable=f"{texts} are learnt by gradient steps",
    )
