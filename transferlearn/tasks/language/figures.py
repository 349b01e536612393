"""Computes how well a language model foresees texts."""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Self

import numpy as np

from transferlearn.data import Targets
from transferlearn.edge import TextPrediction
from transferlearn.monitoring import Surprise
from transferlearn.tasks.figures import Evaluation, Tally
from transferlearn.tasks.intervals import bootstrap, group_sums
from transferlearn.tasks.pairs import PairedTest, compare_sums
from transferlearn.tasks.scoring import Scoring


@dataclass(frozen=True, eq=False, repr=False)
class LanguageEvaluation(Evaluation):
    """Holds the figures of a language model, beside those of the pretrained network.

    Attributes:
        sums: What each text adds: nats, tokens and bytes, float64 `(texts, 3)`.
    """

    _: KW_ONLY
    sums: np.ndarray

    def beside(self, unchanged: Evaluation, classical: Tally | None = None) -> Self:
        """Adds the perplexity and the bits a byte of the pretrained network."""
        return self.beside_pretrained(unchanged, ("perplexity", "bits_per_byte"))

    def remark(self) -> str:
        """Returns whether the pretrained network foretells the texts worse, beyond chance."""
        before = self.unchanged
        if not self["tokens"]:
            return "Each text is one token, which nothing foretells: take longer texts."
        if not isinstance(before, LanguageEvaluation):
            return ""
        test = _compared(before, self)
        share = self["perplexity"] / before["perplexity"]
        if test is not None and test.interval[0] > 0:
            return f"The perplexity is {share:.2f} of the pretrained network's, beyond chance."
        return f"The perplexity is {share:.2f} of the pretrained network's: not clearly better."


@dataclass(frozen=True)
class NextTokenScoring(Scoring[Targets, LanguageEvaluation, TextPrediction]):
    """Scores how unlikely the tokens of texts are.

    Attributes:
        vocabulary: The number of all tokens; 0: the network is not known yet.
    """

    vocabulary: int

    @property
    def guessing_loss(self) -> float:
        """The cross-entropy of a model that finds all tokens equally likely, in nats."""
        return math.log(self.vocabulary) if self.vocabulary else math.inf

    @property
    def signals(self) -> Surprise:
        """What a monitor watches: how unlikely texts are."""
        return Surprise()

    def measure(self, values: np.ndarray, targets: np.ndarray) -> LanguageEvaluation:
        """Computes perplexity and bits a byte, with intervals over texts.

        Args:
            values: How unlikely the tokens of each text are in all, in nats, and how many there
                are, float64 `(texts, 2)`.
            targets: The bytes of each text, int64 `(texts,)`.
        """
        sums = np.column_stack([values, np.asarray(targets, float)])
        figures = {name: float(value) for name, value in _figures(sums.sum(axis=0)).items()}
        intervals = bootstrap(group_sums(sums), _figures)
        count = {"count": len(sums), "tokens": float(sums[:, 1].sum())}
        return LanguageEvaluation(
            {**count, **figures},
            intervals,
            interval_methods=dict.fromkeys(intervals, "bootstrap"),
            sums=sums,
        )

    def compare(self, first: LanguageEvaluation, second: LanguageEvaluation) -> PairedTest | None:
        """Tests by how much the second score is the better one, by drawing texts."""
        return _compared(first, second)


def _compared(first: LanguageEvaluation, second: LanguageEvaluation) -> PairedTest | None:
    """Tests by how much the second token probability is larger."""
    return compare_sums(first.sums, second.sums, lambda sums: _figures(sums)["token_probability"])


def _figures(sums: np.ndarray) -> Mapping[str, np.ndarray]:
    """Returns the figures that are computed from sums over texts, `(..., 3)`."""
    nats, tokens, sizes = np.moveaxis(sums, -1, 0)
    loss = np.where(tokens > 0, nats / np.maximum(tokens, 1), np.nan)
    return {
        "perplexity": np.exp(loss),
        "bits_per_byte": np.where(tokens > 0, nats / np.log(2) / np.maximum(sizes, 1), np.nan),
        "token_probability": np.exp(-loss),
    }
