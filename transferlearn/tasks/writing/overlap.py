"""Counts the words and characters that written texts share with the right ones, by sacrebleu."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from transferlearn.data.messages import notice
from transferlearn.extras import install_line

_WITHOUT_BLANKS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x9FFF))


# Two methods are sacrebleu's own, by which it draws texts itself: a public one would count all
# texts again for each draw.
class Overlap:
    """Computes BLEU and chrF of sums over texts, which sacrebleu itself counts.

    Args:
        right: The right texts. Where their script has no blanks between words, as Chinese, BLEU is
            that of characters.

    Raises:
        ImportError: sacrebleu is not installed.
    """

    def __init__(self, right: Sequence[str]) -> None:
        metrics: Any = import_module("sacrebleu.metrics")
        tokenizer = "char" if _is_without_blanks("".join(right)) else "13a"
        self._right = right
        self._metrics = {"bleu": metrics.BLEU(tokenize=tokenizer), "chrf": metrics.CHRF()}

    def counted(self, texts: Sequence[str]) -> np.ndarray:
        """Counts what each text adds to the sums, float64 `(texts, quantities)`."""
        found = [
            metric._extract_corpus_statistics(texts, [self._right])  # noqa: SLF001
            for metric in self._metrics.values()
        ]
        self._widths = [len(rows[0]) for rows in found]
        return np.hstack([np.array(rows, float) for rows in found])

    def figures(self, sums: np.ndarray) -> Mapping[str, np.ndarray]:
        """Returns BLEU and chrF, from 0 to 100, of sums `(..., quantities)`."""
        parts = np.split(sums, np.cumsum(self._widths)[:-1], axis=-1)
        return {
            name: np.apply_along_axis(_score, -1, part, metric)
            for (name, metric), part in zip(self._metrics.items(), parts, strict=True)
        }

    @property
    def signatures(self) -> Mapping[str, str]:
        """How each figure was computed, in sacrebleu's own words; known once texts are counted."""
        return {name: str(metric.get_signature()) for name, metric in self._metrics.items()}


def overlap_with(right: Sequence[str]) -> Overlap | None:
    """Returns what computes BLEU and chrF; says how to install sacrebleu where it is missing."""
    try:
        return Overlap(right)
    except ImportError:
        notice(
            f"BLEU and chrF are left out, since they need sacrebleu: {install_line('translate')}"
        )
        return None


def _score(sums: np.ndarray, metric: Any) -> float:
    """Returns the score of sums over texts."""
    return float(metric._compute_score_from_stats(list(sums)).score)  # noqa: SLF001


def _is_without_blanks(text: str) -> bool:
    """Returns whether most letters are of a script without blanks between words."""
    letters = [ord(letter) for letter in text if letter.isalpha()]
    found = sum(any(low <= one <= high for low, high in _WITHOUT_BLANKS) for one in letters)
    return 2 * found > len(letters)
