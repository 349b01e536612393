"""Describes in a few words what each target of a batch is."""

from collections import Counter
from functools import singledispatch

import keras
import numpy as np

from transferlearn.tasks import (
    BoxEncoding,
    ClassEncoding,
    Encoding,
    LayerEncoding,
    MaskEncoding,
    NextTokenEncoding,
    NumberEncoding,
    PictureEncoding,
    WordTagEncoding,
    WritingEncoding,
)

_NAMED = 2  # classes in a few words about a mask


@singledispatch
def targets_in_words(encoding: Encoding, targets: object) -> list[str]:
    """Describes in a few words what each target of a batch is; by default by its numbers.

    Args:
        encoding: The encoding; register a function for the type of one's own.
        targets: The targets as the loss reads them.
    """
    parts = [np.asarray(part, float) for part in keras.tree.flatten(targets)]
    rows = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
    return [", ".join(f"{number:.4g}" for number in row) for row in rows]


@targets_in_words.register
def _(encoding: ClassEncoding, targets: object) -> list[str]:
    """Names each item's classes, with their shares where these are neither 0 nor 1."""
    rows = np.asarray(targets)
    if rows.ndim == 1:
        return [encoding.class_names[i] for i in rows]
    if rows.shape[1] == 1:  # the share of the second class
        rows = np.concatenate([1 - rows, rows], axis=1)
    return [_shares(encoding.class_names, row) for row in rows]


def _shares(names: tuple[str, ...], row: np.ndarray) -> str:
    """Names the classes of a row of shares, the largest first."""
    order = [i for i in np.argsort(-row, kind="stable") if row[i] > 0]
    named = [names[i] if row[i] == 1 else f"{row[i]:.0%} {names[i]}" for i in order]
    return ", ".join(named) or "-"


@targets_in_words.register
def _(encoding: NumberEncoding, targets: object) -> list[str]:
    """Writes each item's numbers, with their names if there are several."""
    before = [f"{name} " if len(encoding.names) > 1 else "" for name in encoding.names]
    return [
        ", ".join(f"{name}{number:.4g}" for name, number in zip(before, row, strict=True))
        for row in np.asarray(targets)
    ]


@targets_in_words.register
def _(encoding: MaskEncoding, targets: object) -> list[str]:
    """Names the classes that each mask shows most of, with their shares of pixels."""
    found = []
    for ids in np.asarray(targets):
        counts = np.bincount(ids[ids >= 0].ravel(), minlength=len(encoding.class_names))
        found.append(_most_of(encoding.class_names, counts / max(1, ids.size)))
    return found


@targets_in_words.register
def _(encoding: LayerEncoding, targets: object) -> list[str]:
    """Names the classes that each mask shows most of, with their shares of pixels."""
    shares = [(marks > 0).mean(axis=(0, 1)) for marks in np.asarray(targets)]
    return [_most_of(encoding.class_names, of_mask) for of_mask in shares]


def _most_of(names: tuple[str, ...], shares: np.ndarray) -> str:
    """Names the classes with the largest shares of a mask's pixels, `(classes,)`."""
    most = [i for i in np.argsort(-shares, kind="stable")[:_NAMED] if shares[i]]
    return ", ".join(f"{names[i]} {shares[i]:.0%}" for i in most)


@targets_in_words.register
def _(encoding: PictureEncoding, targets: object) -> list[str]:
    """Returns how large each target of a batch is."""
    return [f"{len(one)} x {len(one[0])} pixels" for one in np.asarray(targets)]


@targets_in_words.register
def _(encoding: BoxEncoding, targets: object) -> list[str]:
    """Names the objects of each photo."""
    found = []
    for rows in np.asarray(targets):
        counts = Counter(int(i) for i in rows[rows[:, 4] >= 0, 4])
        named = (f"{n} {encoding.class_names[i]}" for i, n in counts.most_common())
        found.append(", ".join(named) or "nothing")
    return found


@targets_in_words.register
def _(encoding: WordTagEncoding, targets: object) -> list[str]:
    """Names the tags of each text."""
    names = encoding.class_names
    return [" ".join(names[i] for i in ids if i >= 0) for ids in np.asarray(targets)]


@targets_in_words.register
def _(encoding: NextTokenEncoding, targets: object) -> list[str]:
    """Describes how many tokens of each row are learnt."""
    return [f"{int((row >= 0).sum())} next tokens" for row in np.asarray(targets)]


@targets_in_words.register
def _(encoding: WritingEncoding, targets: object) -> list[str]:
    """Returns the beginning of each text that is learnt."""
    rows = np.asarray(targets)
    return [f"{encoding.known.text(row[row >= 0].tolist())!r:.60}" for row in rows]
