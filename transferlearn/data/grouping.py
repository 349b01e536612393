"""Finds which items stay together in splits: duplicates, near duplicates, and given groups."""

import itertools
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from transferlearn.data.messages import indented, notice
from transferlearn.wording import counted

_FEW = 5  # items that may look alike, however few items their class has
_SHARE = 0.05  # of a class that may look alike; more are a way of taking photos, not copies
_NEAR = 2  # bits of two hashes that may differ between near duplicates
# Hashes that differ in few bits agree in all bands but as few. With 16 bands of 4 bits, at most 256
# hashes agree in all but two of them, so that comparing these with each other takes little time.
_BANDS = 16


class Links(NamedTuple):
    """Holds pairs of items that belong together: the numbers of both, int64 `(pairs,)` each."""

    left: np.ndarray
    right: np.ndarray


def group_items(
    hashes: Sequence[str],
    likenesses: Sequence[int | None] | None,
    given: Sequence[str] | None,
    strata: np.ndarray | None,
    called: Callable[[int], str],
) -> np.ndarray:
    """Returns items that have to stay together one number: copies, near copies, and given groups.

    Args:
        hashes: The hash of each item's content.
        likenesses: A hash of 64 bits of how each item looks, or `None` where there is none for it;
            `None`: there is none for any.
        given: The name of the group that each item was given, or `None`.
        strata: The stratum of each item, such as its class; `None`: all are alike.
        called: Names an item for messages by its number.

    Returns:
        The number of each item's group, int64 `(n,)`.
    """
    copies = _joined(len(hashes), _same(hashes))
    found = copies
    if likenesses is not None:
        near = _joined(len(hashes), _same(hashes), *_alike(likenesses))
        found = _without_large(near, copies, strata, called)
    return found if given is None else _joined(len(hashes), _same(found.tolist()), _same(given))


def near_copies(
    likenesses: Sequence[int | None], others: Sequence[int | None]
) -> list[tuple[int, int]]:
    """Finds the items of a second dataset that look like some of a first one.

    Returns:
        The numbers of the item in the first dataset and in the second; nothing if they are too
        large a part of the second to be copies.
    """
    count = len(likenesses)
    group = _joined(count + len(others), *_alike([*likenesses, *others]))
    first = {number: i for i, number in reversed([*enumerate(group[:count].tolist())])}
    pairs = [(first[number], j) for j, number in enumerate(group[count:]) if number in first]
    return pairs if len(pairs) <= max(_FEW, _SHARE * len(others)) else []


def _same(names: Sequence[Hashable]) -> Links:
    """Links each item to the first of the same name."""
    first: dict[Hashable, int] = {}
    right = [first.setdefault(name, i) for i, name in enumerate(names)]
    return Links(np.arange(len(names)), np.array(right, int))


def _alike(likenesses: Sequence[int | None]) -> tuple[Links, Links]:
    """Links items whose hashes are equal, and items whose hashes nearly are."""
    items = np.array([i for i, value in enumerate(likenesses) if value is not None], int)
    values, first, place = np.unique(
        np.array([likenesses[i] for i in items], np.uint64), return_index=True, return_inverse=True
    )
    pairs = list(_near_pairs(values))
    left, right = np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0), int)
    some = items[first]
    return Links(items, some[place]), Links(some[left], some[right])


def _near_pairs(values: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the places of hashes that differ in few bits, int64 `(2, pairs)`; some come twice."""
    width = 64 // _BANDS
    bands = [np.uint64(((1 << width) - 1) << (width * band)) for band in range(_BANDS)]
    for agreeing in itertools.combinations(bands, _BANDS - _NEAR):
        keys = values & np.bitwise_or.reduce(agreeing)
        order = np.argsort(keys)
        keys = keys[order]
        left = np.arange(len(keys))
        # Each is compared with the next of its key, then with the one after that, and so on.
        for step in itertools.count(1):
            left = left[: np.searchsorted(left, len(keys) - step)]
            left = left[keys[left] == keys[left + step]]
            if not len(left):
                break
            pairs = np.stack([order[left], order[left + step]])
            yield pairs[:, _differ_little(*values[pairs])]


def _differ_little(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns which pairs of hashes differ in so few bits that they count as near."""
    bits = left ^ right
    for _ in range(_NEAR):
        bits &= bits - np.uint64(1)  # takes the lowest bit away
    return bits == 0


def _joined(count: int, *links: Links) -> np.ndarray:
    """Returns each of `count` items the least number of all items that it is linked to."""
    left, right = (np.concatenate(side) for side in zip(*links, strict=True))
    label = np.arange(count)
    while True:
        least = np.minimum(label[left], label[right])
        lower = label.copy()
        np.minimum.at(lower, label[left], least)
        np.minimum.at(lower, label[right], least)
        lower = lower[lower]  # by way of the other's own link, or long chains would take long
        if np.array_equal(lower, label):
            return label
        label = lower


def _without_large(
    near: np.ndarray, copies: np.ndarray, strata: np.ndarray | None, called: Callable[[int], str]
) -> np.ndarray:
    """Takes groups of near copies that are too large apart, into groups of copies, and says so."""
    strata = np.zeros(len(near), int) if strata is None else strata
    cells, counts = np.unique(np.stack([near, strata]), axis=1, return_counts=True)
    sizes = dict(zip(*np.unique(strata, return_counts=True), strict=True))
    shares = counts / np.array([sizes[stratum] for stratum in cells[1]])
    large = np.isin(near, cells[0][(counts > _FEW) & (shares > _SHARE)])
    apart = np.flatnonzero(large & (near != copies))  # all but the first copies of each group
    if len(apart):
        named = f"{called(near[apart[0]])} and {called(apart[0])}"
        notice(
            f"{np.isin(near, near[apart]).sum()} images look alike to the hash that finds near "
            f"duplicates, such as {named}. They are too large a part of their class to be copies, "
            "so only exact copies of them stay together in splits. If they do belong together, say "
            "so by groups=."
        )
    return np.where(large, copies, near)


def say_lone(
    groups: np.ndarray, strata: np.ndarray | None, noun: str, called: Callable[[int], str]
) -> None:
    """Warns of strata of which nothing is held out, since all of their items are one group.

    Args:
        groups: The number of each item's group.
        strata: The stratum of each item; `None`: all are alike.
        noun: The word for one item in messages.
        called: Names an item by its number.
    """
    strata = np.zeros(len(groups), int) if strata is None else strata
    found, first, sizes = np.unique(strata, return_index=True, return_counts=True)
    parts = np.unique(np.stack([strata, groups]), axis=1)[0]  # each pair once
    lone = (sizes > 1) & (np.bincount(np.searchsorted(found, parts)) == 1)
    lines = [
        f"{counted(size, noun)}, such as {called(item)}"
        for size, item in zip(sizes[lone], first[lone], strict=True)
    ]
    if lines:
        notice(
            f"Nothing of these can be held out, since each line is one group of {noun}s, by its "
            f"name or as copies of one another:{indented(lines)}"
        )
