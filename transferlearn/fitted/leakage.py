"""Records which items a model was trained on, and finds them again among those of a test."""

import hashlib
from typing import NamedTuple

import numpy as np

from transferlearn.data.dataset import Dataset, ItemDataset
from transferlearn.data.messages import indented
from transferlearn.fitted.trained import Trained
from transferlearn.hashing import hash_of_item
from transferlearn.json_fields import Json
from transferlearn.wording import counted

TOO_GOOD = "the score is too good"
# Of an item's hash: among 10,000 x 10,000 items, two agree by chance once in three million cases.
_DIGITS = 12
_MOST = 4096  # digests, so that a record stays below 50 kB


class SharedItems(NamedTuple):
    """Describes which items of a test were trained on.

    Attributes:
        names: The names of the items that were trained on.
        looked_up: The number of items of which it is known: all of them, unless there were so many
            to train on that only some are recorded.
    """

    names: list[str]
    looked_up: int


def fingerprint(dataset: Dataset) -> str | None:
    """Hashes all items with their targets, whatever their order; gives `None` for a stream."""
    if not isinstance(dataset, ItemDataset):
        return None
    hashes = dataset.content_hashes()
    raw = dataset.learnt[np.arange(len(hashes))]
    rows = sorted(map(hash_of_item, hashes, raw))
    return hashlib.sha256("".join(rows).encode()).hexdigest()[:16]


def digests(dataset: Dataset) -> str | None:
    """Returns short hashes of the items' contents, sorted and in one string; `None` for a stream.

    Of very many items, those with the smallest hashes are recorded. A test's items with hashes as
    small are then a random part of it, of which is known exactly whether they were trained on.
    """
    if not isinstance(dataset, ItemDataset):
        return None
    return "".join(sorted(set(_digests(dataset)))[:_MOST])


def trained_on(dataset: Dataset, record: Json) -> SharedItems | None:
    """Finds the items that were trained on, by `Outline.data`; `None` where it cannot tell."""
    text = record.get("digests")
    if not text or not isinstance(dataset, ItemDataset):
        return None
    known = {text[i : i + _DIGITS] for i in range(0, len(text), _DIGITS)}
    largest = max(known) if len(known) == _MOST else "g"  # which is above all digits
    asked = [(i, digest) for i, digest in enumerate(_digests(dataset)) if digest <= largest]
    names = [dataset.called(int(dataset.first_rows[i])) for i, digest in asked if digest in known]
    return SharedItems(names, len(asked))


def doubts_of(fitted: Trained, dataset: Dataset, so: str) -> list[str]:
    """Returns how many items were trained on, if any were, and what follows from that."""
    overlap = trained_on(dataset, fitted.outline.data)
    if overlap is None or not overlap.names:
        return []
    whole = f"{counted(overlap.looked_up, fitted.kind.noun)} that could be compared"
    found = f"{len(overlap.names):,} of {whole} were trained on, so {so}."
    return [f"{found}{indented(overlap.names)}"]


def _digests(dataset: ItemDataset) -> list[str]:
    """Returns the short hash of each item's content."""
    return [hash_of_item(content)[:_DIGITS] for content in dataset.item_hashes()]
