"""Counts what written texts share with the right ones, by sacrebleu and by rouge_score."""

import abc
import contextlib
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from transferlearn.data.messages import notice
from transferlearn.extras import install_line

_WITHOUT_BLANKS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x9FFF))
_ROUGE = ("rouge1", "rouge2", "rougeL")


class Measure(abc.ABC):
    """Computes figures of sums over texts.

    Attributes:
        name: The name by which its signature is known.
    """

    name: str

    @abc.abstractmethod
    def counted(self, texts: Sequence[str]) -> np.ndarray:
        """Counts what each text adds to the sums, float64 `(texts, quantities)`."""

    @abc.abstractmethod
    def figures(self, sums: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns the figures of sums `(..., quantities)`."""

    @property
    @abc.abstractmethod
    def signature(self) -> str:
        """How the figures were computed; known once texts are counted."""


# Two methods are sacrebleu's own, by which it draws texts itself: a public one would count all
# texts again for each draw.
class _OfSacrebleu(Measure):
    """Computes BLEU or chrF, from 0 to 100."""

    def __init__(self, name: str, metric: Any, right: Sequence[str]) -> None:
        self.name = name
        self._metric = metric
        self._right = right

    def counted(self, texts: Sequence[str]) -> np.ndarray:
        found = self._metric._extract_corpus_statistics(texts, [self._right])  # noqa: SLF001
        return np.array(found, float)

    def figures(self, sums: np.ndarray) -> Mapping[str, np.ndarray]:
        return {self.name: np.apply_along_axis(_score, -1, sums, self._metric)}

    @property
    def signature(self) -> str:
        return str(self._metric.get_signature())


class _Rouge(Measure):
    """Computes the mean F1 of words, of two words in a row and of the longest sequence.

    rouge_score's own words are of the letters a to z; texts with others are cut into words here.
    """

    name = "rouge"

    def __init__(self, right: Sequence[str]) -> None:
        rouge: Any = import_module("rouge_score.rouge_scorer")
        letters = [one for text in right for one in text if one.isalpha()]
        self._is_plain = all(map(str.isascii, letters))
        self._scorer = rouge.RougeScorer(_ROUGE, tokenizer=None if self._is_plain else _Words())
        self._right = right

    def counted(self, texts: Sequence[str]) -> np.ndarray:
        pairs = zip(self._right, texts, strict=True)
        scores = [self._scorer.score(*pair) for pair in pairs]
        return np.array([[1, *(of[name].fmeasure for name in _ROUGE)] for of in scores], float)

    def figures(self, sums: np.ndarray) -> Mapping[str, np.ndarray]:
        means = sums[..., 1:] / np.maximum(sums[..., :1], 1)
        return dict(zip(_ROUGE, np.moveaxis(means, -1, 0), strict=True))

    @property
    def signature(self) -> str:
        words = "its own words" if self._is_plain else "words of letters and digits of any script"
        return f"rouge_score {version('rouge_score')}, F1, no stemmer, {words}"


class _Words:
    """Cuts texts of any script into words; where there are no blanks, into characters."""

    def tokenize(self, text: str) -> list[str]:
        words = re.findall(r"\w+", text.casefold())
        return [part for word in words for part in (word if _is_without_blanks(word) else [word])]


class Overlap:
    """Computes the figures of several measures of sums over texts.

    Args:
        measures: The measures.
    """

    def __init__(self, measures: Sequence[Measure]) -> None:
        self._measures = measures

    def counted(self, texts: Sequence[str]) -> np.ndarray:
        """Counts what each text adds to the sums, float64 `(texts, quantities)`."""
        found = [measure.counted(texts) for measure in self._measures]
        self._widths = [rows.shape[1] for rows in found]
        return np.hstack(found)

    def figures(self, sums: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns all figures of sums `(..., quantities)`."""
        parts = np.split(sums, np.cumsum(self._widths)[:-1], axis=-1)
        pairs = zip(self._measures, parts, strict=True)
        return {name: x for one, part in pairs for name, x in one.figures(part).items()}

    @property
    def signatures(self) -> Mapping[str, str]:
        """How each figure was computed; known once texts are counted."""
        return {measure.name: measure.signature for measure in self._measures}


def overlap_with(right: Sequence[str]) -> Overlap | None:
    """Returns what computes BLEU, chrF and ROUGE of texts, by those packages that are installed.

    Says how to install sacrebleu where it is missing. Of texts in a script without blanks between
    words, such as Chinese, BLEU is that of characters.

    Args:
        right: The right texts.
    """
    measures = list[Measure]()
    try:
        metrics: Any = import_module("sacrebleu.metrics")
    except ImportError:
        notice(
            f"BLEU and chrF are left out, since they need sacrebleu: {install_line('translate')}"
        )
    else:
        words = "char" if _is_without_blanks("".join(right)) else "13a"
        found = {"bleu": metrics.BLEU(tokenize=words), "chrf": metrics.CHRF()}
        measures += [_OfSacrebleu(name, metric, right) for name, metric in found.items()]
    with contextlib.suppress(ImportError):  # it is for summaries, and most models translate
        measures.append(_Rouge(right))
    return Overlap(measures) if measures else None


def _score(sums: np.ndarray, metric: Any) -> float:
    """Returns the score of sums over texts."""
    return float(metric._compute_score_from_stats(list(sums)).score)  # noqa: SLF001


def _is_without_blanks(text: str) -> bool:
    """Returns whether most letters are of a script without blanks between words."""
    letters = [ord(letter) for letter in text if letter.isalpha()]
    found = sum(any(low <= one <= high for low, high in _WITHOUT_BLANKS) for one in letters)
    return 2 * found > len(letters)
