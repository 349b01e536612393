"""Finds pairs of texts that hardly belong together, by their lengths and their scripts."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from transferlearn.data.messages import indented, notice
from transferlearn.wording import counted

_LEAST = 10  # pairs, below which nothing is known of what is usual
_SHORT = 10  # characters, added to both lengths, since short texts differ much
_TIMES = 3.0  # the usual proportion of lengths
_DEVIATIONS = 5.0  # as many standard deviations, by the median deviation
_LOOKED_AT = 200  # characters of a text by which its script is known
_USUAL = 0.6  # of the texts of one side that have the same script
_JAPANESE = {"HIRAGANA", "KATAKANA", "CJK"}  # are mixed in one text


def warn_of_odd_pairs(
    texts: Sequence[str], others: Sequence[str], names: Sequence[str], what: str
) -> None:
    """Warns of pairs whose lengths are out of proportion, and of texts in another script.

    Args:
        texts: The texts that are read.
        others: The text that is to be written for each.
        names: The name of each pair for messages.
        what: The name of the source.
    """
    if len(texts) < _LEAST:
        return
    far = _out_of_proportion(texts, others)
    if len(far):
        lines = [f"{names[i]}: {len(texts[i]):,} and {len(others[i]):,} characters" for i in far]
        notice(
            f"{what}: {counted(len(far), 'pair')} of {len(texts):,} with lengths out of "
            f"proportion, learnt all the same:{indented(lines)}"
        )
    for side, given in (("texts", texts), ("texts to write", others)):
        usual, rows = _in_another_script(given)
        if rows:
            lines = [f"{names[i]}: {script}, {given[i]!r:.60}" for i, script in rows]
            notice(
                f"{what}: {len(rows):,} of {len(given):,} {side} in another script than {usual}, "
                f"which most have; learnt all the same:{indented(lines)}"
            )


def _out_of_proportion(texts: Sequence[str], others: Sequence[str]) -> list[int]:
    """Returns the pairs of which one text is far too long for the other, by what is usual."""
    first, second = (np.array([len(text) + _SHORT for text in of]) for of in (texts, others))
    proportions = np.log(second / first)
    far = np.abs(proportions - np.median(proportions))
    # Summaries differ much more than translations do.
    usual = max(np.log(_TIMES), _DEVIATIONS * 1.4826 * float(np.median(far)))
    found: list[int] = np.flatnonzero(far > usual).tolist()
    return found


def _in_another_script(texts: Sequence[str]) -> tuple[str, list[tuple[int, str]]]:
    """Returns the script of most texts, and the texts that have another, with that."""
    scripts = [_script(text) for text in texts]
    counts = Counter(script for script in scripts if script)
    if not counts:
        return "", []
    (usual, most), *_ = counts.most_common()
    if most < _USUAL * counts.total():
        return "", []
    return usual, [(i, script) for i, script in enumerate(scripts) if script not in ("", usual)]


def _script(text: str) -> str:
    """Returns the script of most letters of a text; empty where it has no letter."""
    letters = Counter(_of_letter(letter) for letter in text[:_LOOKED_AT] if letter.isalpha())
    return letters.most_common(1)[0][0] if letters else ""


@lru_cache(2**14)
def _of_letter(letter: str) -> str:
    """Returns the script of a letter, such as Latin, by its name in Unicode."""
    name = unicodedata.name(letter, "unknown").partition(" ")[0].partition("-")[0]
    return "Chinese or Japanese" if name in _JAPANESE else name.capitalize()
