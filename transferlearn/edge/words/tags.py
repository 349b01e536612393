"""Reads and writes the tags of words that stand for entities: `O`, `B-PER`, `I-PER`."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

OUTSIDE = "O"
_LEAST = 1e-30  # of probabilities, whose logarithms are added up


class Span(NamedTuple):
    """Holds the type of an entity, and the words that it is made of.

    Attributes:
        label: The type, such as `"PER"`.
        begin: The number of its first word.
        end: The number of the word behind its last.
    """

    label: str
    begin: int
    end: int


def are_of_entities(tags: Sequence[str]) -> bool:
    """Returns whether tags stand for entities: all are `O` or begin with `B-` or `I-`."""
    return any(tag != OUTSIDE for tag in tags) and all(
        tag == OUTSIDE or tag[:2] in ("B-", "I-") for tag in tags
    )


def entities_in(tags: Sequence[str]) -> list[Span]:
    """Returns the entities of IOB2 tags: each begins with `B-`, and goes on with `I-`."""
    return list(_entities(tags))


def _entities(tags: Sequence[str]) -> Iterator[Span]:
    begin = None
    for place, tag in enumerate([*tags, OUTSIDE]):
        if begin is not None and tag != f"I-{tags[begin][2:]}":
            yield Span(tags[begin][2:], begin, place)
            begin = None
        if tag.startswith("B-"):
            begin = place


def allowed(tags: Sequence[str]) -> np.ndarray:
    """Returns which tag may follow which, bool `(tags, tags)`: `I-PER` only `B-PER` or `I-PER`."""
    if not are_of_entities(tags):
        return np.ones((len(tags), len(tags)), bool)
    return np.array(
        [[after[:2] != "I-" or before[2:] == after[2:] for after in tags] for before in tags]
    )


def likeliest(probabilities: np.ndarray, follows: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Returns the likeliest sequence of tags in which each may follow the one before it.

    Args:
        probabilities: The probability of each tag of each word, `(words, tags)`.
        follows: What `allowed` gives.
        begins: Whether each tag may be that of the first word, bool `(tags,)`.

    Returns:
        The number of the tag of each word, int64 `(words,)`.

    Reference: [Viterbi](https://doi.org/10.1109/TIT.1967.1054010).
    """
    logs = np.log(np.maximum(probabilities.astype("float64"), _LEAST))
    barred = np.where(follows, 0.0, -np.inf)
    score = np.where(begins, logs[0], -np.inf) if len(logs) else np.zeros(0)
    came_from = np.zeros(logs.shape, int)
    for place in range(1, len(logs)):
        paths = score[:, None] + barred
        came_from[place] = paths.argmax(axis=0)
        score = paths.max(axis=0) + logs[place]
    chosen = np.zeros(len(logs), int)
    for place in range(len(logs) - 1, -1, -1):
        last = place == len(logs) - 1
        chosen[place] = score.argmax() if last else came_from[place + 1, chosen[place + 1]]
    return chosen
