"""Chooses which items to validate on, by their content."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from transferlearn.checks import is_number, whole


def hold_out(
    hashes: Sequence[str],
    groups: np.ndarray | None,
    strata: np.ndarray | None,
    fraction: float,
    seed: int | None,
) -> np.ndarray:
    """Chooses the items to validate on, as a function of what they hold and of the seed alone.

    The seed gives each item a place in a line, whatever other items there are. Whole groups are
    held out from the beginning of the line on, until each stratum has its share. So the order and
    the names of the items do not matter, and where items are added few others change sides.

    Args:
        hashes: The hash of each item's content.
        groups: The number of the group of each item, int64 `(n,)`; items of one group stay
            together. `None`: each item is alone.
        strata: The stratum of each item, whole numbers `(n,)` such as class ids; `None`: all items
            are alike.
        fraction: The share of each stratum to hold out, between 0 and 1. Of each stratum with two
            groups or more at least one is held out and one is kept; the only group of a stratum is
            kept. A group is passed over where half of it or more would be too much.
        seed: The seed of the line, a whole number of at least 0; `None` counts as 0.

    Returns:
        Bool `(n,)`: whether each item is held out.

    Raises:
        ValueError: The share is not a number between 0 and 1, or the seed is no such number.
    """
    if not is_number(fraction) or not 0 < fraction < 1:
        raise ValueError(
            f"The share of items to validate on must be between 0 and 1. Received: {fraction!r}"
        )
    groups = np.arange(len(hashes)) if groups is None else groups
    strata = np.zeros(len(hashes), int) if strata is None else strata
    parts: dict[int, Counter[int]] = defaultdict(Counter)  # the items of each group, by stratum
    for group, stratum in zip(groups.tolist(), strata.tolist(), strict=True):
        parts[group][stratum] += 1
    line = _line(hashes, groups, whole("seed", 0 if seed is None else seed, least=0))
    draw = _Draw(parts, fraction)
    for group in line:
        if draw.is_wanted(group):
            draw.take(group)
    for stratum in draw.missed():  # all of its groups are large
        first = next((g for g in line if stratum in parts[g] and draw.is_free(g)), None)
        if first is not None:
            draw.take(first)
    return np.isin(groups, list(draw.held_out))


def _line(hashes: Sequence[str], groups: np.ndarray, seed: int) -> list[int]:
    """Puts the groups in the line that the seed makes of their contents."""
    # The least hash stands for a group: the first place of its items would favour large groups.
    least: dict[int, str] = {}
    for group, content in zip(groups.tolist(), hashes, strict=True):
        least[group] = min(content, least.get(group, content))

    def place(group: int) -> bytes:
        return hashlib.blake2b(f"{seed} {least[group]}".encode(), digest_size=16).digest()

    return sorted(least, key=place)


class _Draw:
    """Notes which groups are held out, and how much each stratum still lacks.

    Args:
        parts: The number of items that each group has of each stratum.
        fraction: The share of each stratum to hold out.
    """

    def __init__(self, parts: Mapping[int, Counter[int]], fraction: float) -> None:
        self.held_out: set[int] = set()
        self._parts = parts
        # By stratum: a plain cut of sorted files can leave a single class to validate on.
        sizes: Counter[int] = Counter()
        for part in parts.values():
            sizes.update(part)
        self._kept = Counter(stratum for part in parts.values() for stratum in part)  # groups
        self._share = {
            stratum: min(max(round(fraction * size), 1), size - 1)
            for stratum, size in sorted(sizes.items())
            if self._kept[stratum] > 1
        }
        self._lacking = Counter(self._share)  # items

    def is_free(self, group: int) -> bool:
        """Returns whether a group is kept, and is not the last of any of its strata."""
        return group not in self.held_out and all(self._kept[s] > 1 for s in self._parts[group])

    def is_wanted(self, group: int) -> bool:
        """Returns whether more than half of a group's items are lacking, and it is free."""
        part = self._parts[group]
        lacking = sum(min(max(self._lacking[s], 0), count) for s, count in part.items())
        return 2 * lacking > part.total() and self.is_free(group)

    def take(self, group: int) -> None:
        """Holds a group out."""
        self.held_out.add(group)
        self._lacking.subtract(self._parts[group])
        self._kept.subtract(list(self._parts[group]))

    def missed(self) -> list[int]:
        """Returns the strata of which nothing is held out although they have two groups."""
        return [
            stratum for stratum, share in self._share.items() if self._lacking[stratum] == share
        ]
