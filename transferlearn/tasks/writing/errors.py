"""Counts wrong words and characters of what is written down, by jiwer."""

import unicodedata
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from transferlearn.extras import install_line

_KINDS = ("substitutions", "deletions", "insertions")


def plain(text: str) -> str:
    """Returns a text in small letters, without punctuation and with single blanks.

    Apostrophes go, too, so that "it's" becomes "its"; hyphens become blanks.
    """
    dashed = "".join(" " if unicodedata.category(x) == "Pd" else x for x in text.casefold())
    kept = "".join(x for x in dashed if unicodedata.category(x)[0] not in "PS")
    return " ".join(kept.split())


def errors_of(texts: Sequence[str], right: Sequence[str]) -> np.ndarray:
    """Counts the errors of each text, once both are `plain`.

    Returns:
        Words substituted, left out, and added, the right words; then the same of characters;
        float64 `(texts, 8)`.

    Raises:
        ImportError: jiwer is not installed.
    """
    try:
        jiwer: Any = import_module("jiwer")
    except ImportError as error:
        raise ImportError(f"Word error rates need jiwer: {install_line('speech')}") from error
    rows = []
    for one, other in zip(map(plain, texts), map(plain, right), strict=True):
        row = []
        for count, parts in (
            (jiwer.process_words, len(other.split())),
            (jiwer.process_characters, len(other)),
        ):
            if parts:
                made = count(other, one)
                row += [*(getattr(made, kind) for kind in _KINDS), parts]
            else:  # nothing is said, and jiwer takes no such text
                row += [0, 0, len(one.split()) if count is jiwer.process_words else len(one), 0]
        rows.append(row)
    return np.array(rows, float).reshape(-1, 8)


def error_rates(counted: np.ndarray) -> Mapping[str, np.ndarray]:
    """Returns word and character error rate of sums of what `errors_of` gives, `(..., 8)`."""
    words, characters = counted[..., :4], counted[..., 4:]
    found = {
        "word_error_rate": words[..., :3].sum(axis=-1),
        **{kind: words[..., i] for i, kind in enumerate(_KINDS)},
    }
    rates = {name: value / np.maximum(words[..., 3], 1) for name, value in found.items()}
    wrong = characters[..., :3].sum(axis=-1)
    return {**rates, "character_error_rate": wrong / np.maximum(characters[..., 3], 1)}
