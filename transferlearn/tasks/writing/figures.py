"""Computes how good written texts are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from difflib import SequenceMatcher
from functools import partial
from typing import Self

import numpy as np

from transferlearn.data import WrittenTargets
from transferlearn.edge import TextPrediction
from transferlearn.edge.written import as_bytes, as_text
from transferlearn.json_fields import Json
from transferlearn.monitoring.outputs import Surprise
from transferlearn.tasks.figures import Evaluation, Tally
from transferlearn.tasks.intervals import bootstrap, group_sums
from transferlearn.tasks.pairs import PairedTest, compare_sums
from transferlearn.tasks.scoring import Scoring
from transferlearn.tasks.writing.errors import error_rates, errors_of
from transferlearn.tasks.writing.overlap import Overlap, overlap_with

_BESIDE = 2  # numbers before the bytes of a text: nats and tokens
_OF_TOKENS = ("perplexity", "token_probability")  # are tested as the score itself
_PLAIN = 4  # quantities that each text adds before those of errors or of an overlap


@dataclass(frozen=True, eq=False, repr=False)
class WritingEvaluation(Evaluation):
    """Holds the figures of a model that writes texts.

    Attributes:
        sums: What each text adds: itself, nats, tokens, and 1 if it is exact, then what
            `errors_of` or `overlap` counts; float64 `(texts, quantities)`.
        texts: The texts that the model wrote.
        overlap: What computes BLEU, chrF and ROUGE; `None` of what is said, and without packages.
        signatures: How BLEU, chrF and ROUGE were computed, in the words of their packages.
    """

    _: KW_ONLY
    sums: np.ndarray
    texts: tuple[str, ...]
    overlap: Overlap | None = None
    signatures: Mapping[str, str] = field(default_factory=dict)

    @property
    def wrong(self) -> np.ndarray:
        """How wrong each text is, float64 `(texts,)`; 0 where it is right.

        Of what is said it is the word error rate, of other texts the nats of a token of the right
        one.
        """
        if "word_error_rate" in self.figures:
            return error_rates(self.sums[:, _PLAIN:])["word_error_rate"]
        nats, tokens, exact = self.sums[:, 1:_PLAIN].T
        return np.where(exact, 0, nats / np.maximum(tokens, 1))

    def beside(self, unchanged: Evaluation, classical: Tally | None = None) -> Self:
        """Adds the figures of the pretrained network, such as `pretrained_chrf`."""
        return self.beside_pretrained(unchanged, [n for n in unchanged.figures if n != "count"])

    def remark(self) -> str:
        """Returns how BLEU, chrF and ROUGE were computed."""
        return "\n".join(f"{name}: {how}" for name, how in self.signatures.items())

    def to_dict(self) -> Json:
        """Returns figures, intervals and names as JSON takes them, and the signatures."""
        return {**super().to_dict(), "signatures": dict(self.signatures)}


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
    def signals(self) -> Surprise:
        """Returns that the bits a token of what is written are watched."""
        return Surprise()

    def errors(self, values: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Returns the share of characters that differ from the right text, float `(rows,)`."""
        pairs = zip(_texts_of(values), map(str, targets), strict=True)
        matched = [SequenceMatcher(None, *pair, autojunk=False).ratio() for pair in pairs]
        return 1 - np.array(matched)

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
        texts = _texts_of(values)
        right = list(map(str, targets))
        exact = [one.split() == other.split() for one, other in zip(texts, right, strict=True)]
        sums = np.column_stack([np.ones(len(texts)), values[:, :_BESIDE], exact])
        overlap = None if self.spoken else overlap_with(right)
        if self.spoken:
            sums = np.hstack([sums, errors_of(texts, right)])
        elif overlap is not None:
            sums = np.hstack([sums, overlap.counted(texts)])
        figures = {name: float(x) for name, x in _figures(sums.sum(axis=0), overlap).items()}
        intervals = bootstrap(group_sums(sums), lambda drawn: _figures(drawn, overlap))
        return WritingEvaluation(
            {"count": len(texts), **figures},
            intervals,
            interval_methods=dict.fromkeys(intervals, "bootstrap"),
            sums=sums,
            texts=tuple(texts),
            overlap=overlap,
            signatures={} if overlap is None else overlap.signatures,
        )

    def compare(self, first: WritingEvaluation, second: WritingEvaluation) -> PairedTest | None:
        """Tests by how much the second score is the better one, by drawing texts.

        BLEU, chrF, ROUGE and exact texts are tested, too, where both evaluations have them.
        """
        test = compare_sums(first.sums, second.sums, _probability)
        overlap = first.overlap
        if test is None or overlap is None or second.signatures != first.signatures:
            return test
        names = [name for name in _figures(first.sums[0], overlap) if name not in _OF_TOKENS]
        others = {
            name: compare_sums(first.sums, second.sums, partial(_figure, overlap, name))
            for name in names
        }
        return replace(test, others={name: found for name, found in others.items() if found})


def _texts_of(values: np.ndarray) -> list[str]:
    """Returns the texts that `packed` joined."""
    return [as_text(row[_BESIDE:].astype(np.uint8)) for row in values]


def _figure(overlap: Overlap, name: str, sums: np.ndarray) -> np.ndarray:
    """Returns one of the figures of sums over texts."""
    return _figures(sums, overlap)[name]


def _probability(sums: np.ndarray) -> np.ndarray:
    """Returns the score of sums over texts."""
    return np.exp(-sums[..., 1] / np.maximum(sums[..., 2], 1))


def _figures(sums: np.ndarray, overlap: Overlap | None) -> Mapping[str, np.ndarray]:
    """Returns the figures that are computed from sums over texts, `(..., quantities)`."""
    (count, nats, tokens, exact) = np.moveaxis(sums[..., :_PLAIN], -1, 0)
    counted = sums[..., _PLAIN:]
    loss = nats / np.maximum(tokens, 1)
    if overlap is not None:
        further = overlap.figures(counted)
    else:
        further = error_rates(counted) if counted.shape[-1] else {}
    return {
        **further,
        "exact": exact / np.maximum(count, 1),
        "perplexity": np.exp(loss),
        "token_probability": _probability(sums),
    }
