"""Holds what a language model knows of the tokens that it writes."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import keras

from transferlearn.data import Corpus, Kind, NextTokens, Target, Targets
from transferlearn.edge import Sampling
from transferlearn.json_fields import Json
from transferlearn.tasks.answering import Answerer
from transferlearn.tasks.language.answering import Likelihoods, Writing
from transferlearn.tasks.language.figures import NextTokenScoring
from transferlearn.tasks.objective import Objective
from transferlearn.tasks.optional import outputs_in_words, scorer
from transferlearn.tasks.token_encoding import TokenEncoding, objective_of_tokens
from transferlearn.types import Loss, Metrics


@dataclass(frozen=True, kw_only=True)
class NextTokenEncoding(TokenEncoding):
    """Holds how many tokens there are, which one ends a text, and how they are chosen.

    Attributes:
        end: The id of the token that ends a text; -1: there is none.
    """

    name: ClassVar[str] = "next-tokens"
    field: ClassVar[str] = "text-generation"

    end: int = -1

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

    def objective(
        self, *, loss: Loss | None, metrics: Metrics | None, targets: Targets | None, mixed: bool
    ) -> Objective:
        """Takes the cross-entropy of next tokens, unless there is a loss."""
        if mixed:
            raise ValueError("Next tokens cannot be mixed: leave mixup out.")
        return objective_of_tokens(loss, metrics, None, "next tokens")

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
