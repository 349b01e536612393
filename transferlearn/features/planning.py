"""Chooses where a network is cut for the store, by the time that each place would take."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from transferlearn.folding import on_cpu
from transferlearn.splitting import Cut

# Nominal speeds, not measured ones: cuts differ by factors of ten in what they save and hold, and
# the same job must always make the same choice.
_OPERATIONS_A_SECOND = {"cpu": 5e10 * (os.cpu_count() or 1), "gpu": 1e13}
_BYTES_A_SECOND = {"memory": 1.5e9, "disk": 4e8}  # written or read


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Describes a cut that could be stored.

    Attributes:
        cut: The place in the network.
        item_bytes: The bytes of what crosses it for one item.
        missing: The number of items that are not in a store yet.
        place: Where their features would be read from; `None` if there is no room for them.
    """

    cut: Cut
    item_bytes: int
    missing: int
    place: Literal["memory", "disk"] | None


def choose(
    candidates: Sequence[Candidate], *, items: int, epochs: int, must: bool
) -> Candidate | None:
    """Chooses the candidate that takes the least time, or `None` if storing nothing takes less.

    The time of a candidate is that of computing the missing features once and writing them, and in
    each epoch of reading them and computing the frozen layers behind the cut.

    Args:
        candidates: Cuts in the order of the network; the last one is where the frozen part ends.
        items: The number of items read in an epoch, those to validate on included.
        epochs: How many epochs there will be.
        must: Whether one candidate must be taken even if storing nothing takes less time.
    """
    last = candidates[-1].cut.operations
    speed = _OPERATIONS_A_SECOND["cpu" if on_cpu() else "gpu"]

    def seconds(candidate: Candidate) -> float:
        done = candidate.cut.operations
        # Features that are stored at an earlier cut spare the operations before it.
        before = max(
            (other.cut.operations for other in candidates if other.missing == 0), default=0.0
        )
        once = done - before if before <= done else done
        rate = _BYTES_A_SECOND[candidate.place or "disk"]
        computed = candidate.missing * once + epochs * items * (last - done)
        moved = (candidate.missing + epochs * items) * candidate.item_bytes
        return computed / speed + moved / rate

    best = min((c for c in candidates if c.place), key=seconds, default=None)
    if best and not must and seconds(best) >= epochs * items * last / speed:
        return None
    return best
