"""Computes how good written texts are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np

from transferlearn.data import WrittenTargets
from transferlearn.edge import TextPrediction
from transferlearn.edge.written import as_bytes, as_text
from transferlearn.tasks.figures import Evaluation
from transferlearn.tasks.intervals import bootstrap, group_sums
from transferlearn.tasks.pairs import PairedTest, compare_sums
from transferlearn.tasks.scoring import Scoring
from transferlearn.tasks.writing.errors import error_rates, errors_of

_BESIDE = 2  # numbers before the bytes of a text: nats and tokens


@dataclass(frozen=True, eq=False, repr=False)
class WritingEvaluation(Evaluation):
    """Holds the figures of a model that writes texts.

    Attributes:
        sums: What each text adds: itself, nats, tokens, and 1 if it is exact, then what
            `errors_of` counts; float64 `(texts, quantities)`.
        texts: The texts that the model wrote.
    """

    _: KW_ONLY
    sums: np.ndarray
    texts: tuple[str, ...]


def packed(texts: Sequence[str], nats: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Joins how unlikely the right texts are with the bytes of those written, one row each.

    Args:
        texts: The texts that were written.
        nats: How unlikely the right text is, float `(texts,)`.
        tokens: How many tokens it has, `(texts,)`.

    Returns:
        float64 `(texts, 2 + bytes)`.
    """
    return np.column_stack([nats, tokens, as_bytes(texts)]).astype("float64")


@dataclass(frozen=True)
class WritingScoring(Scoring[WrittenTargets, WritingEvaluation, TextPrediction]):
    """Scores texts that were written, and how unlikely the right ones are.

    Attributes:
        vocabulary: The number of all tokens; 0: the network is not known yet.
        spoken: Whether wrong words and characters are counted, too.
    """

    vocabulary: int
    spoken: bool

    @property
    def guessing_loss(self) -> float:
        """The cross-entropy of a model that finds all tokens equally likely, in nats."""
        return math.log(self.vocabulary) if self.vocabulary else math.inf

    def measure(self, values: np.ndarray, targets: np.ndarray) -> WritingEvaluation:
        """Computes how likely the right texts are and how many were written exactly.

        Args:
            values: What `packed` gives.
            targets: The right texts, `str` objects `(texts,)`.
        """
        texts = [as_text(row[_BESIDE:].astype(np.uint8)) for row in values]
        right = list(map(str, targets))
        exact = [one.split() == other.split() for one, other in zip(texts, right, strict=True)]
        sums = np.column_stack([np.ones(len(texts)), values[:, :_BESIDE], exact])
        if self.spoken:
            sums = np.hstack([sums, errors_of(texts, right)])
        figures = {name: float(value) for name, value in _figures(sums.sum(axis=0)).items()}
        intervals = bootstrap(group_sums(sums), _figures)
        return WritingEvaluation(
            {"count": len(texts), **figures},
            intervals,
            interval_methods=dict.fromkeys(intervals, "bootstrap"),
            sums=sums,
            texts=tuple(texts),
        )

    def compare(self, first: WritingEvaluation, second: WritingEvaluation) -> PairedTest | None:
        """Tests by how much the second score is the better one, by drawing texts."""
        return compare_sums(
            first.sums, second.sums, lambda sums: _figures(sums)["token_probability"]
        )


def _figures(sums: np.ndarray) -> Mapping[str, np.ndarray]:
    """Returns the figures that are computed from sums over texts, `(..., 4)`."""
    (count, nats, tokens, exact), counted = np.moveaxis(sums[..., :4], -1, 0), sums[..., 4:]
    loss = nats / np.maximum(tokens, 1)
    return {
        **(error_rates(counted) if counted.shape[-1] else {}),
        "exact": exact / np.maximum(count, 1),
        "perplexity": np.exp(loss),
        "token_probability": np.exp(-loss),
    }
