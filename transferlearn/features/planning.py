"""Choose where a network is cut for the store, by predicted time."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from transferlearn.folding import on_cpu
from transferlearn.splitting import Cut

# Only orders of magnitude matter: cuts differ by factors of ten in what they save and hold.
_OPERATIONS_A_SECOND = {"cpu": 5e10 * (os.cpu_count() or 1), "gpu": 1e13}
_BYTES_A_SECOND = {"memory": 1.5e9, "disk": 4e8}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A cut that could be stored.

    Attributes:
        cut: The place.
        item_bytes: Of what crosses it.
        missing: Items that are not in a store yet.
        place: Where they would go; `None`: nowhere.
    """

    cut: Cut
    item_bytes: int
    missing: int
    place: Literal["memory", "disk"] | None


def choose(
    candidates: Sequence[Candidate], *, items: int, epochs: int, must: bool
) -> Candidate | None:
    """Gives the candidate that takes the least time, or `None` where computing anew takes less.

    Time is what is computed once, written, read in each epoch, and, behind the cut, computed in
    each epoch.

    Args:
        candidates: Cuts from the image on; the last one is where the frozen part ends.
        items: Read in an epoch, those to validate on included.
        epochs: How many epochs there will be.
        must: Whether one of them has to be taken.
    """
    last = candidates[-1].cut.operations
    speed = _OPERATIONS_A_SECOND["cpu" if on_cpu() else "gpu"]

    def seconds(candidate: Candidate) -> float:
        done = candidate.cut.operations
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
