"""Holds what a language model knows of the tokens that it writes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import keras

from transferlearn.assembling import NetworkOutput
from transferlearn.data import Corpus, Kind, NextTokens, Target, Targets
from transferlearn.edge import Sampling, TextPrediction, WrittenReader
from transferlearn.edge.written import LOGITS
from transferlearn.heads import Output
from transferlearn.json_fields import Json
from transferlearn.tasks.answering import Answerer
from transferlearn.tasks.base import PREDICTIONS, Encoding
from transferlearn.tasks.language.answering import Likelihoods, Writing
from transferlearn.tasks.language.figures import NextTokenScoring
from transferlearn.tasks.next_tokens import NextTokenCrossEntropy, TokenProbability
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.optional import outputs_in_words, scorer
from transferlearn.tasks.scores import Likelihood, Score
from transferlearn.templates import copy_metrics
from transferlearn.types import Loss, Metrics, Tensor


@dataclass(frozen=True, kw_only=True)
class NextTokenEncoding(Encoding[TextPrediction]):
    """Holds how many tokens there are, which one ends a text, and how they are chosen.

    Attributes:
        vocabulary: The number of all tokens; 0: the network is not known yet.
        end: The id of the token that ends a text; -1: there is none.
        sampling: Says how tokens are chosen where `predict` is told nothing else.
    """

    name: ClassVar[str] = "next-tokens"
    field: ClassVar[str] = "text-generation"
    score: ClassVar[Score] = Likelihood("token_probability")
    mixes: ClassVar[bool] = False
    starts_at_guessing: ClassVar[bool] = False

    vocabulary: int = 0
    end: int = -1
    sampling: Sampling

    @property
    def answers_untrained(self) -> bool:
        """Returns that the pretrained network goes on with texts, too."""
        return True

    @property
    def target(self) -> Target:
        """Returns a target that reads texts to learn from."""
        return NextTokens()

    @property
    def scoring(self) -> NextTokenScoring:
        """Returns what computes perplexity and bits a byte."""
        return NextTokenScoring(self.vocabulary)

    @property
    def outputs(self) -> Mapping[str, Output]:
        """Returns a single output, with the logits of the next token of each token."""
        return {PREDICTIONS: Output(self.vocabulary, "token")}

    def answerer(self, model: keras.Model, kind: Kind, **options: Any) -> Answerer:
        """Returns what goes on with prompts.

        Args:
            model: The trained network.
            kind: The kind that reads the prompts.
            options: Settings of a `Sampling` that differ from the model's own.
        """
        if not isinstance(kind, Corpus):
            raise ValueError(f"a language model goes on with texts, and not with {kind.name}.")
        return Writing(model, kind, self.sampling.changed(options), self.end)

    def of_network(self, outputs: Mapping[str, NetworkOutput], loss: Loss | None) -> Self:
        """Returns this encoding with the number of tokens; refuses probabilities."""
        (output,) = outputs.values()
        if output.activation != "linear":
            raise ValueError(
                f"The network ends in {output.activation}, and its loss reads logits: leave the "
                "activation out."
            )
        return replace(self, vocabulary=output.units)

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes the cross-entropy of next tokens, unless there is a loss."""
        if mixed:
            raise ValueError("Next tokens cannot be mixed: leave mixup out.")
        return Objective(
            loss=NextTokenCrossEntropy() if loss is None else keras.losses.get(loss),
            metrics=lambda: copy_metrics(metrics) or [TokenProbability()],
            encode=None,
            of_tokens=True,
            unsolvable="next tokens are learnt by gradient steps",
        )

    def meant(self, outputs: Tensor) -> dict[str, Tensor]:
        """Returns the logits as they are, `(rows, tokens, all tokens)`."""
        return {LOGITS: outputs}

    def output_reader(self) -> WrittenReader:
        """Returns what makes texts of bytes."""
        return WrittenReader()

    def summary(self) -> str:
        """Describes how many tokens there are."""
        return f"next tokens, of {self.vocabulary:,}" if self.vocabulary else "next tokens"

    def settings(self) -> Json:
        """Returns the number of tokens, and how they are chosen."""
        sampling = asdict(self.sampling)
        sampling["stop"] = list(self.sampling.stop)
        return {"vocabulary": self.vocabulary, "end": self.end, "sampling": sampling}

    @classmethod
    def load(cls, settings: Json) -> Self:
        """Makes the encoding that was saved with these settings."""
        sampling = Sampling(**settings["sampling"])
        return cls(vocabulary=settings["vocabulary"], end=settings["end"], sampling=sampling)


@outputs_in_words.register
def _(encoding: NextTokenEncoding) -> str:
    """Describes the logits."""
    return "It gives the logits of the token that comes after each token."


@scorer.register
def _(encoding: NextTokenEncoding, model: keras.Model, kind: Kind) -> Likelihoods:
    """Returns what tells how likely the tokens of texts are."""
    return Likelihoods(encoding, model)
